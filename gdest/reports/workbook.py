"""Write `results.xlsx`.

XlsxWriter in its constant-memory mode: unlike openpyxl's write-only mode it writes conditional formats, pictures
and charts while holding one row at a time, and a workbook that Excel opens without a repair.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from io import FileIO
from pathlib import Path
from traceback import clear_frames
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.exceptions import XlsxFileError

from gdest.core import OutputError, Section, Status, write_atomically
from gdest.reports.column import Cell, Column, columns_in
from gdest.reports.columns import COLUMNS, HEATMAP, OVERLAY
from gdest.reports.limits import Limit, Verdict
from gdest.reports.links import Links
from gdest.reports.no_metal import shows_no_metal
from gdest.reports.record import Record, caution, counted_caution
from gdest.reports.rows import Rows, those
from gdest.reports.settings_sheet import write_settings
from gdest.reports.sheets import Sheet, fresh_sheet, write_table
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS
from gdest.reports.summary_sheet import write_summary

ON_OTHER_SHEETS = ("verdict_reason", "mean_intercept_um", "g_intercept")
"""Columns of the sheet Micrographs that a printed page has no room for; Problems and Counts have them."""

RESULTS = "results.csv"
UNPRINTED = ("specimen", "grains_by_half_g")
"""Columns of the sheet Counts that a printed page has no room for."""


def write_workbook(record: Record, specimens: Rows, limits: Sequence[Limit], path: Path) -> None:
    """Write the sheets Summary, Specimens, Micrographs, Counts, Problems and Settings; raise `OutputError`.

    Counts is there only when something was counted. Thumbnails are those of the folder that `path` lies in; links are
    relative to it.
    """
    links = Links(path.parent, record)
    problems, counted = those(record.table, _is_problem), those(record.table, _was_to_be_counted)
    words = caution(f"model {record.model}")

    def fill(book: Workbook) -> None:
        book.set_properties({"title": "gdest: grain size of etched steel", "comments": "an estimate by a model"})
        write_summary(fresh_sheet(book, "Summary", words, record), record, specimens, limits)
        _write_specimens(fresh_sheet(book, "Specimens", words, record), specimens, record)
        columns = [*_folded(COLUMNS.values(), ON_OTHER_SHEETS), HEATMAP]
        write_table(fresh_sheet(book, "Micrographs", words, record), columns, record.table, links, RESULTS)
        if any(row.get("grains_counted") is not None for row in counted):
            shown = [replace(one, printed=True) for one in columns_in("counts", COLUMNS)]
            columns = [*_folded(shown, UNPRINTED), OVERLAY]
            sheet = fresh_sheet(book, "Counts", counted_caution(f"model {record.model}"), record)
            write_table(sheet, columns, counted, links, RESULTS)
        columns = columns_in("problems", COLUMNS)
        write_table(fresh_sheet(book, "Problems", words, record), columns, problems, links, RESULTS)
        write_settings(fresh_sheet(book, "Settings", words, record), record)

    try:
        write_atomically(path, lambda temporary: _write_book(temporary, fill))
    except XlsxFileError as error:
        raise OutputError(f"Cannot write {path}: {_reason(error)}.") from error


def _write_book(path: Path, fill: Callable[[Workbook], None]) -> None:
    """Let `fill` write a workbook; raise `XlsxFileError` where the disk cannot hold it."""
    with _UntilItFails(path, "w") as file:
        try:
            with Workbook(file, {"constant_memory": True, "strings_to_formulas": False}) as book:
                fill(book)
        except XlsxFileError as error:
            file.has_failed = True
            for cause in error.args:  # lets the unfinished archive end itself while there is a file to write to
                clear_frames(getattr(cause, "__traceback__", None))
            raise


class _UntilItFails(FileIO):
    """Write a file, until it is said to have failed; what is written then goes nowhere.

    An archive of Python that could not be written writes its end all the same when it is let go, and what the system
    answers to that would be printed as a traceback.
    """

    has_failed = False

    def write(self, part: Any) -> int:
        """Write all of a part: at the end of a disk the system takes some of it."""
        left = memoryview(part)
        while left and not self.has_failed:
            left = left[super().write(left) :]
        return len(part)


def _reason(error: XlsxFileError) -> str:
    """Return why XlsxWriter could not write a file: the error of the system that it was given."""
    cause = error.args[0] if error.args else error
    return (cause.strerror if isinstance(cause, OSError) else "") or str(error)


def _folded(columns: Iterable[Column], names: Collection[str]) -> list[Column]:
    """Return columns of which those with the given names are not printed."""
    return [replace(one, printed=one.printed and one.name not in names) for one in columns]


def _is_problem(row: Mapping[str, Cell]) -> bool:
    return row["status"] != Status.GRADED or row["verdict"] in (Verdict.FAIL, Verdict.UNDECIDED)


def _was_to_be_counted(row: Mapping[str, Cell]) -> bool:
    """Return whether a row says a number of grains, or why there is none; of no metal none was asked for."""
    return not shows_no_metal(row) and (row.get("grains_counted") is not None or row.get("count_note") is not None)


def _write_specimens(sheet: Sheet, specimens: Rows, record: Record) -> None:
    if specimens:
        write_table(sheet, list(SPECIMEN_COLUMNS.values()), specimens, None, "specimens.csv")
    elif record.sections.get(Section.SPECIMEN):
        sheet.worksheet.write_string(
            0, 0, "No file fits the rule of gdest.toml, section [specimen]; it sees the paths of the sheet Micrographs."
        )
    else:
        sheet.worksheet.write_string(
            0, 0, "No specimens: say in gdest.toml, section [specimen], how a file's name gives its specimen."
        )
