"""Write one table of the workbook: typed cells, header notes, filters, links, colours, a print layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import Any

from xlsxwriter import Workbook

from gdest.core import Status
from gdest.reports.column import Cell, Column
from gdest.reports.columns import HEATMAP, OVERLAY
from gdest.reports.limits import Verdict
from gdest.reports.links import Links
from gdest.reports.no_metal import as_shown
from gdest.reports.pictures import THUMBNAIL_PX, thumbnail_name
from gdest.reports.record import Record
from gdest.reports.rows import Rows

A4 = 9
MOST_ROWS = 1_048_575
"""Excel's sheets have one row more, for the heading."""

MOST_LINKS = 60_000
"""Excel opens a sheet with at most 65,530 links; beyond this many rows the file names are plain text."""

MOST_THUMBNAILS = 1000
THUMBNAIL_ROW_PT = 66
LINE_PT = 15
ROW_PT = 18
"""Height of a row with one line, in whose middle it stands clear of the repeated header's rule."""

TIME_FORMAT = "yyyy-mm-dd hh:mm"
MOST_LINES = 10
LONGEST_TEXT = 32_767
BOLD = 1.1
"""How much wider bold letters are."""

FIRST_YEAR = 1900
"""Excel's dates begin in this year, whose days it counts wrongly."""

LONGEST_LINK = 2000
LONGEST_IN_FORMULA = 255
"""Characters of a text in a formula; Excel repairs a workbook with a longer one."""

MOST_FOOTER = 180
MOST_SOURCE = 120
"""Characters of what a page's head or foot tells; each holds at most 255 with its commands."""

TITLE = "Grain size of etched steel"
BADGES = {
    Status.GRADED: "#E2F0D9",
    Status.REVIEW: "#FFF2CC",
    Status.UNCALIBRATED: "#FCE4D6",
    Status.FAILED: "#F8CBCB",
    Verdict.PASS: "#E2F0D9",
    Verdict.UNDECIDED: "#FFF2CC",
    Verdict.FAIL: "#F8CBCB",
}
"""The ground of a cell by its value, green, yellow, orange and red."""

NOT_IN_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535), "�")


@dataclass(frozen=True)
class Sheet:
    """Hold a worksheet of XlsxWriter and its book, which owns the cell formats."""

    book: Workbook
    worksheet: Any

    def style(self, **properties: object) -> Any:
        """Return a cell format."""
        return self.book.add_format(properties)


def fresh_sheet(book: Workbook, name: str, words: str, record: Record) -> Sheet:
    """Return a new sheet that prints on landscape A4.

    Each page tells at its head what the sheet is about, its name and date, and at its foot has a line to sign and
    words of caution.
    """
    source, day = ", ".join(record.roots), record.closed[:10]
    worksheet = book.add_worksheet(name)
    worksheet.set_landscape()
    worksheet.set_paper(A4)
    worksheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.75)
    worksheet.set_header(f"&L&B{TITLE}&B  {_as_typed(source, MOST_SOURCE)}&C{name}&R{day}")
    worksheet.set_footer(f"&LChecked by {'_' * 18} on {'_' * 10}&C{_as_typed(words, MOST_FOOTER)}&R&P / &N")
    worksheet.fit_to_pages(1, 0)
    worksheet.set_default_row(ROW_PT)
    return Sheet(book, worksheet)


def _as_typed(text: str, most: int) -> str:
    """Return text for a page's head or foot, where & begins a command, cut from the left where it is too long."""
    text = text.translate(NOT_IN_XML).replace("\n", " ").replace("&", "&&")
    return text if len(text) <= most else f"…{text[len(text) - most + 1 :].lstrip('&')}"


def cell_text(value: str) -> str:
    """Return text as a cell can hold it, without control characters and not too long."""
    return value.translate(NOT_IN_XML)[:LONGEST_TEXT]


def write_table(sheet: Sheet, columns: Sequence[Column], rows: Rows, links: Links | None, elsewhere: str) -> None:
    """Write a table with one header row; file, heatmap and overlay become links where `links` finds them.

    Of more rows than a sheet holds none are written, as a part would be taken for all, but that `elsewhere` has them.
    """
    worksheet = sheet.worksheet
    if len(rows) > MOST_ROWS:
        worksheet.write_string(0, 0, f"{len(rows)} rows, of which a sheet of Excel holds {MOST_ROWS}: see {elsewhere}.")
        return
    folded = _folded(columns, rows)
    _set_up(sheet, columns, folded, len(rows))
    styles = [_style(sheet, column) for column in columns]
    link = sheet.style(font_color="#0563C1", underline=1, valign="vcenter", text_wrap=True)
    wrapped = [column for column in columns if _wraps(column) and column.name not in folded]
    pictured = HEATMAP in columns
    for number, row in enumerate(map(as_shown, rows), start=1):
        file = str(row.get("file") or "")
        thumbnail = _thumbnail(links, file) if links and pictured and number <= MOST_THUMBNAILS else None
        worksheet.set_row(number, max(_height(wrapped, row), THUMBNAIL_ROW_PT if thumbnail else 0))
        for index, column in enumerate(columns):
            if column.name == "file" and links and len(rows) <= MOST_LINKS:
                _write_link(worksheet, number, index, links.micrograph(file), file, link)
            elif column is HEATMAP and links:
                _write_heatmap(worksheet, number, index, links.heatmap(file), thumbnail, link)
            elif column is OVERLAY and links:
                _write_picture(worksheet, number, index, links.overlay(file), "overlay", link)
            else:
                value = row.get(column.name)
                write_cell(worksheet, number, index, as_time(value) if column.type == "time" else value, styles[index])


def _wraps(column: Column) -> bool:
    """Return whether long text of a column takes several lines: paths do, whose beginnings are alike."""
    return column.wrapped or column.name == "file"


def as_time(value: Cell) -> Cell | datetime:
    """Return a time in UTC, ISO 8601, as Excel holds one, without a zone; the text where Excel has no such date."""
    try:
        found = datetime.fromisoformat(str(value)).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return value
    return found if found.year > FIRST_YEAR else value


def _folded(columns: Sequence[Column], rows: Rows) -> set[str]:
    """Return the names of the columns that a page has no room for, or that no row fills."""
    empty = {column.name for column in columns if column.printed and not column.always}
    for row in map(as_shown, rows):
        empty -= {name for name in empty if row.get(name) is not None}
        if not empty:
            break
    return empty | {column.name for column in columns if not column.printed}


def _thumbnail(links: Links, file: str) -> Path | None:
    return links.folder / thumbnail_name(file) if links.thumbnail(file) else None


def _height(wrapped: Sequence[Column], row: Mapping[str, Cell]) -> int:
    """Return the height of a row in points: LibreOffice prints wrapped lines over each other where none is stated."""
    lines = (lines_of(str(row.get(column.name) or ""), column.width - 2) for column in wrapped)
    most = min(max(lines, default=1), MOST_LINES)
    return ROW_PT if most == 1 else LINE_PT * most + 3


def lines_of(value: str, characters: float) -> int:
    """Return the number of lines of a text that is wrapped between words."""
    return max(sum(len(wrap(line, max(int(characters), 1))) or 1 for line in value.splitlines()), 1)


def _set_up(sheet: Sheet, columns: Sequence[Column], folded: set[str], count: int) -> None:
    worksheet = sheet.worksheet
    looks: dict[str, object] = {"bold": True, "bg_color": "#DDE6EE", "valign": "top", "text_wrap": True, "bottom": 1}
    of_text, of_numbers = sheet.style(**looks, align="left", indent=1), sheet.style(**looks, align="right")
    worksheet.freeze_panes(1, 1)
    worksheet.autofilter(0, 0, count, len(columns) - 1)
    worksheet.repeat_rows(0)
    worksheet.repeat_columns(0)
    shown = (column for column in columns if column.name not in folded)
    lines = max((lines_of(column.heading, (column.width - 2) / BOLD) for column in shown), default=1)
    worksheet.set_row(0, LINE_PT * lines + 3)
    for index, column in enumerate(columns):
        level = {"level": 1, "hidden": True} if column.name in folded else {}
        worksheet.set_column(index, index, column.width, None, level)
        worksheet.write_string(0, index, column.heading, of_numbers if column.number_format else of_text)
        worksheet.write_comment(0, index, f"{column.name}: {column.note}", {"x_scale": 2, "author": "gdest"})
        if column.badge:
            for value, colour in BADGES.items():
                rule = {"type": "cell", "criteria": "==", "value": f'"{value}"', "format": sheet.style(bg_color=colour)}
                worksheet.conditional_format(1, index, max(count, 1), index, rule)


def _style(sheet: Sheet, column: Column) -> Any:
    properties: dict[str, object] = {"valign": "vcenter"}
    properties |= {"num_format": column.number_format} if column.number_format else {"align": "left", "indent": 1}
    if column.type == "time":
        properties["num_format"] = TIME_FORMAT
    if _wraps(column):
        properties["text_wrap"] = True
    return sheet.style(**properties)


def write_cell(worksheet: Any, row: int, col: int, value: Cell | datetime, style: Any) -> None:
    """Write text, a number or a date; nothing where the value is unknown."""
    if isinstance(value, datetime):
        worksheet.write_datetime(row, col, value, style)
    elif isinstance(value, str):
        worksheet.write_string(row, col, cell_text(value), style)
    elif value is not None:
        worksheet.write_number(row, col, value, style)


def _write_link(worksheet: Any, row: int, col: int, link: str | None, shown: str, style: Any) -> None:
    """Write text that opens a link, or the text alone where there is no link or Excel refuses it."""
    shown = cell_text(shown)
    linked = link and len(link) <= LONGEST_LINK and worksheet.write_url(row, col, f"external:{link}", style, shown) == 0
    if not linked:
        worksheet.write_string(row, col, shown, style)


def _write_heatmap(worksheet: Any, row: int, col: int, link: str | None, thumbnail: Path | None, style: Any) -> None:
    """Write a thumbnail that opens the heatmap, or a link in words."""
    if link is None:
        return
    if thumbnail is not None:
        scale = (THUMBNAIL_ROW_PT - 3) / 0.75 / THUMBNAIL_PX
        scaled = {"x_scale": scale, "y_scale": scale}
        place = scaled | {"x_offset": 6, "y_offset": 2, "object_position": 1, "url": f"external:{link}"}
        worksheet.insert_image(row, col, str(thumbnail), place | {"description": "heatmap"})
    else:
        _write_picture(worksheet, row, col, link, "heatmap", style)


def _write_picture(worksheet: Any, row: int, col: int, link: str | None, word: str, style: Any) -> None:
    """Write a word that opens a picture."""
    if link and row <= MOST_LINKS and len(link) <= LONGEST_IN_FORMULA:
        # percent-encoded, so that no quotation mark ends the text
        # a formula, since a sheet holds only 65,530 links and the file names need most of them
        worksheet.write_formula(row, col, f'=HYPERLINK("{link}","{word}")', style, word)
