"""Count grains by area: Saltikov's planimetric procedure of ASTM E112 on the whole usable region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gdest.core import grain_size, student_t
from gdest.grading.grains import Grains


@dataclass(frozen=True)
class Planimetric:
    """Hold a planimetric count: `grains` on `area_um2`, and `areas_um2` (n,) of the grains that no rim cuts."""

    grains: float
    area_um2: float
    areas_um2: NDArray[np.float64]

    @property
    def g(self) -> float:
        """Return G from N_A (E112: 3.321928 log10(N_A) - 2.954); NaN where nothing was counted."""
        if self.grains <= 0 or self.area_um2 <= 0:
            return float("nan")
        return grain_size.g_from_count(self.grains, self.area_um2 * 1e-6)

    @property
    def relative_accuracy(self) -> float:
        """Return the relative half-width of the 95 % interval of the mean area, t s / sqrt(n) / mean (%RA as a share).

        The single grains are the sample (E1382); NaN with fewer than two.
        """
        n = len(self.areas_um2)
        if n < 2:
            return float("nan")
        deviation = float(self.areas_um2.std(ddof=1))
        return student_t(n) * deviation / float(np.sqrt(n)) / float(self.areas_um2.mean())


def count_planimetric(grains: Grains, cell_um: float) -> Planimetric:
    """Return the count on one part: grains inside + half of those cut + a quarter of those in a corner."""
    area = float(grains.areas[1:].sum()) * cell_um**2
    areas = grains.areas[grains.whole].astype(np.float64) * cell_um**2
    return Planimetric(float(grains.shares.sum()), area, areas)


def joined(parts: Sequence[Planimetric]) -> Planimetric:
    """Return the count over all parts: counts and areas add, so that N_A is averaged, not G (E112)."""
    areas = np.concatenate([part.areas_um2 for part in parts]) if parts else np.zeros(0)
    return Planimetric(sum(part.grains for part in parts), sum(part.area_um2 for part in parts), areas)
