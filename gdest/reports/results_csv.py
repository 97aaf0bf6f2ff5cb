"""Write `results.csv` and `specimens.csv`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from gdest.core import CsvStyle, write_csv_lines
from gdest.reports.column import Cell, Column
from gdest.reports.columns import COLUMNS
from gdest.reports.rows import Cells, Rows


def write_csv(table: Rows, path: Path, columns: Mapping[str, Column] = COLUMNS, style: CsvStyle = "plain") -> None:
    """Write the table, columns in their fixed order; a cell that is not known is empty, a text never a formula."""
    kinds = {name: column.type for name, column in columns.items()}

    def cells_of(row: Cells) -> Iterator[Cell]:
        for name, kind in kinds.items():
            value = row.get(name)
            if kind == "number" and isinstance(value, int):
                yield float(value)  # 8.0, as in every other row
            elif kind == "whole" and isinstance(value, float) and value.is_integer():
                yield int(value)
            else:
                yield value

    write_csv_lines(path, list(columns), map(cells_of, table), style)
