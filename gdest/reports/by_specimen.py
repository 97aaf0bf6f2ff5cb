"""Bring the micrographs of each specimen together, in memory or, of a large archive, on the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gdest.reports.column import Cell
from gdest.reports.columns import COLUMNS
from gdest.reports.copies import mark_copies
from gdest.reports.rows import Cells, Rows, Spool, StreamedRows
from gdest.reports.specimen_rules import IDENTITY

NOT_OF_SPECIMENS = frozenset(
    {"model", "model_sha256", "gdest_version", "graded_at", "um_per_px_source", "count_note"}
    | {"homogeneity_note", "area_by_half_g", "verdict", "verdict_reason", "unfinished"}
)
"""The columns of a micrograph that say nothing of its specimen, and take most of its row's space."""


@dataclass(frozen=True)
class _Grouped(StreamedRows):
    """Give rows that are read anew, whose specimens lie together in `spool` with what limits and copies look at."""

    spool: Spool


def identity(row: Mapping[str, Cell]) -> tuple[str, ...]:
    """Return what tells the specimen of a row from others, which may have the same name in another heat."""
    return tuple(str(row.get(name) or "") for name in IDENTITY)


def specimen_groups(table: Rows) -> Iterator[list[Cells]]:
    """Yield the rows of each specimen, sorted by its identity; micrographs without one are left out.

    Rows of a list are those of the list, others without the cells that say nothing of a specimen.
    """
    if not isinstance(table, list):
        return _whole(table.spool if isinstance(table, _Grouped) else _spooled(table))
    groups: dict[tuple[str, ...], list[Cells]] = {}
    for row in table:
        if row.get("specimen"):
            groups.setdefault(identity(row), []).append(row)
    return iter([groups[key] for key in sorted(groups)])


def with_copies(table: Rows) -> tuple[Rows, dict[str, Cell]]:
    """Return rows whose specimens are brought together, and of which other each copy of a field is, by its file."""
    copies: dict[str, Cell] = {}

    def marked() -> Iterator[list[Cells]]:
        for rows in specimen_groups(table):
            mark_copies(rows)
            copies.update((str(row["file"]), row["copy_of"]) for row in rows if row["copy_of"])
            yield rows

    if isinstance(table, list):
        for _ in marked():
            pass
        return table, copies
    spool = Spool()
    spool.add((identity(row), _slim(row)) for rows in marked() for row in rows)
    return _Grouped(len(table), table.__iter__, spool), copies


def _spooled(table: Rows) -> Spool:
    spool = Spool()
    spool.add((identity(row), _slim(row)) for row in table if row.get("specimen"))
    return spool


def _slim(row: Cells) -> Cells:
    return {name: value for name, value in row.items() if value is not None and name not in NOT_OF_SPECIMENS}


def _whole(spool: Spool) -> Iterator[list[Cells]]:
    return ([dict.fromkeys(COLUMNS) | row for row in rows] for rows in spool.groups())
