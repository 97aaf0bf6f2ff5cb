"""Gather from rows what limits look at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gdest.core import Status
from gdest.reports.column import Cell
from gdest.reports.counted_specimens import CountedStatistics, counted_statistics
from gdest.reports.no_metal import shows_no_metal
from gdest.reports.specimen_rules import Origin
from gdest.reports.specimens import UM2_PER_MM2, Field, Left, SpecimenStatistics, specimen_statistics
from gdest.reports.verdicts import Found, Number

LEFT_OUT = (Status.REVIEW, Status.UNCALIBRATED)
"""The statuses of what may be a field, and does not count as one."""

UNLIKE_G = 0.5
"""Between two files of one field: compressing shifts G by hundredths, another pixel size by two grades each time."""

LOOKED_AT = (
    *("g", "g_low", "g_high", "g_counted", "g_counted_low", "g_counted_high"),
    *("g_largest_grain", "relative_accuracy_counted"),
)
"""The numbers of a micrograph that limits look at."""

OF_A_FIELD = "90 %"
OF_A_COUNT = "95 %"
OVER_FIELDS = "95 % over the fields"
ONE_FIELD = "one field says nothing of the scatter between fields"
"""Why a specimen of one field is undecided; with the field's own interval it would be surer than one of two fields."""


def found_on_micrograph(row: Mapping[str, Cell]) -> Found:
    """Return what limits look at on one micrograph."""
    g, low, high, counted, least, most, largest, accuracy = (number(row.get(name)) for name in LOOKED_AT)
    return Found(
        {
            "g": Number(g, low, high, OF_A_FIELD),
            "g_counted": Number(counted, least, most, OF_A_COUNT),
            "g_largest_grain": Number(largest, largest, largest),
            "relative_accuracy_counted": Number(accuracy),
        },
        str(row["homogeneity"] or "unknown"),
        str(row.get("homogeneity_counted") or ""),
        "" if row["status"] == Status.GRADED else f"status is {row['status']}",
    )


@dataclass(frozen=True)
class Gathered:
    """Hold the statistics of a specimen's fields, by the estimate and by the count."""

    estimated: SpecimenStatistics
    counted: CountedStatistics

    @property
    def found(self) -> Found:
        """Return what limits look at on the specimen: the wider of the interval over its fields and their own.

        A single field has no interval over fields, so that its specimen is undecided. Where the fields scatter so
        widely that the interval of their density reaches zero, the lower end of G is open, and NaN.
        """
        one, two = self.estimated, self.counted
        counted = Number(two.g_counted, two.g_counted_low, two.g_counted_high)
        return Found(
            {
                "g": _of_fields(Number(one.g, one.g_low, one.g_high), one.fields, one.g_model_half, OF_A_FIELD),
                "g_counted": _of_fields(counted, two.fields_counted, two.g_half, OF_A_COUNT),
                "g_largest_grain": Number(two.g_largest_grain, *two.largest),
                "relative_accuracy": Number(one.relative_accuracy),
                "relative_accuracy_counted": Number(two.relative_accuracy_counted),
            },
            one.homogeneity,
            two.homogeneity_counted,
            "" if one.fields else "no field is graded",
        )


def _of_fields(over_fields: Number, fields: int, half: float, level: str) -> Number:
    """Return a number with the wider of its interval over the fields and the mean of the fields' own, of some level."""
    g, low, high = over_fields.value, over_fields.low, over_fields.high
    if fields == 1:
        return Number(g, no_interval=ONE_FIELD)
    if math.isnan(high) or math.isnan(half):
        return Number(g)
    widest = (low if math.isnan(low) else min(low, g - half), max(high, g + half))
    if widest[1] == high and not widest[0] < low:
        said = OVER_FIELDS
    elif widest == (g - half, g + half):
        said = f"the fields' own {level}"
    else:
        said = f"the wider of {OVER_FIELDS} and their own {level}"
    return Number(g, *widest, said)


def gather(rows: Sequence[Mapping[str, Cell]], origin: Origin) -> Gathered:
    """Return the statistics of one specimen, or of a part of it, from its rows.

    Only graded rows are fields, and a field that was saved several times is one.
    """
    graded = [row for row in rows if not row.get("copy_of") and row["status"] == Status.GRADED]
    estimated = specimen_statistics(origin, [_field(row) for row in graded], left_of(rows))
    return Gathered(estimated, counted_statistics(graded))


def left_of(rows: Sequence[Mapping[str, Cell]]) -> Left:
    """Return how many rows of one specimen are no field of it, and why."""
    originals = [row for row in rows if not row.get("copy_of")]
    return Left(
        not_graded=sum(row["status"] in LEFT_OUT and not shows_no_metal(row) for row in originals),
        copies=len(rows) - len(originals),
        unlike=_unlike(rows),
        no_metal=sum(map(shows_no_metal, originals)),
        unread=sum(row["status"] == Status.FAILED for row in originals),
    )


def _unlike(rows: Sequence[Mapping[str, Cell]]) -> int:
    """Return how many copies have a G that their field, which shows the same grains, cannot have."""
    known = {str(row["file"]): number(row["g"]) for row in rows}
    pairs = [(number(row["g"]), known.get(str(row["copy_of"]), math.nan)) for row in rows if row.get("copy_of")]
    return sum(abs(g - of_field) > UNLIKE_G for g, of_field in pairs)


def _field(row: Mapping[str, Cell]) -> Field:
    area = number(row.get("area_mm2")) * UM2_PER_MM2
    if math.isnan(area):  # a record of an earlier gdest, which had no area
        area = number(row["width_px"]) * number(row["height_px"]) * number(row["um_per_px"]) ** 2
    tiles = number(row.get("tiles_used"))
    return Field(
        number(row["grains_per_mm2"]),
        area,
        number(row["g_low"]),
        number(row["g_high"]),
        str(row["homogeneity"]),
        number(row.get("g_sd")) / math.sqrt(tiles) if tiles > 0 else math.nan,
    )


def number(value: Cell) -> float:
    """Return a cell as a number, NaN where it is not known."""
    return float(value) if isinstance(value, (int, float)) else math.nan
