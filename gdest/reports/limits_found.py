"""Say what the limits of a run applied to, and what fails them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gdest.core import MOST_NAMED, how_many
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
    """Return what the rules say of rows, of micrographs and of specimens, that have their verdicts; read them once."""
    if not rules.limits and not rules.specimen:
        return Acceptance()
    of_rows, of_specimens, unassigned = _Told(), _Told(), 0
    applies = Counter[int]()
    for row in table:
        unassigned += not row.get("specimen")
        applies.update(_holding(rules.limits, ON[0], [row]))
        of_rows.take(row, str(row["file"]))
    for row in specimens:
        of_specimens.take(row, f"specimen {_specimen(row)}")
    return Acceptance(
        _sentences(rules.limits, applies, _of_specimens(table, rules.limits)),
        {ON[0]: of_rows.verdicts, ON[1]: of_specimens.verdicts} if rules.limits else {},
        tuple([*of_specimens.failing, *of_rows.failing][:MOST_NAMED]),
        of_rows.verdicts[Verdict.FAIL] + of_specimens.verdicts[Verdict.FAIL],
        unassigned if rules.specimen else 0,
    )


class _Told:
    """Count the verdicts of rows, and keep a sentence for each of the first that fail."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.failing: list[str] = []

    def take(self, row: Mapping[str, Cell], name: str) -> None:
        """Count one row."""
        if row["verdict"]:
            self.verdicts[str(row["verdict"])] += 1
        if row["verdict"] == Verdict.FAIL and len(self.failing) < MOST_NAMED:
            self.failing.append(f"{name}: fail: {row['verdict_reason']}")


def told_limits(record: Record, limits: Sequence[Limit]) -> tuple[str, ...]:
    """Return each limit in words, with what it applies to: as the record tells, else found in its rows."""
    return record.accepted.limits if record.accepted else limit_sentences(record.table, limits)


def limit_sentences(table: Rows, limits: Sequence[Limit]) -> tuple[str, ...]:
    """Return each limit in words, with the number of micrographs and specimens that it applies to."""
    of_rows = Counter(number for row in table for number in _holding(limits, ON[0], [row])) if limits else Counter()
    return _sentences(limits, of_rows, _of_specimens(table, limits))


def _of_specimens(table: Rows, limits: Sequence[Limit]) -> Counter[int]:
    """Return how many specimens each limit applies to, by its place."""
    if not limits:
        return Counter()
    return Counter(number for rows in specimen_groups(table) for number in _holding(limits, ON[1], rows))


def _holding(limits: Sequence[Limit], kind: str, rows: Sequence[Mapping[str, Cell]]) -> Iterator[int]:
    return (number for number, limit in enumerate(limits) if any(limit.holds_for(kind, row) for row in rows))


def _sentences(limits: Sequence[Limit], of_rows: Counter[int], of_specimens: Counter[int]) -> tuple[str, ...]:
    return tuple(
        f"{limit.sentence}, applies to {how_many(of_rows[number], ON[0])}, {how_many(of_specimens[number], ON[1])}"
        for number, limit in enumerate(limits)
    )


def _specimen(row: Mapping[str, Cell]) -> str:
    """Return the name of a specimen with what else tells it from others."""
    return ", ".join([str(row["specimen"]), *(f"{name} {row[name]}" for name in IDENTITY[1:] if row[name])])
