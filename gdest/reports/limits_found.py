"""Say what the limits of a run applied to, and what fails them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, islice

from gdest.core import MOST_NAMED
from gdest.reports.assign import Rules
from gdest.reports.by_specimen import specimen_groups
from gdest.reports.column import Cell
from gdest.reports.limits import ON, Limit, Verdict
from gdest.reports.record import Record
from gdest.reports.rows import Rows
from gdest.reports.said_by_rules import Acceptance
from gdest.reports.specimen_rules import IDENTITY
from gdest.reports.unfinished import specimens_of


def acceptance(record: Record, rules: Rules) -> Acceptance:
    """Return what the rules say of a record whose rows have their verdicts: as it tells, else found anew."""
    return record.accepted or accepted(record.table, specimens_of(record, rules.limits), rules)


def accepted(table: Rows, specimens: Rows, rules: Rules) -> Acceptance:
    """Return what the rules say of rows, of micrographs and of specimens, that have their verdicts."""
    unassigned = sum(not row.get("specimen") for row in table) if rules.specimen else 0
    if not rules.limits:
        return Acceptance(unassigned=unassigned)
    rows = {ON[0]: table, ON[1]: specimens}
    verdicts = {kind: Counter(str(row["verdict"]) for row in rows[kind] if row["verdict"]) for kind in ON}
    failing = chain(
        (f"specimen {_specimen(row)}: fail: {row['verdict_reason']}" for row in specimens if _fails(row)),
        (f"{row['file']}: fail: {row['verdict_reason']}" for row in table if _fails(row)),
    )
    return Acceptance(
        limit_sentences(table, rules.limits),
        verdicts,
        tuple(islice(failing, MOST_NAMED)),
        sum(counts[Verdict.FAIL] for counts in verdicts.values()),
        unassigned,
    )


def told_limits(record: Record, limits: Sequence[Limit]) -> tuple[str, ...]:
    """Return each limit in words, with what it applies to: as the record tells, else found in its rows."""
    return record.accepted.limits if record.accepted else limit_sentences(record.table, limits)


def limit_sentences(table: Rows, limits: Sequence[Limit]) -> tuple[str, ...]:
    """Return each limit in words, with the number of micrographs and specimens that it applies to."""
    of_rows, of_specimens = Counter[int](), Counter[int]()
    for row in table if limits else ():
        of_rows.update(number for number, limit in enumerate(limits) if limit.holds_for(ON[0], row))
    for rows in specimen_groups(table) if limits else ():
        of_specimens.update(
            number for number, limit in enumerate(limits) if any(limit.holds_for(ON[1], row) for row in rows)
        )
    return tuple(
        f"{limit.sentence}, applies to {_counted(of_rows[number], ON[0])}, {_counted(of_specimens[number], ON[1])}"
        for number, limit in enumerate(limits)
    )


def _counted(count: int, kind: str) -> str:
    return f"{count} {kind}{'' if count == 1 else 's'}"


def _fails(row: Mapping[str, Cell]) -> bool:
    return row["verdict"] == Verdict.FAIL


def _specimen(row: Mapping[str, Cell]) -> str:
    """Return the name of a specimen with what else tells it from others."""
    return ", ".join([str(row["specimen"]), *(f"{name} {row[name]}" for name in IDENTITY[1:] if row[name])])
