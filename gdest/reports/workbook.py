"""Write `results.xlsx`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties

from gdest.archive import write_atomically
from gdest.reports.table import COLUMNS, Cell

Sheet = Any
"""openpyxl's write-only sheet, of which its stubs know little; 50,000 rows fit into memory."""

A4 = 9
"""Excel's number of the paper size."""

HEADER_FILL = PatternFill("solid", fgColor="DDE6EE")
STATUS_FILLS = {
    "graded": PatternFill("solid", fgColor="E2F0D9"),
    "review": PatternFill("solid", fgColor="FFF2CC"),
    "uncalibrated": PatternFill("solid", fgColor="FCE4D6"),
    "failed": PatternFill("solid", fgColor="F8CBCB"),
}
ONE_DECIMAL = {
    "g",
    "g_low",
    "g_high",
    "g_from_density",
    "g_seen",
    "g_min",
    "g_max",
    "mean_diameter_um",
    "mean_intercept_um",
}
TWO_DECIMALS = {"g_sd"}
WIDTHS = {
    "file": 42,
    "reason": 48,
    "homogeneity": 20,
    "um_per_px_source": 18,
    "sha256": 14,
    "model_sha256": 14,
    "graded_at": 26,
}


def write_workbook(table: Sequence[dict[str, Cell]], summary: Sequence[tuple[str, Cell]], path: Path) -> None:
    """Write the sheets Summary and Micrographs: typed cells, header notes with units, filters."""
    book = Workbook(write_only=True)
    _write_summary(book.create_sheet("Summary"), summary)
    _write_micrographs(book.create_sheet("Micrographs"), table)
    write_atomically(path, book.save)


def _write_summary(sheet: Sheet, summary: Sequence[tuple[str, Cell]]) -> None:
    sheet.column_dimensions["A"].width = 34
    sheet.column_dimensions["B"].width = 70
    _fit_to_pages(sheet, 1)
    sheet.append([_cell(sheet, "gdest: grain size of etched steel", font=Font(bold=True, size=14))])
    sheet.append([])
    for name, value in summary:
        aligned = Alignment(horizontal="left", wrap_text=True, vertical="top")
        sheet.append([_cell(sheet, name, font=Font(bold=True)), _cell(sheet, value, alignment=aligned)])


def _write_micrographs(sheet: Sheet, table: Sequence[dict[str, Cell]]) -> None:
    last = get_column_letter(len(COLUMNS))
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{last}{len(table) + 1}"
    _fit_to_pages(sheet, 2)
    sheet.print_title_rows = "1:1"
    sheet.print_title_cols = "A:A"
    for index, name in enumerate(COLUMNS, start=1):
        sheet.column_dimensions[get_column_letter(index)].width = WIDTHS.get(name, max(len(name) + 4, 11))
    sheet.append([_header(sheet, name, note) for name, note in COLUMNS.items()])
    for row in table:
        sheet.append([_body(sheet, name, row[name]) for name in COLUMNS])


def _fit_to_pages(sheet: Sheet, pages_wide: int) -> None:
    """Print on landscape A4, as many pages high as it takes."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = A4
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = pages_wide, 0


def _header(sheet: Sheet, name: str, note: str) -> Any:
    cell = _cell(sheet, name, font=Font(bold=True), fill=HEADER_FILL)
    cell.comment = Comment(note, "gdest", height=80, width=260)
    return cell


def _body(sheet: Sheet, name: str, value: Cell) -> Any:
    cell = _cell(sheet, value)
    if name in ONE_DECIMAL:
        cell.number_format = "0.0"
    elif name in TWO_DECIMALS:
        cell.number_format = "0.00"
    elif name == "within_half_g":
        cell.number_format = "0%"
    elif name == "status" and isinstance(value, str):
        cell.fill = STATUS_FILLS[value]
    elif name == "reason":
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell


def _cell(sheet: Sheet, value: Cell, **style: object) -> Any:
    """Return a cell with its type: text stays text, also when it begins like a formula."""
    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
    for name, setting in style.items():
        setattr(cell, name, setting)
    return cell
