"""Split numbers in two groups, each number with its weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TwoGroups:
    """Hold a split: how many numbers are in the lower group, its share of the weight, and how far the means lie apart.

    `explained` is the variance between the groups.
    """

    lower: int
    share: float
    apart: float
    explained: float


def two_groups(numbers: NDArray[np.float64], weights: NDArray[np.float64]) -> TwoGroups:
    """Return the two groups of ascending numbers (n,) that explain most of their variance (Otsu 1979).

    `weights` (n,) are shares, with a sum of 1.
    """
    lower = np.cumsum(weights)[:-1]
    sums = np.cumsum(weights * numbers)
    apart = (sums[-1] - sums[:-1]) / np.maximum(1.0 - lower, 1e-12) - sums[:-1] / lower
    between = lower * (1.0 - lower) * apart**2
    best = int(np.argmax(between))
    return TwoGroups(best + 1, float(lower[best]), float(apart[best]), float(between[best]))
