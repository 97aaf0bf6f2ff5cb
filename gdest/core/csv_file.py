"""Write CSV files that a program reads and that no spreadsheet executes."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gdest.core.csv_cells import LOOKS, inert
from gdest.core.files import write_atomically
from gdest.core.words import CsvStyle


def write_csv_lines(
    path: Path, header: Sequence[str], lines: Iterable[Iterable[object]], style: CsvStyle = "plain"
) -> None:
    """Write a header and lines of text, numbers and None, a line at a time; unknown cells are empty, NaN as well.

    Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers never do. Raises `OutputError`.
    """
    look = LOOKS[style]

    def write(temporary: Path) -> None:
        with open(temporary, "w", newline="", encoding=look.encoding) as file:
            writer = csv.writer(file, delimiter=look.separator, lineterminator="\n")
            writer.writerow([inert(name, style) for name in header])
            writer.writerows([_cell(value, style, look.decimal) for value in line] for line in lines)

    write_atomically(path, write)


def _cell(value: Any, style: CsvStyle, decimal: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return inert(value, style)
    if isinstance(value, float):
        # a number of numpy is one too, whose own repr names its type
        return "" if math.isnan(value) else float.__repr__(value).replace(".", decimal)
    text = str(value)
    return "" if text == "nan" else text.replace(".", decimal) if hasattr(value, "dtype") else inert(text, style)
