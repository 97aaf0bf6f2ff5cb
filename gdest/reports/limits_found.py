"""Say what the limits of a run applied to, and what fails them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gdest.reports.assign import Rules, by_specimen
from gdest.reports.column import Cell
from gdest.reports.limits import ON, Limit, Verdict
from gdest.reports.record import Record
from gdest.reports.specimen_rules import IDENTITY
from gdest.reports.unfinished import specimens_of


@dataclass(frozen=True)
class Acceptance:
    """Hold what limits say of a run: a sentence on what each applied to, verdicts by kind, and what fails.

    `verdicts` counts each `Verdict` of micrographs and of specimens; `failing` has a sentence for each specimen and
    then each micrograph that fails.
    """

    limits: tuple[str, ...]
    verdicts: Mapping[str, Counter[str]]
    failing: tuple[str, ...]


def acceptance(record: Record, rules: Rules) -> Acceptance:
    """Return what the limits say of a record whose rows have their verdicts."""
    specimens = specimens_of(record, rules.limits)
    rows = {"micrograph": record.table, "specimen": specimens}
    failing = [f"specimen {_specimen(row)}: fail: {row['verdict_reason']}" for row in specimens if _fails(row)]
    failing += [f"{row['file']}: fail: {row['verdict_reason']}" for row in record.table if _fails(row)]
    return Acceptance(
        limit_sentences(record.table, rules.limits),
        {kind: Counter(str(row["verdict"]) for row in rows[kind] if row["verdict"]) for kind in ON},
        tuple(failing),
    )


def limit_sentences(table: Sequence[dict[str, Cell]], limits: Sequence[Limit]) -> tuple[str, ...]:
    """Return each limit in words, with the number of micrographs and specimens that it applies to."""
    specimens = list(by_specimen(table).values()) if limits else []
    told = []
    for limit in limits:
        of_rows = sum(limit.holds_for("micrograph", row) for row in table)
        of_specimens = sum(any(limit.holds_for("specimen", row) for row in rows) for rows in specimens)
        told.append(f"{limit.sentence}, applies to {_counted(of_rows, ON[0])}, {_counted(of_specimens, ON[1])}")
    return tuple(told)


def _counted(count: int, kind: str) -> str:
    return f"{count} {kind}{'' if count == 1 else 's'}"


def _fails(row: Mapping[str, Cell]) -> bool:
    return row["verdict"] == Verdict.FAIL


def _specimen(row: Mapping[str, Cell]) -> str:
    """Return the name of a specimen with what else tells it from others."""
    return ", ".join([str(row["specimen"]), *(f"{name} {row[name]}" for name in IDENTITY[1:] if row[name])])
