"""Write one table of the workbook: typed cells, header notes, filters, links, colours, a print layout."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any
from urllib.parse import quote

from xlsxwriter import Workbook

from gdest.reports.heatmap import heatmap_name
from gdest.reports.pictures import THUMBNAIL_PX, thumbnail_name
from gdest.reports.run import Run, caution
from gdest.reports.table import Cell

A4 = 9
MOST_ROWS = 1_048_575
MOST_LINKS = 60_000
"""Excel opens a sheet with at most 65,530 links; beyond this many rows the file names are plain text."""

MOST_THUMBNAILS = 1000
THUMBNAIL_ROW_PT = 66
LINE_PT = 15
MOST_LINES = 10
LONGEST_TEXT = 32_767
LONGEST_LINK = 2000
MOST_FOOTER = 220
COLOURS = {"graded": "#E2F0D9", "review": "#FFF2CC", "uncalibrated": "#FCE4D6", "failed": "#F8CBCB"}
COLOURS |= {"pass": "#E2F0D9", "undecided": "#FFF2CC", "fail": "#F8CBCB"}
COLOURED = ("status", "verdict")
NOT_IN_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535), "�")


@dataclass(frozen=True)
class Column:
    """Say how a column looks: its note, width, number format; `folded` hides it behind the outline's plus."""

    name: str
    note: str
    width: float
    number_format: str
    wrapped: bool
    folded: bool


@dataclass(frozen=True)
class Sheet:
    """Hold a worksheet and its book, whose formats it shares."""

    book: Workbook
    page: Any

    def style(self, **properties: object) -> Any:
        """Return a cell format."""
        return self.book.add_format(properties)


@dataclass(frozen=True)
class Pictures:
    """Know where the micrographs, heatmaps and thumbnails of a run lie, seen from its output folder."""

    folder: Path
    run: Run

    def micrograph_link(self, file: str) -> str:
        """Return the link to a micrograph, relative where it can be; empty when nothing is known."""
        path = self.run.path_of(file)
        if path is None:
            return ""
        try:
            return quote(Path(os.path.relpath(path, self.folder.resolve())).as_posix(), errors="replace")
        except ValueError:  # another drive
            return path.as_uri()

    def heatmap(self, file: str) -> Path | None:
        """Return the heatmap of a file, relative to the folder; None when there is none."""
        name = heatmap_name(file)
        return Path(name) if (self.folder / name).is_file() else None

    def thumbnail(self, file: str) -> Path | None:
        """Return the thumbnail of a file's heatmap; None when there is none."""
        path = self.folder / thumbnail_name(file)
        return path if path.is_file() else None


def fresh_sheet(book: Workbook, name: str, model: str) -> Sheet:
    """Return a new sheet that prints on landscape A4; every page says below what its numbers are."""
    page = book.add_worksheet(name)
    page.set_landscape()
    page.set_paper(A4)
    page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    words = caution(f"model {model}").replace("&", "&&")
    page.set_footer(f"&L{name}&C{words[:MOST_FOOTER]}&R&P / &N")
    page.fit_to_pages(1, 0)
    return Sheet(book, page)


def text(value: str) -> str:
    """Return text that a cell can hold."""
    return value.translate(NOT_IN_XML)[:LONGEST_TEXT]


def write_table(
    sheet: Sheet, columns: Sequence[Column], rows: Sequence[Mapping[str, Cell]], pictures: Pictures | None
) -> None:
    """Write a table with one header row; the columns file and heatmap become links where `pictures` knows them."""
    page, rows = sheet.page, rows[:MOST_ROWS]
    _set_up(sheet, columns, len(rows))
    styles = [_style(sheet, column) for column in columns]
    link, plain = sheet.style(font_color="#0563C1", underline=1, valign="top"), sheet.style(valign="top")
    thumbnails = pictures is not None and any(column.name == "heatmap" for column in columns)
    for number, row in enumerate(rows, start=1):
        file = str(row.get("file") or "")
        shown = pictures.thumbnail(file) if pictures and thumbnails and number <= MOST_THUMBNAILS else None
        page.set_row(number, max(_height(columns, row), THUMBNAIL_ROW_PT if shown else 0))
        for index, column in enumerate(columns):
            if column.name == "file" and pictures and len(rows) <= MOST_LINKS:
                _write_link(page, number, index, pictures.micrograph_link(file), file, link)
            elif column.name == "heatmap" and pictures:
                _write_heatmap(page, number, index, pictures.heatmap(file), shown, link)
            else:
                _write_cell(page, number, index, row.get(column.name), styles[index] or plain)


def _height(columns: Sequence[Column], row: Mapping[str, Cell]) -> int:
    """Return the height of a row in points: LibreOffice prints wrapped lines of unstated heights over each other."""
    texts = [
        (str(row.get(column.name) or ""), column.width) for column in columns if column.wrapped and not column.folded
    ]
    return LINE_PT * min(max((lines_of(one, width) for one, width in texts), default=1), MOST_LINES)


def lines_of(value: str, characters: float) -> int:
    """Return how many lines a text takes that is wrapped between words."""
    return max(sum(len(wrap(line, max(int(characters), 1))) or 1 for line in value.splitlines()), 1)


def _set_up(sheet: Sheet, columns: Sequence[Column], count: int) -> None:
    page = sheet.page
    looks: dict[str, object] = {"bold": True, "bg_color": "#DDE6EE", "valign": "top", "text_wrap": True, "bottom": 1}
    of_text, of_numbers = sheet.style(**looks, align="left", indent=1), sheet.style(**looks, align="right")
    page.freeze_panes(1, 1)
    page.autofilter(0, 0, count, len(columns) - 1)
    page.repeat_rows(0)
    page.repeat_columns(0)
    page.set_row(0, LINE_PT)
    for index, column in enumerate(columns):
        level = {"level": 1, "hidden": True} if column.folded else {}
        page.set_column(index, index, column.width, None, level)
        page.write_string(0, index, column.name, of_numbers if column.number_format else of_text)
        page.write_comment(0, index, column.note, {"x_scale": 2, "author": "gdest"})
        if column.name in COLOURED:
            for value, colour in COLOURS.items():
                rule = {"type": "cell", "criteria": "==", "value": f'"{value}"'}
                page.conditional_format(1, index, max(count, 1), index, rule | {"format": sheet.style(bg_color=colour)})


def _style(sheet: Sheet, column: Column) -> Any:
    properties: dict[str, object] = {"valign": "top"}
    properties |= {"num_format": column.number_format} if column.number_format else {"align": "left", "indent": 1}
    if column.wrapped:
        properties["text_wrap"] = True
    return sheet.style(**properties)


def _write_cell(page: Any, row: int, col: int, value: Cell, style: Any) -> None:
    if isinstance(value, str):
        page.write_string(row, col, text(value), style)
    elif value is not None:
        page.write_number(row, col, value, style)


def _write_link(page: Any, row: int, col: int, link: str, shown: str, style: Any) -> None:
    if not link or len(link) > LONGEST_LINK or page.write_url(row, col, f"external:{link}", style, text(shown)) != 0:
        page.write_string(row, col, text(shown), style)


def _write_heatmap(page: Any, row: int, col: int, heatmap: Path | None, thumbnail: Path | None, style: Any) -> None:
    """Write a thumbnail that opens the heatmap, or a link in words."""
    if heatmap is None:
        return
    link = quote(heatmap.as_posix(), errors="replace")
    if thumbnail is not None:
        scale = THUMBNAIL_ROW_PT / 0.75 / THUMBNAIL_PX
        place = {"x_scale": scale, "y_scale": scale, "object_position": 1, "url": f"external:{link}"}
        page.insert_image(row, col, str(thumbnail), place | {"description": "heatmap"})
    elif row <= MOST_LINKS:
        # a formula, since a sheet holds only 65,530 links and the file names need most of them
        page.write_formula(row, col, f'=HYPERLINK("{link}","heatmap")', style, "heatmap")
