"""Draw what crosses a grain without bounding it: twins, slip lines, strokes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from gdest.synth.frame import Frame
from gdest.synth.lines import sigmoid
from gdest.synth.recipe import OWN_STRENGTHS, Recipe
from gdest.synth.tessellation import Floats, smooth_noise

STROKES_LIMIT = 20_000
SLIP_LINES = 1021
"""So many different slip lines one set has, before they repeat."""

TURNED = 0.3
"""So many of a grain's further twins lie on another of its four twin planes than the first."""


@dataclass(frozen=True)
class Twins:
    """Hold, for each pixel, the signed distance in px to the nearest edge of a lamella, negative inside one.

    `strength` is a standard normal number of the lamella whose edge that is.
    """

    distance: Floats
    strength: Floats


def inside_grains(frame: Frame, recipe: Recipe, twins: Twins | None) -> Floats:
    """Return the darkness 0..1 of what lies inside grains and is no twin's outline: slip lines, stripes, strokes."""
    rng = frame.rng
    dark: Floats = np.zeros(frame.labels.shape, np.float32)
    if recipe.slipped > 0:
        dark = _slip_lines(frame, recipe.half_width_px, recipe.slipped)
    if twins is not None and recipe.family == "bright-field" and rng.random() < 0.6:
        dark = np.maximum(dark, _filling(frame, twins, recipe.half_width_px))
    # what lies inside a grain is seldom darker than the boundaries round it, but it happens
    dark *= np.float32(rng.uniform(0.5, 1.05) * min(1.0, recipe.line_median + 0.2))
    if rng.random() < (0.2 if recipe.family in OWN_STRENGTHS else 0.5):
        dark = np.maximum(dark, _strokes(frame, recipe.half_width_px))
    if recipe.banding > 0:
        dark = dark + np.float32(recipe.banding) * _bands(frame)
    return dark


def draw_twins(frame: Frame, recipe: Recipe) -> Twins | None:
    """Return the twin lamellae of the grains, or None if there are none.

    A lamella crosses its grain, ends in it as a closed box, or is so wide that only one of its edges is seen; in some
    grains narrow ones lie side by side.
    """
    if recipe.twinned <= 0:
        return None
    rng, radius = frame.rng, frame.radius_px
    grains = len(radius)
    along, across = frame.grain_axes()
    twinned = rng.random(grains) < recipe.twinned
    bundled = rng.random(grains) < rng.uniform(0.0, 0.4)
    wide_share, further = rng.uniform(0.1, 0.95), rng.uniform(0.3, 0.8)
    nearest: Floats = np.full(frame.labels.shape, 1e4, np.float32)
    strength: Floats = np.zeros(frame.labels.shape, np.float32)
    first, pitch = radius * rng.uniform(-0.9, 0.9, grains), radius * rng.uniform(0.12, 0.4, grains)
    # in fine grains no more of them are resolved
    most = int(np.clip(frame.diameter_px / 8.0, 1, 5))
    for lamella in range(int(rng.integers(1, most + 1))):
        present = twinned & (rng.random(grains) < np.where(bundled, 0.9, 1.0 if lamella == 0 else further))
        half = radius * np.exp(rng.uniform(np.log(0.03), np.log(0.6), grains))
        half = np.where(bundled, pitch * rng.uniform(0.1, 0.4, grains), half)
        half = np.maximum(half, 0.8)
        apart = np.where(bundled, first + pitch * lamella, radius * rng.uniform(-0.9, 0.9, grains))
        offset = first if lamella == 0 else apart
        wide = ~bundled & (rng.random(grains) < wide_share)
        half = np.where(wide, 1.6 * radius, half)
        offset = np.where(wide, offset + np.sign(offset) * half, offset)
        boxed = rng.random(grains) < recipe.boxed
        length = np.where(boxed, radius * rng.uniform(0.2, 0.9, grains), 1e4)
        # most boxes start at the grain's own boundary, the others lie free inside
        shift = np.where(rng.random(grains) < 0.75, 1.3 * radius - length, radius * rng.uniform(-0.6, 0.6, grains))
        shift = boxed * shift * rng.choice([-1, 1], grains)
        turn = np.where((rng.random(grains) < TURNED) & ~bundled & (lamella > 0), rng.uniform(0.6, 1.9, grains), 0.0)
        cos, sin = frame.per_grain(np.cos(turn)), frame.per_grain(np.sin(turn))
        edge = np.abs(across * cos - along * sin - frame.per_grain(offset))
        edge -= frame.per_grain(np.where(present, half, -1e4))
        cap = np.abs(along * cos + across * sin - frame.per_grain(shift)) - frame.per_grain(length)
        inside = np.maximum(edge, cap)
        closer = inside < nearest
        nearest = np.where(closer, inside, nearest)
        strength = np.where(closer, frame.per_grain(rng.standard_normal(grains)), strength)
    return Twins(nearest, strength)


def twin_lines(frame: Frame, recipe: Recipe, twins: Twins) -> Floats:
    """Return the darkness of the straight twin boundaries, from none to darker than a grain boundary."""
    rng = frame.rng
    # thinner than the grain boundaries in most steels, which is half of what tells them apart
    width = max(0.35, recipe.half_width_px * rng.uniform(0.15, 1.2 if recipe.family == "bright-field" else 1.0))
    profile = sigmoid((width - np.abs(twins.distance)) / np.float32(max(0.3, 0.3 * width)))
    if recipe.family == "bright-field":
        strength: Floats = recipe.outline * np.exp(np.float32(recipe.outline_sigma) * twins.strength)
    else:
        strength = recipe.outline + np.float32(recipe.outline_sigma) * twins.strength
    whole = 0.75 if recipe.family == "bright-field" else 0.5
    return np.asarray(profile * np.clip(strength, 0, 1.2) * _fragments(frame, whole), np.float32)


def _filling(frame: Frame, twins: Twins, half_width: float) -> Floats:
    """Return the darkness of dots and stripes inside some of the lamellae."""
    rng = frame.rng
    some = (twins.distance < 0) & (twins.strength > rng.uniform(-0.5, 1.5))
    if rng.random() < 0.5:
        return np.asarray(some * _slip_lines(frame, half_width, 0.9), np.float32)
    dots = np.clip(frame.noise(rng.uniform(1.2, 2.5)) - rng.uniform(0.8, 1.6), 0, 1)
    return np.asarray(some * dots * rng.uniform(0.4, 1.0), np.float32)


def _bands(frame: Frame) -> Floats:
    """Return the darkness 0..2 of bands that drawing or rolling has left along the rows or columns."""
    rng, (rows, cols) = frame.rng, frame.labels.shape
    lengthwise = rng.random() < 0.8
    across, length = (rows, cols) if lengthwise else (cols, rows)
    squeezed = smooth_noise(rng, (across, max(length // 16, 2)), max(2.0, frame.diameter_px * rng.uniform(0.05, 0.5)))
    bands = np.asarray(Image.fromarray(squeezed).resize((length, across), Image.Resampling.BILINEAR))
    return np.asarray(np.clip(bands if lengthwise else bands.T, 0, 2), np.float32)


def _slip_lines(frame: Frame, half_width: float, share: float) -> Floats:
    """Return the darkness of sets of parallel slip lines in this share of the grains."""
    rng, grains = frame.rng, len(frame.radius_px)
    _, across = frame.grain_axes()
    # lines of one set lie at uneven distances and are unlike each other
    period = np.maximum(frame.diameter_px * rng.uniform(0.05, 0.35) * np.exp(rng.normal(0, 0.4, grains)), 3.0)
    phase = across / frame.per_grain(period)
    line = (np.round(phase).astype(np.int32) + 31 * frame.labels) % SLIP_LINES
    uneven = rng.uniform(-0.3, 0.3, SLIP_LINES).astype(np.float32)
    own = np.clip(rng.uniform(rng.uniform(-0.6, 0.5), 1.0, SLIP_LINES), 0.0, 1.0).astype(np.float32)
    away = np.abs(phase - np.round(phase) - uneven[line]) * frame.per_grain(period)
    width = max(0.3, half_width * rng.uniform(0.1, 0.6))
    profile = sigmoid((width - away) / np.float32(max(0.3, 0.4 * width)))
    marked = rng.random(grains) < share
    strength = frame.per_grain(np.where(marked, rng.uniform(0.1, 0.9, grains), 0.0))
    return np.asarray(profile * strength * own[line] * _fragments(frame, 0.3), np.float32)


def _fragments(frame: Frame, whole: float) -> Floats:
    """Return a mask 0..1 that breaks the lines inside grains into pieces, or leaves them `whole` so often."""
    rng = frame.rng
    if rng.random() < whole:
        return np.ones(frame.labels.shape, np.float32)
    pieces = frame.noise(max(2.0, frame.diameter_px * np.exp(rng.uniform(np.log(0.03), np.log(0.5)))))
    return np.clip((pieces + rng.uniform(-0.5, 1.2)) * 2.0, 0.0, 1.0)


def _strokes(frame: Frame, half_width: float) -> Floats:
    """Return the darkness of short strokes that lead nowhere: bent, hooked, as wide as a boundary."""
    rng, (rows, cols) = frame.rng, frame.labels.shape
    canvas = Image.new("L", (cols, rows), 0)
    draw = ImageDraw.Draw(canvas)
    diameter = frame.diameter_px
    per_grain = np.exp(rng.uniform(np.log(0.05), np.log(2.0)))
    longest = diameter * rng.uniform(0.15, 0.6)
    count = int(min(per_grain * len(frame.radius_px), STROKES_LIMIT))
    hooked = rng.random((count, 2)) < 0.3
    turns = np.where(hooked, rng.choice([-1, 1], (count, 2)) * np.pi / 2, rng.normal(0, 0.4, (count, 2)))
    angles = rng.uniform(0, 2 * np.pi, (count, 1)) + np.cumsum(np.c_[np.zeros(count), turns], axis=1)
    steps = longest * rng.uniform(0.1, 0.4, (count, 1))
    away = np.cumsum(np.stack([steps * np.cos(angles), steps * np.sin(angles)], axis=2), axis=1)
    paths = rng.uniform((0, 0), (cols, rows), (count, 1, 2)) + np.concatenate([np.zeros((count, 1, 2)), away], axis=1)
    corners, darkness = rng.integers(2, 5, count), rng.integers(60, 255, count)
    widths = np.maximum(1, np.round(2 * half_width * rng.uniform(0.4, 1.1, count))).astype(int)
    drawn = zip(paths.reshape(count, 8).tolist(), corners.tolist(), darkness.tolist(), widths.tolist(), strict=True)
    for path, ends, fill, width in drawn:
        draw.line(path[: 2 * ends], fill=fill, width=width, joint="curve")
    soft = ndimage.gaussian_filter(np.asarray(canvas, np.float32) / 255.0, max(0.4, 0.2 * half_width))
    return np.asarray(soft * rng.uniform(0.4, 1.0), np.float32)
