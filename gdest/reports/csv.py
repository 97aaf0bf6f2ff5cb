"""Write `results.csv`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from gdest.core import write_atomically
from gdest.reports.table import COLUMNS, Cell

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


WHOLE = ("tiles", "tiles_used", "width_px", "height_px", "intercepts", "fields", "fields_left_out")
"""Columns of counts, which stay whole numbers beside empty cells."""


def write_csv(table: Sequence[Mapping[str, Cell]], path: Path, columns: Iterable[str] = COLUMNS) -> None:
    """Write the table, UTF-8, columns in their fixed order; a cell that is not known is empty.

    Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers never do.
    """
    frame = pd.DataFrame([{name: _inert(value) for name, value in row.items()} for row in table], columns=list(columns))
    frame = frame.astype({name: "Int64" for name in WHOLE if name in frame})
    write_atomically(path, lambda temporary: frame.to_csv(temporary, index=False, lineterminator="\n"))


def _inert(value: Cell) -> Cell:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
