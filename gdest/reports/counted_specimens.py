"""Join what was counted on the micrographs of one specimen, as ASTM E112 has it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from gdest.core import grain_size
from gdest.reports.between_fields import OwnScatter
from gdest.reports.column import Cell
from gdest.reports.counted_cells import joined_sizes, read_sizes
from gdest.reports.specimens import UM2_PER_MM2, g_of, joint_homogeneity, scatter

UNKNOWN = (math.nan, math.nan)
NORMAL_95 = 1.96
"""Half the 95 % interval in standard deviations."""


@dataclass(frozen=True)
class CountedStatistics:
    """Hold the counted columns of a specimen's row by their names; NaN and empty text are not known.

    `g_counted_low`..`g_counted_high` is the 95 % interval by Student's t over the fields; `g_half` is the mean
    half-width of the fields' own intervals, which more fields do not shrink. `homogeneity_counted` is that of a
    specimen, empty where no field has one. `largest_known_everywhere` says that each graded field has a largest grain.
    """

    fields_counted: int
    g_counted: float
    g_counted_low: float
    g_counted_high: float
    relative_accuracy_counted: float
    grains_counted: float
    intercepts_counted: float
    g_largest_grain: float
    grains_by_half_g: str
    homogeneity_counted: str
    g_half: float
    largest_known_everywhere: bool

    def cells(self) -> dict[str, Cell]:
        """Return the cells by column, NaN as it is; none where nothing was counted."""
        if not self.fields_counted and math.isnan(self.g_largest_grain):
            return {}
        known = asdict(self)
        return {name: value if value != "" else None for name, value in list(known.items())[:-2]}

    @property
    def largest(self) -> tuple[float, float]:
        """Return what limits on g_largest_grain look at: a field that was not counted may hold a larger one."""
        if math.isnan(self.g_largest_grain):
            return UNKNOWN
        return self.g_largest_grain if self.largest_known_everywhere else -math.inf, self.g_largest_grain


def counted_statistics(rows: Sequence[Mapping[str, Cell]]) -> CountedStatistics:
    """Return what was counted on the graded micrographs of one specimen, given as their rows.

    The mean and its interval are those of N_A, and only then become G: E112 never averages G.
    """
    counted = [row for row in rows if row.get("g_counted") is not None]
    densities = np.sort([grain_size.grains_per_mm2(_number(row, "g_counted")) for row in counted])
    mean = float(densities.mean()) if counted else math.nan
    _, half = scatter(densities)
    largest = [_number(row, "g_largest_grain") for row in rows]
    known = [g for g in largest if not math.isnan(g)]
    halves = [(_number(row, "g_counted_high") - _number(row, "g_counted_low")) / 2.0 for row in counted]
    return CountedStatistics(
        fields_counted=len(counted),
        g_counted=g_of(mean),
        g_counted_low=g_of(mean - half),
        g_counted_high=g_of(mean + half),
        relative_accuracy_counted=100.0 * half / mean,
        grains_counted=_total(counted, "grains_counted"),
        intercepts_counted=_total(counted, "intercepts_counted"),
        g_largest_grain=min(known, default=math.nan),
        grains_by_half_g=_sizes(counted),
        homogeneity_counted=_homogeneity(counted),
        g_half=math.fsum(halves) / len(halves) if halves else math.nan,
        largest_known_everywhere=len(known) == len(rows),
    )


def _homogeneity(counted: Sequence[Mapping[str, Cell]]) -> str:
    """Return the homogeneity of a specimen by its grains; a field without one is unknown."""
    kinds = [str(row.get("homogeneity_counted") or "unknown") for row in counted]
    return joint_homogeneity(kinds, [_own_scatter(row) for row in counted]) if counted else ""


def _own_scatter(row: Mapping[str, Cell]) -> OwnScatter:
    """Return G counted with the standard deviation that the number of grains leaves to it."""
    half = math.log2(1.0 + _number(row, "relative_accuracy_counted") / 100.0)
    return OwnScatter(_number(row, "g_counted"), half / NORMAL_95)


def _sizes(counted: Sequence[Mapping[str, Cell]]) -> str:
    fields = []
    for row in counted:
        grains = _number(row, "grains_counted")
        if row.get("grains_by_half_g") and math.isfinite(grains):
            area = grains * UM2_PER_MM2 / grain_size.grains_per_mm2(_number(row, "g_counted"))
            fields.append((read_sizes(str(row["grains_by_half_g"])), grains, area))
    return joined_sizes(fields).text


def _total(rows: Sequence[Mapping[str, Cell]], column: str) -> float:
    """Return the sum over the rows that know it, NaN where none does."""
    known = [float(value) for row in rows if isinstance(value := row.get(column), (int, float))]
    return math.fsum(known) if known else math.nan


def _number(row: Mapping[str, Cell], column: str) -> float:
    value = row.get(column)
    return float(value) if isinstance(value, (int, float)) else math.nan
