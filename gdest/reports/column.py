"""Describe one column of the reports: its meaning, and how each report shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, SupportsFloat

Cell = str | int | float | None

UNITS = {"um": "µm", "mm2": "mm²", "px": "px"}
"""The units that names of columns end in, as a person writes them."""

SMALLEST_SHARE = 0.005
"""Half grades with less of the area, and of the grains, are left out of a cell that lists shares."""


@dataclass(frozen=True)
class Column:
    """Describe one column: its name, its meaning and how each report shows it.

    A `whole` number stays whole beside empty cells; a `time` is text in the CSV and a date in the workbook.
    `number_format` is Excel's, empty for text. `stated_heading` is what the workbook calls the column where its name,
    read as words and a unit, says too little. `stated_width` is in characters; 0 lets the heading decide. The workbook
    shows a `printed` column where a row fills it, and one that is `always` there in any case; the others are behind the
    outline's plus sign. A `badge` is coloured by its value. `gallery`, `details`, `problems` and `counts` are its
    place, counted from 1, in the gallery's table, beside an opened micrograph or chosen specimen, and in the sheets
    Problems and Counts; 0 leaves it out. What is `of_grains` is not shown of a picture without metal.
    """

    name: str
    note: str
    type: Literal["text", "number", "whole", "time"] = "text"
    number_format: str = ""
    stated_width: int = 0
    printed: bool = False
    always: bool = False
    wrapped: bool = False
    badge: bool = False
    gallery: int = 0
    details: int = 0
    problems: int = 0
    counts: int = 0
    stated_heading: str = ""
    of_grains: bool = False

    @property
    def heading(self) -> str:
        """Return what a person reads above the column: "mean intercept, µm" for `mean_intercept_um`."""
        if self.stated_heading:
            return self.stated_heading
        words = ["G" if word == "g" else word for word in self.name.split("_")]
        if words[-1] in UNITS and "per" not in words:
            words[-2:] = [f"{words[-2]},", UNITS[words[-1]]]
        return " ".join(UNITS.get(word, word) for word in words)

    @property
    def width(self) -> int:
        """Return the width in the workbook in characters; the heading of a number may take three lines."""
        longest = max(map(len, self.heading.split())) if self.number_format else len(self.heading)
        return self.stated_width or max(longest + 3, 8)

    @property
    def decimals(self) -> int | None:
        """Return the digits after the point, None for text."""
        return len(self.number_format.partition(".")[2]) if self.number_format else None


def number_column(name: str, note: str, number_format: str, **looks: Any) -> Column:
    """Return a column of numbers."""
    return Column(name, note, "number", number_format, **looks)


def whole_column(name: str, note: str, **looks: Any) -> Column:
    """Return a column of whole numbers."""
    return Column(name, note, "whole", "0", **looks)


def grain_column(name: str, note: str, number_format: str, **looks: Any) -> Column:
    """Return a column of numbers that tell of grains."""
    return number_column(name, note, number_format, **looks, of_grains=True)


def by_name(*columns: Column) -> Mapping[str, Column]:
    """Return columns by their names, in their order."""
    return {column.name: column for column in columns}


SHOWN: Mapping[str, Any] = {"printed": True, "always": True}

VERDICT = Column(
    "verdict",
    "pass, fail or undecided by the limits in gdest.toml",
    stated_width=11,
    printed=True,
    badge=True,
    gallery=3,
)
"""The same for a micrograph and for a specimen; the sheet Problems shows it too."""

VERDICT_REASON = Column(
    "verdict_reason", "what was found that gave the verdict", stated_width=44, printed=True, wrapped=True
)
"""The same for a micrograph and for a specimen, at another place among the details."""

UNFINISHED = Column(
    "unfinished",
    "empty once the whole archive is graded; else how many files wait, or that one of this row does",
    stated_width=32,
    printed=True,
    wrapped=True,
)
"""The same for a micrograph and for a specimen: every row of an unfinished scan says so."""


def columns_in(
    place: Literal["gallery", "details", "problems", "counts"], columns: Mapping[str, Column]
) -> list[Column]:
    """Return the columns that a place shows, in its order."""
    shown = [column for column in columns.values() if getattr(column, place)]
    return sorted(shown, key=lambda column: int(getattr(column, place)))


def four_digits(value: SupportsFloat) -> float:
    """Return a number as a cell shows lengths and densities, to four digits."""
    return float(f"{float(value):.4g}")
