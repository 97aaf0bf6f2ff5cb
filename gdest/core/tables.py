"""Read the tables and texts that people keep: CSV as Excel writes it in any country, workbooks, files from Windows."""

from __future__ import annotations

import codecs
import csv
import zipfile
from collections.abc import Iterator
from io import StringIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TextIO

from gdest.core.csv_cells import live
from gdest.core.errors import DataError, in_plain_words

WORKBOOKS = (".xlsx", ".xlsm")
SEPARATORS = ",;\t|"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path) -> str:
    """Return a text file as UTF-8 or UTF-16 by its mark, else as UTF-8, else as Windows wrote it in western Europe.

    Raises `OSError`.
    """
    content = path.read_bytes()
    if content.startswith(UTF_16):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows that `read_lines` returns, without their numbers."""
    return [row for _, row in read_lines(path)]


def read_lines(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a CSV, or of the first sheet of a workbook, by the names in its first row; all cells are text.

    With each stands the line of the file that it ends on. Empty rows are left out. A CSV may be separated by commas,
    semicolons or tabs, and begin with Excel's `sep=;`. Names are in lower case and without blanks around them; the
    apostrophe that `write_csv_lines` puts before what looks like a formula is taken off. Raises `DataError` for what
    cannot be read.
    """
    try:
        lines = (
            _of_workbook(path) if path.suffix.lower() in WORKBOOKS else list(_of_csv(StringIO(read_text(path), None)))
        )
    except OSError as error:
        raise DataError(f"{path} cannot be read: {in_plain_words(error)}.") from error
    except (csv.Error, UnicodeError) as error:
        raise DataError(f"{path} cannot be read as a table: {in_plain_words(error)}.") from error
    stripped = [(number, [live(cell.strip()) for cell in line]) for number, line in lines]
    filled = [(number, line) for number, line in stripped if any(line)]
    if not filled:
        return []
    names = [name.lower() for name in filled[0][1]]
    for number, line in filled[1:]:
        if any(line[len(names) :]):
            raise DataError(
                f"{path}, line {number}: it has {len(line)} cells, the first line {len(names)}; numbers with a decimal "
                "comma need semicolons between the cells, or quotes."
            )
    padded = [(number, line + [""] * (len(names) - len(line))) for number, line in filled[1:]]
    return [(number, dict(zip(names, line, strict=False))) for number, line in padded]


def number(text: str) -> float:
    """Return a number with a decimal point or comma; raise `ValueError` with a sentence.

    >>> number(" 6,24")
    6.24
    """
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        raise ValueError(f"{text.strip()!r} is not a number") from None


Lines = list[tuple[int, list[str]]]
"""Cells with the number of the line, from 1, that they end on."""


def count_csv_lines(path: Path) -> int:
    """Return how many lines a CSV that gdest wrote, in either style, has below its header; raise `OSError`."""
    with path.open("rb") as file:
        return max(sum(1 for _ in _of_csv(TextIOWrapper(file, "utf-8-sig", "replace"))) - 1, 0)


def _of_csv(text: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line; line breaks of any system are one already, those in quotes stay."""
    first, before = text.readline(), 1
    separator = first.rstrip("\n").lower().removeprefix("sep=")
    if not first.lower().startswith("sep=") or len(separator) != 1:
        separator, before = max(SEPARATORS, key=first.count), 0
        text.seek(0)
    reader = csv.reader(text, delimiter=separator)
    return ((reader.line_num + before, line) for line in reader)


def _of_workbook(path: Path) -> Lines:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        rows = islice(book.worksheets[0].iter_rows(values_only=True), 1_048_576)
        texts = (["" if cell is None else str(cell) for cell in row] for row in rows)
        return list(enumerate(texts, start=1))
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, TypeError) as error:
        raise DataError(f"{path} is not a workbook that can be read; save it as .xlsx or CSV.") from error
