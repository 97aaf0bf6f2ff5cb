"""Say on every row what an unfinished scan leaves open, and take back verdicts that it cannot give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gdest.core import split_page
from gdest.reports.assign import specimen_rows
from gdest.reports.by_specimen import identity
from gdest.reports.limits import Limit
from gdest.reports.record import Record
from gdest.reports.rows import Cells, Rows, each_changed


def mark_rows(record: Record) -> Rows:
    """Return the rows with `unfinished` filled; one whose file waits, since it has changed, loses its verdict."""
    waiting = {str(row["file"]) for row in record.waiting}
    unfinished = record.unfinished or None

    def mark(row: Cells) -> None:
        name = str(row["file"])
        row["unfinished"] = unfinished
        if waiting and (name in waiting or split_page(name)[0] in waiting):
            _take_back(row, "This file waits to be graded again; the row is of what it was before.")

    return each_changed(record.table, mark)


def specimens_of(record: Record, limits: Sequence[Limit]) -> Rows:
    """Return the rows of a record's specimens; one with a file that waits, or may have one, has no verdict."""
    waiting = Counter(identity(row) for row in record.waiting if row.get("specimen"))
    unfinished = record.unfinished or None

    def mark(row: Cells) -> None:
        row["unfinished"] = unfinished
        count = waiting[identity(row)]
        if count:
            _take_back(row, f"{count} of its files {'waits' if count == 1 else 'wait'} to be graded.")
        elif record.ended and not record.waiting:
            _take_back(row, "Whether all of its files are graded is not known.")

    return each_changed(specimen_rows(record.table, limits), mark)


def _take_back(row: Cells, why: str) -> None:
    row["unfinished"] = why
    if row.get("verdict"):
        row["verdict"], row["verdict_reason"] = None, why
