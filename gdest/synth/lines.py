"""Draw etched grain boundaries: how dark the etch makes each pixel, 0..1."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.special import ndtri

from gdest.synth.frame import BOUNDARY_SLOTS, Boundaries, Frame
from gdest.synth.recipe import OWN_STRENGTHS, Recipe
from gdest.synth.tessellation import Floats

WEAKEST, STRONGEST = 0.05, 1.2
"""The range of a boundary's strength, as shares of a full line."""

SEEN_STRENGTH = 0.2
"""A line of this share of a full one can be followed by eye."""

SEEN_OUTLINE = 0.6
"""A grain of whose outline a smaller share can be seen has its faintest boundaries lifted."""


def etched_lines(frame: Frame, bounds: Boundaries, recipe: Recipe) -> Floats:
    """Return the darkness of the boundaries as the recipe's family etches them."""
    if recipe.family in OWN_STRENGTHS:
        return own_darkness(frame, bounds, recipe)
    return boundary_darkness(frame, bounds, recipe.half_width_px, recipe.family) * np.float32(recipe.line)


def own_darkness(frame: Frame, bounds: Boundaries, recipe: Recipe) -> Floats:
    """Return thin lines of which each has a strength of its own; strong ones are wider too."""
    rng, diameter = frame.rng, frame.diameter_px
    strength = own_strengths(bounds, recipe)
    width = recipe.half_width_px * np.clip(strength, 0.3, 1.0) ** 0.4
    width *= np.exp(np.clip(bounds.width, -2, 2) * np.float32(rng.uniform(0.0, 0.25)))
    if rng.random() < 0.5:
        width *= np.clip(1.0 + rng.uniform(0.1, 0.5) * frame.noise(max(diameter / 4, 2)), 0.4, 2.5)
    softness = np.float32(max(0.3, recipe.half_width_px * rng.uniform(0.15, 0.5)))
    if rng.random() < 0.7:
        along = frame.noise(max(diameter * rng.uniform(0.1, 0.6), 2))
        strength = strength * np.clip(1.0 + rng.uniform(0.1, 0.4) * along, 0.3, 1.6)
    if rng.random() < 0.35:
        dashes = frame.noise(max(rng.uniform(1.5, 4.0), 0.02 * diameter))
        strength = strength * np.clip(1.0 + rng.uniform(0.2, 0.6) * dashes, 0.25, 1.5)
    if recipe.gaps > 0:
        patches = frame.noise(max(diameter * rng.uniform(0.1, 0.4), 3))
        strength = strength * np.clip((patches + ndtri(1.0 - recipe.gaps)) * 4, rng.uniform(0.0, 0.15), 1.0)
    return np.asarray(sigmoid((width - bounds.distance) / softness) * np.clip(strength, 0.0, STRONGEST), np.float32)


def own_strengths(bounds: Boundaries, recipe: Recipe) -> Floats:
    """Return the log-normal strength of each pixel's nearest boundary, such that every grain can be told.

    Where most of a grain's outline would be too faint to follow, its faint boundaries get the least strength that
    can be: a label must follow from the picture.
    """
    strength = recipe.line_median * np.exp(np.float32(recipe.line_sigma) * bounds.strength)
    strength = np.clip(strength, WEAKEST, STRONGEST)
    here, other = bounds.pairs
    seen = (strength[bounds.edge] > SEEN_STRENGTH).astype(np.float32)
    outline = np.bincount(np.r_[here, other]) + 1e-6
    weak = np.bincount(np.r_[here, other], np.r_[seen, seen]) / outline < SEEN_OUTLINE
    return lifted(strength, bounds, weak[here] | weak[other], SEEN_STRENGTH)


def lifted(strength: Floats, bounds: Boundaries, wanting: Floats, least: float) -> Floats:
    """Return strengths (rows, cols) of at least `least` along the boundaries with an edge pixel that is `wanting`."""
    lift = np.zeros(BOUNDARY_SLOTS, bool)
    lift[bounds.slot[bounds.edge][wanting]] = True
    return np.asarray(np.where(lift[bounds.slot], np.maximum(strength, np.float32(least)), strength), np.float32)


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)) in float32."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x), np.float32)


def boundary_darkness(frame: Frame, bounds: Boundaries, half_width: float, style: str) -> Floats:
    """Return how dark the boundary etch makes each pixel, 0..1."""
    rng, diameter = frame.rng, frame.diameter_px
    rough = style == "over-etched"
    width = half_width * np.exp(np.clip(bounds.width, -2, 2) * rng.uniform(0.0, 0.35))
    if rough or rng.random() < 0.3:
        amount = rng.uniform(0.3, 1.0) if rough else rng.uniform(0.1, 0.4)
        width *= np.clip(1.0 + 0.45 * amount * frame.noise(max(diameter / 3, 2)), 0.35, 2.2)
        width += 0.6 * amount * half_width * frame.noise(max(half_width, 1.5))
        width += 0.35 * amount * min(half_width, 4.0) * frame.noise(1.6)
    if rng.random() < (0.7 if rough else 0.2):
        # clumps: places where the etch has eaten whole junctions
        clumps = np.clip(frame.noise(diameter * rng.uniform(0.4, 1.2)) - rng.uniform(0.6, 1.5), 0, 1.5)
        width += half_width * rng.uniform(0.5, 2.0) * clumps
    distance = bounds.distance
    if rng.random() < (0.7 if rough else 0.2):
        distance = rounded(distance, diameter * rng.uniform(0.02, 0.1))
    softness = np.float32(max(0.3, half_width * rng.uniform(0.1, 0.5 if not rough else 0.3)))
    profile = sigmoid((width - distance) / softness)
    strength = 1.0 + rng.uniform(0.0, 0.35) * bounds.strength
    faint = bounds.strength < np.quantile(bounds.strength[::8, ::8], rng.uniform(0.0, 0.06 if not rough else 0.02))
    strength = np.where(faint, strength * rng.uniform(0.1, 0.6), strength)
    if rng.random() < 0.6:
        along = frame.noise(max(diameter * rng.uniform(0.15, 0.6), 2))
        strength *= np.clip(1.0 + rng.uniform(0.1, 0.4) * along, 0.0, 1.5)
    if rng.random() < 0.35:
        gaps = frame.noise(max(diameter * rng.uniform(0.1, 0.3), 2))
        strength *= np.clip((gaps + rng.uniform(1.6, 2.6)) * 3, 0.1, 1.0)
    return (profile * np.clip(strength, 0.0, 1.2)).astype(np.float32)


def rounded(distance: Floats, reach_px: float) -> Floats:
    """Return the distance from boundaries with rounded junctions, which the etch attacks from all sides."""
    return np.asarray(np.minimum(distance, ndimage.gaussian_filter(distance, reach_px)), np.float32)


def pieces(frame: Frame, bounds: Boundaries, visible: float) -> Floats:
    """Return a mask 0..1 (rows, cols) that leaves about the share `visible` of every line.

    Some boundaries are missing from end to end, as prior-austenite etches leave them, and others in places.
    """
    whole = float(visible ** frame.rng.uniform(0.0, 1.0))
    patches = frame.noise(max(frame.diameter_px * frame.rng.uniform(0.12, 0.5), 2))
    there = bounds.strength > ndtri(1.0 - whole)
    return np.asarray(there * np.clip((patches + ndtri(visible / whole)) * 6, 0.0, 1.0), np.float32)
