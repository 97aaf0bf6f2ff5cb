"""Give rows their specimens and verdicts by the rules of gdest.toml, and make one row per specimen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gdest.core import Section, is_duplex
from gdest.reports.by_specimen import identity, specimen_groups, with_copies
from gdest.reports.column import Cell
from gdest.reports.found import Gathered, found_on_micrograph, gather
from gdest.reports.laboratory import read_laboratory
from gdest.reports.limits import Limit, read_limits
from gdest.reports.rows import Cells, Rows, Spool, each_changed
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS
from gdest.reports.specimen_rules import ORIGIN_FIELDS, Origin, SpecimenRule, specimen_rule
from gdest.reports.verdicts import Finding, judge, verdict

INTERVALS = ("g_low", "g_high", "g_counted_low", "g_counted_high")

ASSIGNED = frozenset({*ORIGIN_FIELDS, "copy_of", "verdict", "verdict_reason", "unfinished"})
"""The columns of a micrograph that the reports fill, not the grading: by the rules of a gdest.toml, by comparing the
fields of a specimen, and by the end of a scan. A ledger has none of them."""


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


def assign(table: Rows, rules: Rules) -> Rows:
    """Return the rows with their specimen, what they are a copy of, and their verdict.

    Without a rule for specimens each keeps the one it has. The rows of a list are changed in place: a large archive has
    no memory for a copy.
    """
    table, copies = with_copies(assign_specimens(table, rules))

    def judge_row(row: Cells) -> None:
        row["copy_of"] = copies.get(str(row["file"]))
        row.update(_verdict_cells(row, rules.limits))

    return each_changed(table, judge_row)


def assign_specimens(table: Rows, rules: Rules) -> Rows:
    """Return rows of files with their specimens, and no verdict; without a rule each keeps the one it has."""
    return each_changed(table, lambda row: row.update(_origin_cells(row, rules.specimen)))


def _origin_cells(row: Mapping[str, Cell], rule: SpecimenRule | None) -> dict[str, Cell]:
    if rule is None:
        return {}
    origin = rule.origin(str(row["file"]))
    return {name: (getattr(origin, name) or None) if origin else None for name in ORIGIN_FIELDS}


def _verdict_cells(row: Mapping[str, Cell], limits: Sequence[Limit]) -> dict[str, Cell]:
    applying = [limit for limit in limits if limit.holds_for("micrograph", row)]
    found = found_on_micrograph(row) if applying else None
    said, why = verdict([judge(limit, found) for limit in applying if found])
    return {"verdict": said, "verdict_reason": why or None}


def counted_verdict(row: Mapping[str, Cell], rules: Rules) -> dict[str, Cell]:
    """Return the verdict on one micrograph's count and its reason, by the limits on what is counted alone."""
    limits = tuple(limit for limit in rules.limits if limit.needs_count)
    return _verdict_cells({"homogeneity": None, **row, **_origin_cells(row, rules.specimen)}, limits)


def specimen_rows(table: Rows, limits: Sequence[Limit]) -> Rows:
    """Return one row of `SPECIMEN_COLUMNS` per specimen, sorted by name."""
    found = (_specimen_row(identity(rows[0]), rows, limits) for rows in specimen_groups(table))
    if isinstance(table, list):
        return list(found)
    spool = Spool()
    spool.add(("", row) for row in found)
    return spool.rows()


def _specimen_row(key: tuple[str, ...], rows: Sequence[dict[str, Cell]], limits: Sequence[Limit]) -> dict[str, Cell]:
    locations = sorted({str(row["location"]) for row in rows if row.get("location")})
    origin = Origin(key[0], key[1], key[2], key[3], "; ".join(locations))
    whole = gather(rows, origin)
    cells: dict[str, Cell] = {name: _rounded(getattr(whole.estimated, name, None)) for name in SPECIMEN_COLUMNS}
    cells |= {name: _rounded(value) for name, value in whole.counted.cells().items()}
    cells |= {name: getattr(origin, name) or None for name in ORIGIN_FIELDS}
    if is_duplex(whole.estimated.homogeneity) or is_duplex(whole.counted.homogeneity_counted):
        cells |= dict.fromkeys(INTERVALS)
    said, why = verdict([one for limit in limits if (one := _judge_specimen(limit, rows, whole))])
    flags = "; ".join(whole.estimated.flags)
    return cells | {"verdict": said, "verdict_reason": why or None, "flags": flags or None}


def _judge_specimen(limit: Limit, rows: Sequence[dict[str, Cell]], whole: Gathered) -> Finding | None:
    """Return the verdict of a limit on the fields of a specimen that it applies to; None where there are none."""
    fitting = [row for row in rows if limit.holds_for("specimen", row)]
    if not fitting:
        return None
    if len(fitting) == len(rows):
        return judge(limit, whole.found)
    finding = judge(limit, gather(fitting, whole.estimated.origin).found)
    return Finding(finding.verdict, f"{finding.words} (of {len(fitting)} of {len(rows)} micrographs)")


def _rounded(value: object) -> Cell:
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value if isinstance(value, (int, str)) else None
