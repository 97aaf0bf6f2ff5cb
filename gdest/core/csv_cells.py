"""Make the text of a CSV cell one that no spreadsheet executes, plain or as Excel in much of Europe reads it.

The gallery of `gdest.reports` does it alike, in `gallery_page/nodes.js`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from gdest.core.plain_text import REPLACEMENT
from gdest.core.words import CsvStyle

FORMULA_STARTS = ("=", "+", "-", "@")
"""What a formula begins with, also as a full-width or small letter, and behind what is not seen; owasp.org, CSV
injection. A spreadsheet that expects another separator begins a cell behind each, and behind a line break."""


@dataclass(frozen=True)
class Look:
    """Say how a style separates cells and writes numbers; `ends` finds where a cell may end for some spreadsheet."""

    separator: str
    decimal: str
    encoding: str
    ends: re.Pattern[str]


LOOKS: dict[CsvStyle, Look] = {
    "plain": Look(",", ".", "utf-8", re.compile(r"([;\t\r\n])")),
    "european": Look(";", ",", "utf-8-sig", re.compile(r"([,\t\r\n])")),
}
"""A text with the style's own separator is quoted, which keeps it together where that separator is expected; the
separator of the other style is not, so that a text is also split there. Excel takes UTF-8 for such with its mark only.
"""


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
