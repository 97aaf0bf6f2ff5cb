"""Give rows their specimens and verdicts by the rules of gdest.toml, and make one row per specimen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gdest.core import Section, Status
from gdest.reports.column import Cell
from gdest.reports.counted_specimens import CountedStatistics, counted_statistics
from gdest.reports.laboratory import read_laboratory
from gdest.reports.limits import Found, Limit, read_limits, verdict
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS
from gdest.reports.specimens import (
    IDENTITY,
    ORIGIN_FIELDS,
    UM2_PER_MM2,
    Field,
    Origin,
    SpecimenRule,
    SpecimenStatistics,
    specimen_rule,
    specimen_statistics,
)


@dataclass(frozen=True)
class Rules:
    """Hold the rules of gdest.toml that reports follow."""

    specimen: SpecimenRule | None = None
    limits: tuple[Limit, ...] = ()


def read_rules(sections: Mapping[str, Any], base: Path) -> Rules:
    """Return the rules of a gdest.toml that lies in `base`; raise `SettingsError` with one sentence.

    What it says of certificates is checked as well, so that a slip is told before hours of grading.
    """
    read_laboratory(sections.get(Section.CERTIFICATE), base)
    return Rules(specimen_rule(sections.get(Section.SPECIMEN), base), read_limits(sections.get(Section.LIMIT)))


def assign(table: Sequence[dict[str, Cell]], rules: Rules) -> list[dict[str, Cell]]:
    """Return the rows with their specimen and verdict; without a rule for specimens each keeps the one it has.

    The rows are changed in place: a large archive has no memory for a copy.
    """
    for row in table:
        row.update(_origin_cells(row, rules.specimen))
        row.update(_verdict_cells(row, rules.limits))
    return list(table)


def _origin_cells(row: Mapping[str, Cell], rule: SpecimenRule | None) -> dict[str, Cell]:
    if rule is None:
        return {}
    origin = rule.origin(str(row["file"]))
    return {name: (getattr(origin, name) or None) if origin else None for name in ORIGIN_FIELDS}


def _verdict_cells(row: Mapping[str, Cell], limits: Sequence[Limit]) -> dict[str, Cell]:
    names = {name: str(row.get(name) or "") for name in ("file", *ORIGIN_FIELDS)}
    found = Found(
        _number(row["g_low"]),
        _number(row["g_high"]),
        str(row["homogeneity"] or "unknown"),
        row["status"] == Status.GRADED,
        (_number(row.get("g_counted_low")), _number(row.get("g_counted_high"))),
        (_number(row.get("g_largest_grain")),) * 2,
    )
    said, why = verdict([limit for limit in limits if limit.holds_for("micrograph", names)], found)
    return {"verdict": said, "verdict_reason": why or None}


def _number(value: Cell) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def specimen_rows(table: Sequence[dict[str, Cell]], limits: Sequence[Limit]) -> list[dict[str, Cell]]:
    """Return one row of `SPECIMEN_COLUMNS` per specimen, sorted by name; micrographs without one are left out.

    Two specimens of one name are told apart by product, heat and order.
    """
    groups: dict[tuple[str, ...], list[dict[str, Cell]]] = {}
    for row in table:
        if row.get("specimen"):
            groups.setdefault(identity(row), []).append(row)
    return [_specimen_row(key, groups[key], limits) for key in sorted(groups)]


def identity(row: Mapping[str, Cell]) -> tuple[str, ...]:
    """Return what tells the specimen of a row from others, which may have the same name in another heat."""
    return tuple(str(row.get(name) or "") for name in IDENTITY)


def _specimen_row(key: tuple[str, ...], rows: Sequence[dict[str, Cell]], limits: Sequence[Limit]) -> dict[str, Cell]:
    locations = sorted({str(row["location"]) for row in rows if row.get("location")})
    origin = Origin(key[0], key[1], key[2], key[3], "; ".join(locations))
    graded = [row for row in rows if row["status"] == Status.GRADED]
    found = specimen_statistics(origin, [_field(row) for row in graded], len(rows) - len(graded))
    counted = counted_statistics(graded)
    cells: dict[str, Cell] = {name: _rounded(getattr(found, name, None)) for name in SPECIMEN_COLUMNS}
    cells |= {name: _rounded(value) for name, value in counted.cells().items()}
    cells |= {name: getattr(origin, name) or None for name in ORIGIN_FIELDS}
    names = {name: getattr(origin, name) for name in ORIGIN_FIELDS}
    said, why = verdict([limit for limit in limits if limit.holds_for("specimen", names)], _trusted(found, counted))
    return cells | {"verdict": said, "verdict_reason": why or None, "flags": "; ".join(found.flags) or None}


def _field(row: Mapping[str, Cell]) -> Field:
    area = _number(row.get("area_mm2")) * UM2_PER_MM2
    if math.isnan(area):  # a record of an earlier gdest, which had no area
        area = _number(row["width_px"]) * _number(row["height_px"]) * _number(row["um_per_px"]) ** 2
    low, high = _number(row["g_low"]), _number(row["g_high"])
    return Field(_number(row["grains_per_mm2"]), area, low, high, str(row["homogeneity"]))


def _trusted(found: SpecimenStatistics, counted: CountedStatistics) -> Found:
    """Return what limits look at: the wider of the fields' interval and the model's own.

    A single field has no interval over fields, so that its specimen is undecided.
    """
    low = min(found.g_low, found.g - found.g_model_half)
    high = max(found.g_high, found.g + found.g_model_half)
    known = found.fields > 1 and not math.isnan(found.g_low)
    return Found(
        low if known else math.nan,
        high if known else math.nan,
        found.homogeneity,
        found.fields > 0,
        counted.interval,
        counted.largest,
    )


def _rounded(value: object) -> Cell:
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value if isinstance(value, (int, str)) else None
