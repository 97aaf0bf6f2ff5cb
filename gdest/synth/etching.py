"""Make a label map look like an etched section: boundaries, grain contrast, twins, slip lines.

Images are float32 reflectance, about 0 (black) to 1 (white), shape (rows, cols). Every length is
drawn partly in pixels and partly in mean grain diameters, so that lines and dirt of every
thickness occur in grains of every size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gdest.synth.defects import add_dirt
from gdest.synth.optics import photograph
from gdest.synth.tessellation import Floats, Labels, smooth_noise

STYLES = {"boundary": 0.42, "over-etched": 0.24, "contrast": 0.12, "both": 0.22}
"""How often each kind of etch is drawn."""


@dataclass(frozen=True)
class Boundaries:
    """Hold where the true boundaries lie: distance in px and two random numbers per boundary."""

    distance: Floats
    strength: Floats
    width: Floats


@dataclass(frozen=True)
class Frame:
    """Hold what the steps below share: randomness, the labels, grain diameter in px, own axes."""

    rng: np.random.Generator
    labels: Labels
    diameter_px: float
    centre: Floats
    radius_px: Floats

    def noise(self, period_px: float) -> Floats:
        """Return smooth noise of unit variance over the frame."""
        return smooth_noise(self.rng, self.labels.shape, period_px)

    def per_grain(self, values: Floats) -> Floats:
        """Return one value per grain (n,) spread over its pixels."""
        return values.astype(np.float32)[self.labels]

    def grain_axes(self) -> tuple[Floats, Floats]:
        """Return each pixel's place along and across a random direction of its grain, in px."""
        angle = self.rng.uniform(0, np.pi, len(self.radius_px))
        rows, cols = np.ogrid[: self.labels.shape[0], : self.labels.shape[1]]
        down, right = rows - self.per_grain(self.centre[:, 0]), cols - self.per_grain(self.centre[:, 1])
        cos, sin = self.per_grain(np.cos(angle)), self.per_grain(np.sin(angle))
        return right * cos + down * sin, down * cos - right * sin


def etch(rng: np.random.Generator, labels: Labels) -> Floats:
    """Return the micrograph of a label map as reflectance 0..1, float32, before the camera's 8 bit."""
    frame = _frame(rng, labels)
    style = str(rng.choice(list(STYLES), p=list(STYLES.values())))
    half_width = _half_width(rng, frame.diameter_px, style)
    bounds = _boundaries(frame)
    depth = float(rng.uniform(0.25, 1.0)) if style != "over-etched" else float(rng.uniform(0.6, 1.0))
    image, twins = _grain_levels(frame, style)
    image -= _roughness(frame)
    line = _boundary_darkness(frame, bounds, half_width, style)
    if style == "contrast":
        line *= rng.uniform(0.0, 0.25)
    marks = _twin_lines(frame, twins, half_width) if twins is not None else np.zeros_like(image)
    if rng.random() < 0.45:
        marks = np.maximum(marks, _slip_lines(frame, half_width))
    # what lies inside a grain is seldom darker than the boundaries round it, but it happens
    marks *= np.float32(rng.uniform(0.5, 1.05))
    darkness = np.maximum(line, marks * (1.0 if style != "contrast" else 0.35))
    image = image * (1.0 - depth * np.clip(darkness, 0.0, 1.0))
    image = add_dirt(rng, image, bounds.distance, frame.diameter_px, half_width)
    if style == "over-etched":
        image += line * np.float32(rng.uniform(0.0, 0.25)) * np.clip(frame.noise(rng.uniform(1.2, 3.0)), 0, 3) * 0.5
    return photograph(rng, image, frame.diameter_px)


def _frame(rng: np.random.Generator, labels: Labels) -> Frame:
    flat = labels.ravel()
    area = np.maximum(np.bincount(flat), 1).astype(np.float32)
    rows, cols = np.divmod(np.arange(flat.size, dtype=np.int64), labels.shape[1])
    centre = np.stack([np.bincount(flat, rows) / area, np.bincount(flat, cols) / area], axis=1)
    diameter = float(np.sqrt(labels.size / len(area)))
    return Frame(rng, labels, diameter, centre.astype(np.float32), np.sqrt(area / np.pi))


def _half_width(rng: np.random.Generator, diameter_px: float, style: str) -> float:
    """Draw half the width of the etched line in px, never more than a seventh of a grain."""
    if style == "over-etched":
        wanted = diameter_px * rng.uniform(0.03, 0.125)
    elif rng.random() < 0.5:
        wanted = float(np.exp(rng.uniform(np.log(0.4), np.log(3.0))))
    else:
        wanted = diameter_px * float(np.exp(rng.uniform(np.log(0.004), np.log(0.05))))
    return float(np.clip(wanted, 0.4, max(0.13 * diameter_px, 0.4)))


def boundary_mask(labels: Labels) -> NDArray[np.bool_]:
    """Return the pixels (rows, cols) whose right or lower neighbour belongs to another grain."""
    edge = np.zeros(labels.shape, bool)
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edge[:-1] |= labels[:-1] != labels[1:]
    return edge


def _boundaries(frame: Frame) -> Boundaries:
    labels = frame.labels
    edge = boundary_mask(labels)
    if not edge.any():
        far = np.full(labels.shape, 1e4, np.float32)
        return Boundaries(far, np.ones_like(far), np.ones_like(far))
    distance, (row, col) = ndimage.distance_transform_edt(~edge, return_indices=True)
    right = labels[row, np.minimum(col + 1, labels.shape[1] - 1)]
    below = labels[np.minimum(row + 1, labels.shape[0] - 1), col]
    here = labels[row, col]
    other = np.where(right != here, right, below)
    # one number per pair of neighbours: the same boundary looks alike along its whole length
    pair = (np.minimum(here, other).astype(np.int64) * 73856093) ^ (np.maximum(here, other).astype(np.int64) * 19349663)
    table = frame.rng.standard_normal((2, 4096), dtype=np.float32)
    slot = pair % 4096
    return Boundaries(distance.astype(np.float32), table[0][slot], table[1][slot])


def _boundary_darkness(frame: Frame, bounds: Boundaries, half_width: float, style: str) -> Floats:
    """Return how dark the boundary etch makes each pixel, 0..1."""
    rng, diameter = frame.rng, frame.diameter_px
    rough = style == "over-etched"
    width = half_width * np.exp(np.clip(bounds.width, -2, 2) * rng.uniform(0.0, 0.35))
    if rough or rng.random() < 0.3:
        amount = rng.uniform(0.3, 1.0) if rough else rng.uniform(0.1, 0.4)
        width *= np.clip(1.0 + 0.45 * amount * frame.noise(max(diameter / 3, 2)), 0.35, 2.2)
        width += 0.6 * amount * half_width * frame.noise(max(half_width, 1.5))
        width += 0.35 * amount * min(half_width, 4.0) * frame.noise(1.6)
    if rough and rng.random() < 0.6:
        # clumps: places where the etch has eaten whole junctions
        width += half_width * rng.uniform(0.5, 1.6) * np.clip(frame.noise(diameter * 0.9) - 1.0, 0, 1.2)
    softness = np.float32(max(0.3, half_width * rng.uniform(0.1, 0.5 if not rough else 0.3)))
    profile = 1.0 / (1.0 + np.exp(np.clip((bounds.distance - width) / softness, -20, 20)))
    strength = 1.0 + rng.uniform(0.0, 0.35) * bounds.strength
    faint = bounds.strength < np.quantile(bounds.strength, rng.uniform(0.0, 0.06 if not rough else 0.02))
    strength = np.where(faint, strength * rng.uniform(0.1, 0.6), strength)
    if rng.random() < 0.6:
        along = frame.noise(max(diameter * rng.uniform(0.15, 0.6), 2))
        strength *= np.clip(1.0 + rng.uniform(0.1, 0.4) * along, 0.0, 1.5)
    if rng.random() < 0.35:
        gaps = frame.noise(max(diameter * rng.uniform(0.1, 0.3), 2))
        strength *= np.clip((gaps + rng.uniform(1.6, 2.6)) * 3, 0.1, 1.0)
    return (profile * np.clip(strength, 0.0, 1.2)).astype(np.float32)


def _grain_levels(frame: Frame, style: str) -> tuple[Floats, Floats | None]:
    """Return the grains' own grey, and the signed distance to the twin lamellae when there are any."""
    rng, grains = frame.rng, len(frame.radius_px)
    contrast = rng.uniform(0.12, 0.35) if style in ("contrast", "both") else rng.uniform(0.0, 0.05)
    levels = 0.75 + contrast * np.clip(rng.standard_normal(grains), -2, 2)
    image = frame.per_grain(levels)
    twins = None
    if rng.random() < 0.7:
        twins = _twin_lamellae(frame)
        other = levels + contrast * rng.uniform(0.2, 1.2) * np.clip(rng.standard_normal(grains), -2, 2)
        image = np.where(twins < 0, frame.per_grain(other), image)
    if rng.random() < 0.4:
        image = image + np.float32(rng.uniform(0.01, 0.05)) * frame.noise(max(frame.diameter_px / 2, 4))
    return np.clip(image, 0.08, 1.1).astype(np.float32), twins


def _twin_lamellae(frame: Frame) -> Floats:
    """Return the signed distance in px to the nearest edge of a lamella, negative inside one."""
    rng, radius = frame.rng, frame.radius_px
    grains = len(radius)
    along, across = frame.grain_axes()
    twinned = rng.random(grains) < rng.uniform(0.1, 0.85)
    nearest = np.full(frame.labels.shape, 1e4, np.float32)
    for lamella in range(int(rng.integers(1, 6))):
        present = twinned & (rng.random(grains) < (1.0 if lamella == 0 else 0.55))
        offset = radius * rng.uniform(-0.9, 0.9, grains)
        half = radius * np.exp(rng.uniform(np.log(0.02), np.log(0.6), grains))
        ends = rng.random(grains) < 0.2
        length = np.where(ends, radius * rng.uniform(0.2, 0.9, grains), 1e4)
        shift = radius * rng.uniform(-0.6, 0.6, grains) * ends
        edge = np.abs(across - frame.per_grain(offset)) - frame.per_grain(np.where(present, half, -1e4))
        cap = np.abs(along - frame.per_grain(shift)) - frame.per_grain(length)
        nearest = np.where(np.maximum(edge, cap) < nearest, np.maximum(edge, cap), nearest)
    return nearest


def _twin_lines(frame: Frame, twins: Floats, half_width: float) -> Floats:
    """Return the darkness of the straight twin boundaries, faint to as strong as a grain boundary."""
    rng = frame.rng
    width = max(0.35, half_width * rng.uniform(0.25, 1.0))
    profile = 1.0 / (1.0 + np.exp(np.clip((np.abs(twins) - width) / max(0.3, 0.3 * width), -20, 20)))
    strength = frame.per_grain(np.clip(rng.normal(rng.uniform(0.15, 1.1), 0.25, len(frame.radius_px)), 0, 1))
    return (profile * strength * _fragments(frame)).astype(np.float32)


def _slip_lines(frame: Frame, half_width: float) -> Floats:
    """Return the darkness of sets of parallel slip lines in some of the grains."""
    rng, grains = frame.rng, len(frame.radius_px)
    _, across = frame.grain_axes()
    period = np.maximum(frame.diameter_px * rng.uniform(0.05, 0.35) * np.exp(rng.normal(0, 0.4, grains)), 3.0)
    phase = across / frame.per_grain(period)
    away = np.abs(phase - np.round(phase)) * frame.per_grain(period)
    width = max(0.3, half_width * rng.uniform(0.1, 0.6))
    profile = 1.0 / (1.0 + np.exp(np.clip((away - width) / max(0.3, 0.4 * width), -20, 20)))
    marked = rng.random(grains) < rng.uniform(0.05, 0.9)
    strength = frame.per_grain(np.where(marked, rng.uniform(0.1, 0.9, grains), 0.0))
    return (profile * strength * _fragments(frame)).astype(np.float32)


def _fragments(frame: Frame) -> Floats:
    """Return a mask 0..1 that breaks the lines inside grains into pieces, or leaves them whole."""
    rng = frame.rng
    if rng.random() < 0.4:
        return np.ones(frame.labels.shape, np.float32)
    pieces = frame.noise(max(2.0, frame.diameter_px * np.exp(rng.uniform(np.log(0.03), np.log(0.5)))))
    return np.clip((pieces + rng.uniform(-0.5, 1.2)) * 2.0, 0.0, 1.0)


def _roughness(frame: Frame) -> Floats:
    """Return what in-grain texture takes from the grey: some grains smooth, some dappled."""
    rng, grains = frame.rng, len(frame.radius_px)
    amount = 0.11 * rng.random() ** 2 * np.exp(rng.normal(0, rng.uniform(0.1, 0.9), grains))
    texture = frame.noise(rng.uniform(1.0, 5.0))
    if rng.random() < 0.5:
        texture = np.clip(texture - rng.uniform(0.0, 2.0), 0, None) * 2.0
    return frame.per_grain(np.clip(amount, 0, 0.25)) * texture
