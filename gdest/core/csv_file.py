"""Write CSV files that a program reads and that no spreadsheet executes, plain or as Excel in much of Europe has them.

The gallery of `gdest.reports` writes its CSV alike, in `gallery_page/nodes.js`.
"""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from gdest.core.files import write_atomically
from gdest.core.plain_text import REPLACEMENT

CsvStyle = Literal["plain", "european"]
CSV_STYLES: tuple[CsvStyle, ...] = get_args(CsvStyle)

FORMULA_STARTS = ("=", "+", "-", "@")
"""What a formula begins with, also as a full-width or small letter, and behind what is not seen; owasp.org, CSV
injection. A spreadsheet that expects another separator begins a cell behind each, and behind a line break."""


@dataclass(frozen=True)
class _Look:
    """Say how a style separates cells and writes numbers; `ends` finds where a cell may end for some spreadsheet."""

    separator: str
    decimal: str
    encoding: str
    ends: re.Pattern[str]


LOOKS: dict[CsvStyle, _Look] = {
    "plain": _Look(",", ".", "utf-8", re.compile(r"([;\t\r\n])")),
    "european": _Look(";", ",", "utf-8-sig", re.compile(r"([,\t\r\n])")),
}
"""A text with the style's own separator is quoted, which keeps it together where that separator is expected; the
separator of the other style is not, so that a text is also split there. Excel takes UTF-8 for such with its mark only.
"""


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


def inert(text: str, style: CsvStyle = "plain") -> str:
    """Return a text of which no spreadsheet makes a formula, nor of a part of it.

    >>> inert("=1+2.tif"), inert("P1;=cmd"), inert("P1, -5", "european"), inert("P1, -5")
    ("'=1+2.tif", "P1;'=cmd", "P1,' -5", 'P1, -5')
    """
    parts = LOOKS[style].ends.split(text)
    if len(parts) == 1 and not _is_formula(text):
        return text
    parts[::2] = [f"'{part}" if _is_formula(part) else part for part in parts[::2]]
    # csv leaves a carriage return without quotes, and what follows it would begin a row
    return "".join(parts).replace("\r", REPLACEMENT)


def live(text: str) -> str:
    """Return a text as it was before `inert` put an apostrophe before it; those within it stay.

    >>> live("'-5 um.tif"), live("'quoted'"), live("'")
    ('-5 um.tif', "'quoted'", "'")
    """
    return text[1:] if text.startswith("'") and _is_formula(text[1:]) else text


def _is_formula(text: str) -> bool:
    if text[:1].isalnum():  # as nearly all cells are
        return False
    first = next((one for one in text if one.isprintable() and not one.isspace()), "")
    return unicodedata.normalize("NFKC", first) in FORMULA_STARTS
