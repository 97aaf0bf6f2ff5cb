"""Write `results.csv` and `specimens.csv`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from gdest.core import write_atomically
from gdest.reports.column import Cell, Column
from gdest.reports.columns import COLUMNS

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(table: Sequence[Mapping[str, Cell]], path: Path, columns: Mapping[str, Column] = COLUMNS) -> None:
    """Write the table, UTF-8, columns in their fixed order; a cell that is not known is empty.

    Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers never do.
    """
    frame = pd.DataFrame([{name: _inert(value) for name, value in row.items()} for row in table], columns=list(columns))
    frame = frame.astype({name: "Int64" for name, column in columns.items() if column.type == "whole"})
    write_atomically(path, lambda temporary: frame.to_csv(temporary, index=False, lineterminator="\n"))


def _inert(value: Cell) -> Cell:
    if not isinstance(value, str):
        return value
    apostrophe = "'" if value.startswith(FORMULA_STARTS) else ""
    # pandas leaves a carriage return without quotes, and what follows it would begin a row
    return f"{apostrophe}{value}".replace("\r", "\N{REPLACEMENT CHARACTER}")
