"""Say on every row what an unfinished scan leaves open, and take back verdicts that it cannot give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gdest.core import split_page
from gdest.reports.assign import identity, specimen_rows
from gdest.reports.column import Cell
from gdest.reports.limits import Limit
from gdest.reports.record import Record


def mark_rows(record: Record) -> None:
    """Fill `unfinished` of every row; one whose file waits, since it has changed, loses its verdict."""
    waiting = {str(row["file"]) for row in record.waiting}
    for row in record.table:
        name = str(row["file"])
        row["unfinished"] = record.unfinished or None
        if name in waiting or split_page(name)[0] in waiting:
            _take_back(row, "This file waits to be graded again; the row is of what it was before.")


def specimens_of(record: Record, limits: Sequence[Limit]) -> list[dict[str, Cell]]:
    """Return the rows of a record's specimens; one with a file that waits, or may have one, has no verdict."""
    specimens = specimen_rows(record.table, limits)
    waiting = Counter(identity(row) for row in record.waiting if row.get("specimen"))
    for row in specimens:
        row["unfinished"] = record.unfinished or None
        count = waiting[identity(row)]
        if count:
            _take_back(row, f"{count} of its files {'waits' if count == 1 else 'wait'} to be graded.")
        elif record.ended and not record.waiting:
            _take_back(row, "Whether all of its files are graded is not known.")
    return specimens


def _take_back(row: dict[str, Cell], why: str) -> None:
    row["unfinished"] = why
    if row.get("verdict"):
        row["verdict"], row["verdict_reason"] = None, why
