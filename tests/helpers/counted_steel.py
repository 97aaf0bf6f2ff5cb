"""Grains drawn with known boundaries, and what a count of them would hold; no network, no counting."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from gdest.core import GrainCount, Mark, Overlay


def grain_map(rng, rows=300, cols=400, grains=60):
    """Return a label map of polygons (rows, cols) int32, numbered from 1, that meet without a gap."""
    seeds = np.zeros((rows, cols), np.int32)
    at = rng.choice(rows * cols, grains, replace=False)
    seeds.ravel()[at] = np.arange(1, grains + 1)
    nearest = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    return seeds[tuple(nearest)]


def borders(labels):
    """Return the pixels at which the label differs from the one to the right or below, (rows, cols)."""
    edges = np.zeros(labels.shape, bool)
    edges[:, :-1] |= labels[:, 1:] != labels[:, :-1]
    edges[:-1] |= labels[1:] != labels[:-1]
    return edges


def picture_of(labels, rng):
    """Return grey pixels like etched steel: grains of slightly different grey with dark boundaries, uint8."""
    grey = rng.integers(140, 200, labels.max() + 1)[labels]
    grey[ndimage.binary_dilation(borders(labels))] = 60
    return np.clip(grey + rng.normal(0, 5, labels.shape), 0, 255).astype(np.uint8)


def marks_of(labels):
    """Return an overlay's marks of a label map: boundaries, a test line with hits, the largest grain's outline."""
    edges = borders(labels)
    marks = np.where(edges, Mark.GRAIN, Mark.NOTHING).astype(np.uint8)
    largest = labels == np.bincount(labels.ravel()).argmax()
    marks[largest & ~ndimage.binary_erosion(largest)] = Mark.LARGEST
    row = labels.shape[0] // 3
    marks[row][marks[row] == Mark.NOTHING] = Mark.LINE
    marks[row][edges[row]] = Mark.HIT
    return marks


def count_of(labels, um_per_px=1.0, cell_px=1.0, **changed):
    """Return what counting a label map could give, with numbers that tell each column from the others."""
    areas = np.bincount(labels.ravel())[1:] * (um_per_px * cell_px) ** 2
    known = {
        "g": 7.12345, "g_low": 6.9, "g_high": 7.3, "g_planimetric": 7.1, "g_intercepts": 7.2, "grains": 512.5,
        "intercepts": 431.25, "relative_accuracy": 0.06789, "mean_intercept_um": 27.0123, "anisotropy": 1.0567,
        "by_direction_um": (27.5, 26.6, 26.04, 27.1), "aspect_ratio": 1.3456, "g_largest_grain": 3.4567,
        "twinned_share": 0.3456, "particle_share": 0.01234, "areas_um2": areas.astype(np.float32),
        "homogeneity": "uniform", "overlays": (Overlay(marks_of(labels), cell_px),),
    }  # fmt: skip
    return GrainCount(**(known | changed))
