"""Measure what every step of etching needs: the grains of a label map, and where their boundaries lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gdest.core import boundary_mask
from gdest.synth.label_maps import areas_px, mean_diameter_px
from gdest.synth.tessellation import Floats, Labels, smooth_noise

BOUNDARY_SLOTS = 4096
"""So many different random numbers the boundaries of one picture have."""


@dataclass(frozen=True)
class Boundaries:
    """Hold where the boundaries lie, and what tells one from another.

    For each pixel: its `distance` in px from the nearest boundary, the `slot` (0..4095) of that boundary, the same
    along its whole length, and two random numbers of it, `strength` and `width`. `edge` marks the pixels of the
    boundaries; `pairs` (2, n) are the two grains that meet at each of them, in reading order.
    """

    distance: Floats
    strength: Floats
    width: Floats
    slot: NDArray[np.int16]
    edge: NDArray[np.bool_]
    pairs: Labels


@dataclass(frozen=True)
class Frame:
    """Hold what the steps of etching share: the generator, the labels, and what is measured of the grains.

    `index` are the labels as numpy takes them fastest; `diameter_px` is that of a mean grain; `centre` (n, 2), row
    and column, and `radius_px` (n,) are of each grain.
    """

    rng: np.random.Generator
    labels: Labels
    index: NDArray[np.intp]
    diameter_px: float
    centre: Floats
    radius_px: Floats

    def noise(self, period_px: float) -> Floats:
        """Return smooth noise of unit variance over the frame."""
        return smooth_noise(self.rng, self.labels.shape, period_px)

    def per_grain(self, values: Floats) -> Floats:
        """Return one value per grain (n,) spread over its pixels."""
        return values.astype(np.float32)[self.index]

    def grain_axes(self) -> tuple[Floats, Floats]:
        """Return each pixel's place along and across a random direction of its grain, in px."""
        angle = self.rng.uniform(0, np.pi, len(self.radius_px))
        rows, cols = np.ogrid[: self.labels.shape[0], : self.labels.shape[1]]
        down, right = rows - self.per_grain(self.centre[:, 0]), cols - self.per_grain(self.centre[:, 1])
        cos, sin = self.per_grain(np.cos(angle)), self.per_grain(np.sin(angle))
        return right * cos + down * sin, down * cos - right * sin


def make_frame(rng: np.random.Generator, labels: Labels) -> Frame:
    """Measure the grains of a label map (rows, cols)."""
    flat = labels.ravel()
    area = np.maximum(areas_px(labels), 1).astype(np.float32)
    rows, cols = np.divmod(np.arange(flat.size, dtype=np.int64), labels.shape[1])
    centre = np.stack([np.bincount(flat, rows) / area, np.bincount(flat, cols) / area], axis=1)
    return Frame(
        rng, labels, labels.astype(np.intp), mean_diameter_px(labels), centre.astype(np.float32), np.sqrt(area / np.pi)
    )


def make_boundaries(frame: Frame) -> Boundaries:
    """Find the distance of every pixel from its nearest boundary, and which boundary that is."""
    labels = frame.labels
    edge = boundary_mask(labels)
    table = frame.rng.standard_normal((2, BOUNDARY_SLOTS), dtype=np.float32)
    slots = np.zeros(labels.shape, np.int16)
    if not edge.any():
        far = np.full(labels.shape, 1e4, np.float32)
        return Boundaries(far, np.ones_like(far), np.ones_like(far), slots, edge, np.zeros((2, 0), np.int32))
    row, col = np.nonzero(edge)
    here = labels[row, col]
    right = labels[row, np.minimum(col + 1, labels.shape[1] - 1)]
    other = np.where(right != here, right, labels[np.minimum(row + 1, labels.shape[0] - 1), col])
    # one number per pair of neighbours: the same boundary looks alike along its whole length
    pair = (np.minimum(here, other).astype(np.int64) * 73856093) ^ (np.maximum(here, other).astype(np.int64) * 19349663)
    slots[edge] = pair % BOUNDARY_SLOTS
    distance, (row, col) = ndimage.distance_transform_edt(~edge, return_indices=True)
    slot = slots[row, col]
    return Boundaries(distance.astype(np.float32), table[0][slot], table[1][slot], slot, edge, np.stack([here, other]))
