"""Boundary maps of known grains: what a network that sees every boundary would say of a label map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gdest.core import BoundaryField


def field_of(labels: NDArray[np.integer], *, sure: float = 1.0, cell_px: float = 1.0) -> BoundaryField:
    """Return the map of a label map (rows, cols), its boundaries two cells wide and as sure as is said."""
    edge = ndimage.maximum_filter(labels, (2, 2)) != ndimage.minimum_filter(labels, (2, 2))
    grain = np.where(edge, round(255 * sure), 0).astype(np.uint8)
    return BoundaryField(grain, np.zeros_like(grain), np.zeros_like(grain), cell_px)


def squares(rows: int, cols: int, side: int, shift: int = 0) -> NDArray[np.int64]:
    """Return the label map of square grains; `shift` moves the pattern, so that the rim cuts the outer ones."""
    down, right = (np.arange(rows) + shift) // side, (np.arange(cols) + shift) // side
    return down[:, None] * 1000 + right


def voronoi(rng: np.random.Generator, rows: int, cols: int, points: int) -> NDArray[np.int64]:
    """Return the label map of a Voronoi tessellation of random points."""
    seeds = np.zeros((rows, cols), np.int64)
    flat = rng.choice(rows * cols, points, replace=False)
    seeds.ravel()[flat] = np.arange(1, points + 1)
    down, right = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    return seeds[down, right]
