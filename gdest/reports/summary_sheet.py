"""Write the sheet Summary of the workbook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date as calendar_date
from statistics import median
from typing import Any, NamedTuple

from gdest.core import Section, Status
from gdest.reports.column import Cell
from gdest.reports.limits import Limit, Verdict
from gdest.reports.limits_found import told_limits
from gdest.reports.record import NOTE, Record
from gdest.reports.rows import Rows
from gdest.reports.sheets import LINE_PT, Sheet, lines_of, write_cell

DATA_COLUMN = 13
"""Where the charts' numbers stand, right of the charts."""

FIRST_FACT = 2
"""Row of the first line below the title."""

LAST_CHART_ROW = 34
MOST_POINTS = 400
LINE_CHARACTERS = 66
"""Characters on a line of the column of values, which is 68 wide."""

GREY = "#7F7F7F"
RED = "#C00000"
CHART_PX = {"width": 620, "height": 290}


class Placed(NamedTuple):
    """Hold what stands in one cell of the sheet."""

    row: int
    col: int
    value: Cell
    style: Any


def write_summary(sheet: Sheet, record: Record, specimens: Rows, limits: Sequence[Limit]) -> None:
    """Write counts and limits, a histogram of G and its trend over the files' dates as native charts."""
    dated = [
        (str(row["file_modified"] or "")[:10], float(row["g"]))
        for row in record.table
        if row["status"] == Status.GRADED and isinstance(row["g"], (int, float))
    ]
    grades = [g for _, g in dated]
    facts = _facts(record, grades, specimens, limits)
    bins, days = histogram(grades), trend(dated)
    _lay_out(sheet, facts)
    _write_in_order(sheet, [*_title(sheet, record), *_placed_facts(sheet, facts), *_placed_data(sheet, bins, days)])
    if bins:
        sheet.worksheet.insert_chart("D3", _histogram_chart(sheet, len(bins)))
        sheet.worksheet.insert_chart("D19", _trend_chart(sheet, [_excel_day(day[0]) for day in days]))


def _lay_out(sheet: Sheet, facts: Sequence[tuple[str, Cell]]) -> None:
    worksheet = sheet.worksheet
    worksheet.set_column(0, 0, 24)
    worksheet.set_column(1, 1, 68)
    worksheet.set_column(DATA_COLUMN, DATA_COLUMN + 6, 11)
    for row, (_, value) in enumerate(facts, start=FIRST_FACT):
        worksheet.set_row(row, LINE_PT * lines_of(str(value), LINE_CHARACTERS))
    worksheet.print_area(0, 0, max(len(facts) + FIRST_FACT, LAST_CHART_ROW), DATA_COLUMN - 1)


def _write_in_order(sheet: Sheet, cells: Iterable[Placed]) -> None:
    """Write cells row by row: XlsxWriter in constant memory holds one row and drops what comes for earlier ones."""
    for row, col, value, style in sorted(cells, key=lambda cell: (cell.row, cell.col)):
        write_cell(sheet.worksheet, row, col, value, style)


def _title(sheet: Sheet, record: Record) -> Iterator[Placed]:
    yield Placed(0, 0, "gdest: grain size of etched steel", sheet.style(bold=True, font_size=14))
    if record.unfinished:
        yield Placed(1, 0, record.unfinished, sheet.style(bold=True, font_color=RED))
    grey = sheet.style(font_color=GREY)
    for index, name in enumerate(("G", "micrographs", "", "file date", "mean G", "coarsest G", "finest G")):
        yield Placed(0, DATA_COLUMN + index, name, grey)


def _placed_facts(sheet: Sheet, facts: Sequence[tuple[str, Cell]]) -> Iterator[Placed]:
    bold, left = sheet.style(bold=True, valign="top"), sheet.style(align="left", valign="top", text_wrap=True)
    for row, (name, value) in enumerate(facts, start=FIRST_FACT):
        yield Placed(row, 0, name, bold)
        yield Placed(row, 1, value, left)


def _placed_data(
    sheet: Sheet, bins: Sequence[tuple[float, int]], days: Sequence[tuple[str, float, float, float]]
) -> Iterator[Placed]:
    """Yield the numbers that the charts draw."""
    grey, decimal = sheet.style(font_color=GREY), sheet.style(num_format="0.0", font_color=GREY)
    date = sheet.style(num_format="yyyy-mm-dd", font_color=GREY)
    for row, (half_grade, count) in enumerate(bins, start=1):
        yield Placed(row, DATA_COLUMN, half_grade, decimal)
        yield Placed(row, DATA_COLUMN + 1, count, grey)
    for row, (day, *grades) in enumerate(days, start=1):
        yield Placed(row, DATA_COLUMN + 3, _excel_day(day), date)
        for index, g in enumerate(grades, start=4):
            yield Placed(row, DATA_COLUMN + index, g, decimal)


def _facts(record: Record, grades: Sequence[float], specimens: Rows, limits: Sequence[Limit]) -> list[tuple[str, Cell]]:
    """Return the name and value of each line on the left of the sheet."""
    statuses, verdicts = record.counts("status"), record.counts("verdict")
    lines: list[tuple[str, Cell]] = [("scanned folders", "\n".join(record.roots)), ("micrographs", len(record.table))]
    lines += [(status, statuses[status]) for status in Status]
    if grades:
        lines += [("coarsest G", round(min(grades), 1)), ("median G", round(median(grades), 1))]
        lines += [("finest G", round(max(grades), 1))]
    lines += [("specimens", len(specimens))] if specimens else []
    if record.sections.get(Section.SPECIMEN):
        lines += [("without a specimen", sum(not row.get("specimen") for row in record.table))]
    sentences = told_limits(record, limits)
    lines += [(f"limit {number}", sentence) for number, sentence in enumerate(sentences, start=1)]
    if limits:
        of_specimens = Counter(str(row["verdict"]) for row in specimens if row["verdict"])
        lines += [(f"micrographs: {one}", verdicts[one]) for one in Verdict]
        lines += [(f"specimens: {one}", of_specimens[one]) for one in Verdict] if specimens else []
    lines += [("files read by the last scan", record.files_read), ("time taken, s", round(record.seconds, 1))]
    ended = ("stopped at (UTC)", record.stopped) if record.unfinished else ("finished at (UTC)", record.finished)
    lines += [("started at (UTC)", record.started), ended]
    if record.history:
        last = record.history[-1]
        lines += [("reports written at (UTC)", str(last["written"])), ("reports written by", str(last["by"]))]
    return [*lines, ("model", record.model), ("model_sha256", record.model_sha256), ("note", NOTE)]


def histogram(grades: Sequence[float]) -> list[tuple[float, int]]:
    """Return (half grade, micrographs) from the coarsest to the finest, empty ones between included."""
    counts = Counter(int((grade * 2.0 + 0.5) // 1) for grade in grades)
    return [(half / 2.0, counts[half]) for half in range(min(counts), max(counts) + 1)] if counts else []


def trend(dated: Iterable[tuple[str, float]]) -> list[tuple[str, float, float, float]]:
    """Return (date, mean, least and largest G) for each date of the files, or for each month of many dates.

    `dated` are the date and G of each graded micrograph; an empty date is not known.
    """
    known = [(date, g) for date, g in dated if date]
    if len({date for date, _ in known}) > MOST_POINTS:
        known = [(f"{date[:7]}-01", g) for date, g in known]
    by_date: dict[str, list[float]] = {}
    for date, g in known:
        by_date.setdefault(date, []).append(g)
    return [(date, sum(gs) / len(gs), min(gs), max(gs)) for date, gs in sorted(by_date.items())]


def _excel_day(date: str) -> int:
    return (calendar_date.fromisoformat(date) - calendar_date(1899, 12, 30)).days


def _histogram_chart(sheet: Sheet, count: int) -> Any:
    chart = sheet.book.add_chart({"type": "column"})
    column = DATA_COLUMN
    places = {
        "categories": ["Summary", 1, column, count, column],
        "values": ["Summary", 1, column + 1, count, column + 1],
    }
    chart.add_series({**places, "gap": 10, "fill": {"color": "#4472A8"}})
    _label(chart, "Grain size number G of the graded micrographs", "G", "micrographs")
    return chart


def _trend_chart(sheet: Sheet, days: Sequence[int]) -> Any:
    count = len(days)
    chart = sheet.book.add_chart({"type": "scatter"})
    lines = {"mean G": "#1F3864", "coarsest G": "#C55A11", "finest G": "#548235"}
    for index, (name, colour) in enumerate(lines.items(), start=4):
        column = DATA_COLUMN + index
        places = {"categories": ["Summary", 1, DATA_COLUMN + 3, count, DATA_COLUMN + 3]}
        places |= {"values": ["Summary", 1, column, count, column]}
        marker = {"type": "circle", "size": 6 if index == 4 else 4, "fill": {"color": colour}, "border": {"none": True}}
        chart.add_series({**places, "name": name, "marker": marker})
    _label(chart, "G over the dates of the files", "", "G")
    axis = {"num_format": "yyyy-mm-dd", "num_font": {"rotation": -45}, "major_gridlines": {"visible": False}}
    chart.set_x_axis({**axis, "min": days[0] - 1, "max": days[-1] + 1} if days else axis)
    chart.set_legend({"position": "right"})
    return chart


def _label(chart: Any, title: str, x: str, y: str) -> None:
    chart.set_title({"name": title, "name_font": {"size": 12}, "overlay": False})
    chart.set_x_axis({"name": x, "num_format": "0.0"})
    chart.set_y_axis({"name": y, "major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}}})
    chart.set_legend({"none": True})
    chart.set_size(CHART_PX)
