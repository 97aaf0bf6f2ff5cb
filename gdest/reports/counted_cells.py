"""Turn a grain count into the cells that every report shares, and read the sizes of grains back from their cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gdest.core import INTERCEPT_DEGREES, GrainCount, grain_size
from gdest.reports.column import SMALLEST_SHARE, Cell, four_digits

UNIFORM = "uniform"
"""The homogeneity of grains of one size; a mixture, or too few grains to tell, takes something from the count."""


@dataclass(frozen=True)
class Sizes:
    """Hold the share of grains at each half grade of G, {G: (by number, by area)}, each sums to about 1."""

    shares: Mapping[float, tuple[float, float]]

    @property
    def text(self) -> str:
        """Return the shares as their cell has them: `6.0:12%/25% 6.5:88%/75%`, coarsest first."""
        shown = (
            (g, number, area)
            for g, (number, area) in sorted(self.shares.items())
            if max(number, area) >= SMALLEST_SHARE
        )
        return " ".join(f"{g:.1f}:{number:.0%}/{area:.0%}" for g, number, area in shown)


def sizes_of(areas_um2: NDArray[np.float32]) -> Sizes:
    """Return how grains of these areas (n,) are distributed over the half grades; empty without grains."""
    areas = areas_um2[areas_um2 > 0].astype(np.float64)
    halves = np.floor(grain_size.g_from_mean_area_um2(areas) * 2.0 + 0.5) / 2.0
    grades, place, numbers = np.unique(halves, return_inverse=True, return_counts=True)
    by_area = np.bincount(place, areas, len(grades))
    return Sizes(
        {
            float(g): (float(number / len(areas)), float(area / areas.sum()))
            for g, number, area in zip(grades, numbers, by_area, strict=True)
        }
    )


def read_sizes(text: str) -> Sizes:
    """Return what `Sizes.text` wrote, to the whole percent that it shows."""
    shares = {}
    for part in text.split():
        g, _, both = part.partition(":")
        number, area = (float(share.rstrip("%")) / 100.0 for share in both.split("/"))
        shares[float(g)] = (number, area)
    return Sizes(shares)


def joined_sizes(fields: Iterable[tuple[Sizes, float, float]]) -> Sizes:
    """Return the sizes of all grains of several fields, each with its number of grains and their area in any unit."""
    numbers: dict[float, float] = {}
    areas: dict[float, float] = {}
    for sizes, grains, area in fields:
        for g, (by_number, by_area) in sizes.shares.items():
            numbers[g] = numbers.get(g, 0.0) + by_number * grains
            areas[g] = areas.get(g, 0.0) + by_area * area
    all_grains, all_area = math.fsum(numbers.values()), math.fsum(areas.values())
    if not all_grains or not all_area:
        return Sizes({})
    return Sizes({g: (numbers[g] / all_grains, areas[g] / all_area) for g in numbers})


def count_cells(count: GrainCount | None, um_per_px: float | None) -> dict[str, Cell]:
    """Return the cells of what was counted; without a pixel size only the number of grains, and why there is no more.

    None means not known.
    """
    if count is None:
        return {}
    cells = _cells(count, um_per_px)
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in cells.items()
    }


def _cells(count: GrainCount, um_per_px: float | None) -> dict[str, Cell]:
    limits = "" if count.homogeneity == UNIFORM else count.homogeneity_note  # grains of one size limit nothing
    lines = ""
    if count.led_by_lines == 0.0:
        lines = f"lines along {count.line_share:.0%} of the boundaries only, so that g is not led by it"
    note = "; ".join(filter(None, (count.note, limits, lines)))
    cells: dict[str, Cell] = {"grains_counted": round(count.grains, 1), "count_note": note or None}
    if um_per_px is None:
        return cells
    return cells | {
        "g_counted": round(count.g, 3),
        "g_counted_low": round(count.g_low, 3),
        "g_counted_high": round(count.g_high, 3),
        "intercepts_counted": round(count.intercepts, 1),
        "mean_intercept_counted_um": four_digits(count.mean_intercept_um),
        "relative_accuracy_counted": round(100.0 * count.relative_accuracy, 2),
        "anisotropy": round(count.anisotropy, 3),
        "aspect_ratio": round(count.aspect_ratio, 3),
        "g_largest_grain": round(count.g_largest_grain, 3),
        "twinned_share": round(count.twinned_share, 3),
        "particle_share": round(count.particle_share, 4),
        "homogeneity_counted": count.homogeneity or None,
        "grains_by_half_g": sizes_of(count.areas_um2).text or None,
        "intercept_by_direction_um": _by_direction(count.by_direction_um) or None,
    }


def _by_direction(intercepts_um: Sequence[float]) -> str:
    known = zip(INTERCEPT_DEGREES, intercepts_um, strict=False)
    return " ".join(f"{degrees}:{four_digits(um):g}" for degrees, um in known if math.isfinite(um))
