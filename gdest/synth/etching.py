"""Make a label map look like an etched section: boundaries, grain contrast, relief.

Images are float32 reflectance, about 0 (black) to 1 (white), shape (rows, cols). Every length is
drawn partly in pixels and partly in mean grain diameters, so that lines and dirt of every
thickness occur in grains of every size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gdest.core import boundary_mask
from gdest.synth import marks
from gdest.synth.defects import add_dirt
from gdest.synth.frame import Boundaries, Frame, make_boundaries, make_frame
from gdest.synth.lines import etched_lines, lifted, pieces, sigmoid
from gdest.synth.optics import Camera, photograph
from gdest.synth.particles import draw_particles
from gdest.synth.recipe import OWN_STRENGTHS, WITHOUT_LINES, Recipe, draw_recipe, pick_family
from gdest.synth.tessellation import Floats, Labels

SMALLEST_CORE = 0.02
"""A grain is seen, and counted, where the etched line leaves this share of a mean grain's area free."""

DIAMETER_PER_DISTANCE = 5.0
"""Mean diameter of equal-sided grains over the mean distance from a boundary (measured); long grains have more."""

SEEN_STEP = 0.05
"""The least step in reflectance, out of about 0..1, by which the edge of a twin is said to be seen."""

DIFFERENT_GREY = 0.3
"""Grains without a line between them differ in grey by this share of the spread, or a faint line parts them."""

CAMERAS = {
    "contrast": Camera(least_white=97.0),
    "mosaic": Camera(least_white=97.0, least_span=0.4),
    "bright-field": Camera(least_white=90.0, most_blur_px=0.8, least_span=0.5, most_span=0.97, noise=0.025),
    "thin-lines": Camera(least_white=70.0, most_blur_px=1.0, least_span=0.4, most_span=1.05, noise=0.03),
}
"""What shows little is photographed with care, or the grains could not be told."""

TWIN, PARTICLE = 1, 2
"""What `Etched.features` says of a pixel; 0 is neither."""


@dataclass(frozen=True)
class Etched:
    """Hold a micrograph (rows, cols) as reflectance 0..1, before the camera's 8 bit, and what is seen in it.

    `seen` are the grains, `features` (uint8) says where the edge of a twin (1) and where a particle, precipitate,
    pit or pore (2) is seen; a grain boundary hides a twin's edge, a particle hides both.
    """

    image: Floats
    seen: Labels
    features: NDArray[np.uint8]
    recipe: Recipe


def etch(
    rng: np.random.Generator, labels: Labels, visible: float = 1.0, traces: float = 0.0, family: str | None = None
) -> Etched:
    """Return the micrograph of a label map and the label map of the grains that it shows.

    A grain that the etched line or particles cover whole is drawn as a black knot. In `seen` it belongs to its
    neighbours, since nobody counts what cannot be seen.
    With `visible` below 1 the etch shows that share of the boundaries' length, `traces` (0..1) of the darkness of
    the rest, and no grain contrast. Without a `family` one is drawn.
    """
    frame = make_frame(rng, labels)
    bounds = make_boundaries(frame)
    narrow_px = min(frame.diameter_px, DIAMETER_PER_DISTANCE * float(bounds.distance.mean()))
    recipe = draw_recipe(rng, narrow_px, family or (pick_family(rng) if visible >= 1.0 else "boundary"))
    twins = marks.draw_twins(frame, recipe)
    image, parting, step = _grain_levels(frame, bounds, recipe, twins)
    care = _care(recipe)
    image -= _roughness(frame, 0.11 * (1.0 - care))
    line = np.maximum(etched_lines(frame, bounds, recipe), parting)
    if visible < 1.0:
        line *= np.maximum(pieces(frame, bounds, visible), np.float32(traces))
    faint = 0.35 if recipe.family in WITHOUT_LINES or visible < 1.0 else 1.0
    inside = marks.inside_grains(frame, recipe, twins) * np.float32(faint)
    outline = np.zeros_like(inside)
    if twins is not None:
        outline = marks.twin_lines(frame, recipe, twins) * np.float32(faint)
    darkness = np.maximum(np.maximum(line, outline), inside)
    image = image * (1.0 - np.float32(recipe.depth) * np.clip(darkness, 0.0, 1.0))
    if rng.random() < {"over-etched": 0.5, "bright-field": 0.05}.get(recipe.family, 0.12):
        image += _relief(frame, bounds, recipe.half_width_px)
    covered = np.zeros(labels.shape, bool)
    particles = draw_particles(frame, bounds, recipe)
    if particles is not None:
        image, covered = particles.over(image), particles.mask()
    image, dirt = add_dirt(frame, bounds, image, recipe.half_width_px, care)
    if recipe.family == "over-etched":
        image += _debris(frame, line, recipe.half_width_px)
    seen = seen_grains(labels, np.maximum(line, covered))
    features = _features(seen, twins, step + np.float32(recipe.depth) * outline, covered | dirt)
    camera = CAMERAS.get(recipe.family, Camera())
    return Etched(photograph(rng, image, frame.diameter_px, camera, recipe.cleared), seen, features, recipe)


def _care(recipe: Recipe) -> float:
    """Return 0..1 how well the section was polished: what share of roughness and dirt is not there."""
    return 0.9 if recipe.cleared > 1.0 else 0.7 if recipe.family in OWN_STRENGTHS else 0.0


def _features(seen: Labels, twins: marks.Twins | None, step: Floats, covered: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return where a twin's edge or a particle is seen; `step` is by how much an edge would differ in grey."""
    features = np.zeros(seen.shape, np.uint8)
    if twins is not None:
        edge = boundary_mask((twins.distance < 0).astype(np.int32))
        features[edge & (step > SEEN_STEP) & ~boundary_mask(seen)] = TWIN
    features[covered] = PARTICLE
    return features


def seen_grains(labels: Labels, line: Floats) -> Labels:
    """Return the label map (rows, cols) in which a grain belongs to its neighbours if the line 0..1 covers its core."""
    count = int(labels.max()) + 1
    core = np.bincount(labels[line < 0.5], minlength=count)
    seen = core >= max(SMALLEST_CORE * labels.size / count, 1.0)
    hidden = ~seen[labels]
    if not seen.any() or not hidden.any():
        return labels
    row, col = ndimage.distance_transform_edt(hidden, return_distances=False, return_indices=True)
    _, found = np.unique(labels[row, col], return_inverse=True)
    return found.reshape(labels.shape).astype(np.int32)


def _grain_levels(
    frame: Frame, bounds: Boundaries, recipe: Recipe, twins: marks.Twins | None
) -> tuple[Floats, Floats, Floats]:
    """Return the grains' own grey, the lines that part grains of one grey, and the step at the edges of twins.

    All are (rows, cols); a step is the difference in grey between a lamella and its grain.
    """
    rng, contrast = frame.rng, recipe.contrast
    levels = _apart(frame, bounds, recipe)
    image = frame.per_grain(levels)
    parting = np.zeros_like(image)
    if recipe.family in WITHOUT_LINES:
        here, other = bounds.pairs
        alike = np.abs(levels[here] - levels[other]) < 0.5 * DIFFERENT_GREY * contrast
        near = sigmoid((recipe.half_width_px - bounds.distance) / np.float32(0.4))
        parting = lifted(parting, bounds, alike, 0.25) * near
    step = np.zeros_like(image)
    if recipe.slope > 0:
        along, _ = frame.grain_axes()
        slope = recipe.slope * rng.standard_normal(len(levels)) / np.maximum(frame.radius_px, 1.0)
        image = image + np.clip(along * frame.per_grain(slope), -0.3, 0.3)
    if twins is not None:
        away = rng.uniform(0.2, 1.2) * contrast * np.clip(rng.standard_normal(len(levels)), -2, 2)
        inside = frame.per_grain(away)
        image = np.where(twins.distance < 0, image + inside, image)
        step = np.abs(inside)
    if rng.random() < 0.4:
        cloudy = rng.uniform(0.01, 0.05) * (1.0 - _care(recipe))
        image = image + np.float32(cloudy) * frame.noise(max(frame.diameter_px / 2, 4))
    return np.clip(image, 0.08, 1.1).astype(np.float32), parting, step


def _apart(frame: Frame, bounds: Boundaries, recipe: Recipe) -> Floats:
    """Draw the grey of each grain (n,); neighbours with no line between them are pushed apart."""
    rng, grains, contrast = frame.rng, len(frame.radius_px), recipe.contrast
    if recipe.family == "both" and rng.random() < 0.4:
        # brass: some grains dark, most of them white
        levels = 0.75 + contrast * np.where(rng.random(grains) < rng.uniform(0.2, 0.5), -1.5, 0.7)
        levels = levels + 0.15 * contrast * rng.standard_normal(grains)
    elif recipe.family != "mosaic":
        levels = 0.75 + contrast * np.clip(rng.standard_normal(grains), -2, 2)
    else:
        # grey etches leave most grains light or most dark, polarised light and tint etches all alike
        skew = rng.beta(rng.uniform(0.6, 3.0), rng.uniform(0.6, 3.0), grains)
        levels = 0.6 + contrast * np.clip((skew - skew.mean()) / max(float(skew.std()), 0.05), -2, 2)
    if recipe.family in WITHOUT_LINES and bounds.pairs.size:
        here, other = np.unique(np.sort(bounds.pairs, axis=0), axis=1)
        for _ in range(6):
            apart = levels[here] - levels[other]
            push = 0.35 * np.clip(DIFFERENT_GREY * contrast - np.abs(apart), 0, None) * np.where(apart < 0, -1, 1)
            levels = levels + np.bincount(here, push, grains) - np.bincount(other, push, grains)
            levels = np.clip(levels, 0.1, 1.1)
    return levels.astype(np.float32)


def _roughness(frame: Frame, most: float) -> Floats:
    """Return what in-grain texture takes from the grey: some grains smooth, some dappled in places."""
    rng, grains = frame.rng, len(frame.radius_px)
    amount = most * rng.random() ** 2 * np.exp(rng.normal(0, rng.uniform(0.1, 0.9), grains))
    texture = frame.noise(rng.uniform(1.0, 5.0))
    if rng.random() < 0.6:
        texture = np.clip(texture - rng.uniform(0.0, 2.0), 0, None) * 2.0
    if rng.random() < 0.5:
        patches = frame.noise(max(4.0, frame.diameter_px * rng.uniform(0.2, 0.8)))
        texture = texture * np.clip(patches + rng.uniform(-0.5, 0.5), 0, 2) * 1.5
    return frame.per_grain(np.clip(amount, 0, 0.25)) * texture


def _relief(frame: Frame, bounds: Boundaries, half_width: float) -> Floats:
    """Return the light and shade of slanting light on grains that stand out from the etched grooves."""
    rng = frame.rng
    reach = half_width * rng.uniform(1.0, 3.0) + frame.diameter_px * rng.uniform(0.0, 0.15)
    height = ndimage.gaussian_filter(np.minimum(bounds.distance, reach), max(0.5, 0.25 * reach))
    down, right = np.gradient(height)
    angle = rng.uniform(0, 2 * np.pi)
    return np.asarray(rng.uniform(0.05, 0.3) * (np.cos(angle) * right + np.sin(angle) * down), np.float32)


def _debris(frame: Frame, line: Floats, half_width: float) -> Floats:
    """Return the brightness of what is left standing in wide black grooves: specks and splinters."""
    rng = frame.rng
    fine = np.clip(frame.noise(rng.uniform(1.2, 3.0)), 0, 3) * rng.uniform(0.0, 0.15)
    coarse = np.clip(frame.noise(max(1.5, half_width * rng.uniform(0.4, 1.2))) - rng.uniform(1.0, 2.2), 0, 1)
    return np.asarray(line * (fine + coarse * rng.uniform(0.0, 0.8)), np.float32)
