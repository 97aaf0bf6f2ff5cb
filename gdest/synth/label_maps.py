"""Count and measure what a label map (rows, cols) holds: its boundaries, its grains, its G.

Grains are numbered 0..n-1 without gaps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gdest.core import grain_size
from gdest.synth.tessellation import Floats, Labels


def boundary_mask(labels: Labels) -> NDArray[np.bool_]:
    """Return the pixels (rows, cols) whose right or lower neighbour belongs to another grain."""
    edge = np.zeros(labels.shape, bool)
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edge[:-1] |= labels[:-1] != labels[1:]
    return edge


def areas_px(labels: Labels) -> NDArray[np.int64]:
    """Return the number of pixels of each grain, (n,)."""
    return np.bincount(labels.ravel())


def mean_diameter_px(labels: Labels) -> float:
    """Return the side of the square that has a grain's mean area, in px."""
    return float(np.sqrt(labels.size / (int(labels.max()) + 1)))


def grain_weights(labels: Labels) -> Floats:
    """Return what each grain counts for, (n,): 1 inside, 1/2 when cut by the rim, 1/4 at a corner."""
    weights = np.ones(int(labels.max()) + 1, np.float32)
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    weights[rim] = 0.5
    weights[[labels[0, 0], labels[0, -1], labels[-1, 0], labels[-1, -1]]] = 0.25
    return weights


def whole_areas(labels: Labels) -> NDArray[np.float64]:
    """Return the area (n,) in px that each grain is likely to have: the part in the picture, divided by its weight."""
    return np.asarray(areas_px(labels) / grain_weights(labels), np.float64)


def count_grains(labels: Labels) -> float:
    """Return the planimetric count of a label map (E112, Saltikov's rectangle)."""
    weights = grain_weights(labels)
    inside, cut, corner = ((weights == share).sum() for share in (1.0, 0.5, 0.25))
    return grain_size.planimetric_count(float(inside), float(cut), float(corner))


def true_g(labels: Labels, um_per_px: float) -> float:
    """Return the grain size number of a label map by its planimetric count."""
    area_mm2 = labels.size * (um_per_px * 1e-3) ** 2
    return grain_size.g_from_count(count_grains(labels), area_mm2)
