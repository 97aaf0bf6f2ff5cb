"""Write `results.csv`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from gdest.archive import write_atomically
from gdest.reports.table import COLUMNS, Cell

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(table: Sequence[dict[str, Cell]], path: Path) -> None:
    """Write the table, UTF-8, one row per micrograph, columns in their fixed order.

    Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers never do.
    """
    frame = pd.DataFrame([{name: _inert(value) for name, value in row.items()} for row in table], columns=list(COLUMNS))
    frame = frame.astype({"tiles": "Int64", "width_px": "Int64", "height_px": "Int64", "tiles_used": "Int64"})
    write_atomically(path, lambda temporary: frame.to_csv(temporary, index=False, lineterminator="\n"))


def _inert(value: Cell) -> Cell:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
