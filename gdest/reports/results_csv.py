"""Write `results.csv` and `specimens.csv`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from gdest.core import REPLACEMENT, write_atomically
from gdest.reports.column import Cell, Column
from gdest.reports.columns import COLUMNS

FORMULA_STARTS = ("=", "+", "-", "@")
"""What a formula begins with, also as a full-width or small letter, and behind what is not seen; owasp.org, CSV
injection. A spreadsheet that expects semicolons begins a cell behind each, and behind a line break."""

CELL_ENDS = re.compile(r"([;\t\r\n])")


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
    parts = CELL_ENDS.split(value)
    parts[::2] = [f"'{part}" if _is_formula(part) else part for part in parts[::2]]
    # pandas leaves a carriage return without quotes, and what follows it would begin a row
    return "".join(parts).replace("\r", REPLACEMENT)


def _is_formula(text: str) -> bool:
    first = next((one for one in text if one.isprintable() and not one.isspace()), "")
    return unicodedata.normalize("NFKC", first) in FORMULA_STARTS
