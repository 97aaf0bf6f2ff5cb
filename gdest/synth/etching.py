"""Make a label map look like an etched section: boundaries, grain contrast, relief.

Images are float32 reflectance, about 0 (black) to 1 (white), shape (rows, cols). Every length is
drawn partly in pixels and partly in mean grain diameters, so that lines and dirt of every
thickness occur in grains of every size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import ndtri

from gdest.synth import marks
from gdest.synth.defects import add_dirt
from gdest.synth.frame import Boundaries, Frame, make_boundaries, make_frame
from gdest.synth.optics import photograph
from gdest.synth.tessellation import Floats, Labels

STYLES = {"boundary": 0.5, "over-etched": 0.25, "contrast": 0.08, "both": 0.17}
"""How often each kind of etch is drawn."""

SMALLEST_CORE = 0.02
"""A grain is seen, and counted, where the etched line leaves this share of a mean grain's area free."""


@dataclass(frozen=True)
class Etched:
    """Hold a micrograph (rows, cols) as reflectance 0..1, before the camera's 8 bit, and the grains seen in it."""

    image: Floats
    seen: Labels


def etch(rng: np.random.Generator, labels: Labels, visible: float = 1.0, traces: float = 0.0) -> Etched:
    """Return the micrograph of a label map and the label map of the grains that it shows.

    A grain that the etched line covers whole is drawn as a black knot. In `seen` it belongs to its neighbours, since
    nobody counts what cannot be seen.
    With `visible` below 1 the etch shows that share of the boundaries' length, `traces` (0..1) of the darkness of
    the rest, and no grain contrast.
    """
    frame = make_frame(rng, labels)
    style = str(rng.choice(list(STYLES), p=list(STYLES.values()))) if visible >= 1.0 else "boundary"
    half_width = _half_width(rng, frame.diameter_px, style)
    bounds = make_boundaries(frame)
    depth = float(rng.uniform(0.35, 1.0)) if style != "over-etched" else float(rng.uniform(0.7, 1.0))
    image, twins = _grain_levels(frame, style)
    image -= _roughness(frame)
    line = boundary_darkness(frame, bounds, half_width, style)
    if style == "contrast":
        line *= rng.uniform(0.0, 0.25)
    if visible < 1.0:
        line *= np.maximum(pieces(frame, bounds, visible), np.float32(traces))
    inside = marks.inside_grains(frame, twins, half_width)
    darkness = np.maximum(line, inside * (0.35 if style == "contrast" or visible < 1.0 else 1.0))
    image = image * (1.0 - depth * np.clip(darkness, 0.0, 1.0))
    if rng.random() < (0.5 if style == "over-etched" else 0.12):
        image += _relief(frame, bounds, half_width)
    image = add_dirt(rng, image, bounds.distance, frame.diameter_px, half_width)
    if style == "over-etched":
        image += _debris(frame, line, half_width)
    return Etched(photograph(rng, image, frame.diameter_px), seen_grains(labels, line))


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


def _half_width(rng: np.random.Generator, diameter_px: float, style: str) -> float:
    """Draw half the width of the etched line in px, never more than a seventh of a grain."""
    if style == "over-etched":
        wanted = diameter_px * rng.uniform(0.025, 0.13)
    elif rng.random() < 0.5:
        wanted = float(np.exp(rng.uniform(np.log(0.4), np.log(3.0))))
    else:
        wanted = diameter_px * float(np.exp(rng.uniform(np.log(0.004), np.log(0.05))))
    return float(np.clip(wanted, 0.4, max(0.13 * diameter_px, 0.4)))


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
    profile = 1.0 / (1.0 + np.exp(np.clip((distance - width) / softness, -20, 20)))
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


def _grain_levels(frame: Frame, style: str) -> tuple[Floats, Floats | None]:
    """Return the grains' own grey, and the signed distance to the twin lamellae when there are any."""
    rng, grains = frame.rng, len(frame.radius_px)
    contrast = rng.uniform(0.12, 0.35) if style in ("contrast", "both") else rng.uniform(0.0, 0.05)
    levels = 0.75 + contrast * np.clip(rng.standard_normal(grains), -2, 2)
    image = frame.per_grain(levels)
    twins = None
    if rng.random() < 0.75:
        twins = marks.twin_lamellae(frame)
        other = levels + contrast * rng.uniform(0.2, 1.2) * np.clip(rng.standard_normal(grains), -2, 2)
        image = np.where(twins < 0, frame.per_grain(other), image)
    if rng.random() < 0.4:
        image = image + np.float32(rng.uniform(0.01, 0.05)) * frame.noise(max(frame.diameter_px / 2, 4))
    return np.clip(image, 0.08, 1.1).astype(np.float32), twins


def _roughness(frame: Frame) -> Floats:
    """Return what in-grain texture takes from the grey: some grains smooth, some dappled in places."""
    rng, grains = frame.rng, len(frame.radius_px)
    amount = 0.11 * rng.random() ** 2 * np.exp(rng.normal(0, rng.uniform(0.1, 0.9), grains))
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
