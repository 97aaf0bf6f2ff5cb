"""Show no grain size of a picture without metal: what was read off it is in results.csv, and is no result."""

from __future__ import annotations

from collections.abc import Mapping

from gdest.core import NO_METAL
from gdest.reports.column import Cell
from gdest.reports.columns import COLUMNS

OF_GRAINS = frozenset(column.name for column in COLUMNS.values() if column.of_grains)


def shows_no_metal(row: Mapping[str, object]) -> bool:
    """Return whether a micrograph's row says that its picture shows nothing to grade."""
    return str(row.get("reason") or "").startswith(NO_METAL)


def as_shown(row: Mapping[str, Cell]) -> Mapping[str, Cell]:
    """Return a row as people are shown it, of a picture without metal without the cells that tell of grains."""
    return {name: None if name in OF_GRAINS else cell for name, cell in row.items()} if shows_no_metal(row) else row
