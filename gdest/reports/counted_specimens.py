"""Join what was counted on the micrographs of one specimen, as ASTM E112 has it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from gdest.core import grain_size
from gdest.reports.column import Cell
from gdest.reports.counted_cells import joined_sizes, read_sizes
from gdest.reports.specimens import UM2_PER_MM2, g_of, scatter

UNKNOWN = (math.nan, math.nan)


@dataclass(frozen=True)
class CountedStatistics:
    """Hold the counted columns of a specimen's row by their names; NaN and empty text are not known.

    `g_counted_low`..`g_counted_high` is the 95 % interval by Student's t over the fields; `g_half` is the mean
    half-width of the fields' own intervals, which more fields do not shrink. `largest_known_everywhere` says that
    each graded field has a largest grain.
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
    g_half: float
    largest_known_everywhere: bool

    def cells(self) -> dict[str, Cell]:
        """Return the cells by column, NaN as it is; none where nothing was counted."""
        if not self.fields_counted and math.isnan(self.g_largest_grain):
            return {}
        known = asdict(self)
        return {name: known[name] for name in list(known)[:-2]} | {"grains_by_half_g": self.grains_by_half_g or None}

    @property
    def interval(self) -> tuple[float, float]:
        """Return what limits on g_counted look at: the wider of both intervals, NaN for fewer than two fields."""
        if math.isnan(self.g_counted_low):  # as of a single field
            return UNKNOWN
        low, high = self.g_counted - self.g_half, self.g_counted + self.g_half
        return min(self.g_counted_low, low), max(self.g_counted_high, high)

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
        g_half=math.fsum(halves) / len(halves) if halves else math.nan,
        largest_known_everywhere=len(known) == len(rows),
    )


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
