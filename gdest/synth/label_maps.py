"""Count and measure what a label map (rows, cols) holds: its grains and its G.

Grains are numbered 0..n-1 without gaps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gdest.core import grain_size, rim_shares
from gdest.synth.tessellation import Labels


def areas_px(labels: Labels) -> NDArray[np.int64]:
    """Return the number of pixels of each grain, (n,)."""
    return np.bincount(labels.ravel())


def mean_diameter_px(labels: Labels) -> float:
    """Return the side of the square that has a grain's mean area, in px."""
    return float(np.sqrt(labels.size / (int(labels.max()) + 1)))


def whole_areas(labels: Labels) -> NDArray[np.float64]:
    """Return the area (n,) in px that each grain is likely to have: the part in the picture, divided by its share."""
    return np.asarray(areas_px(labels) / rim_shares(labels), np.float64)


def count_grains(labels: Labels) -> float:
    """Return the planimetric count of a label map (E112, Saltikov's rectangle)."""
    shares = rim_shares(labels)
    inside, cut, corner = ((shares == share).sum() for share in (1.0, 0.5, 0.25))
    return grain_size.planimetric_count(float(inside), float(cut), float(corner))


def true_g(labels: Labels, um_per_px: float) -> float:
    """Return the grain size number of a label map by its planimetric count."""
    area_mm2 = labels.size * (um_per_px * 1e-3) ** 2
    return grain_size.g_from_count(count_grains(labels), area_mm2)
