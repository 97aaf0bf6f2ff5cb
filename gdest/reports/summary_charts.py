"""Draw the charts of the sheet Summary: native charts of Excel, whose numbers stand beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date as calendar_date
from typing import Any, NamedTuple

from gdest.reports.column import Cell
from gdest.reports.rows import Rows
from gdest.reports.sheets import Sheet

DATA_COLUMN = 13
"""Where the charts' numbers stand, right of the charts."""

DRAWN = DATA_COLUMN + 3
"""Where the numbers of the second chart stand."""

TREND = {"mean G": "#1F3864", "coarsest G": "#C55A11", "finest G": "#548235"}
OF_SPECIMENS = {"G": "#1F3864", "G counted": "#C55A11"}
"""The series of the second chart with their colours: over the dates, or of several specimens."""

MOST_POINTS = 400
GREY = "#7F7F7F"
CHART_PX = {"width": 620, "height": 290}
FIRST_CHART, SECOND_CHART = "D3", "D19"


class Placed(NamedTuple):
    """Hold what stands in one cell of the sheet."""

    row: int
    col: int
    value: Cell
    style: Any


def draw_histogram(sheet: Sheet, grades: Sequence[float]) -> list[Placed]:
    """Insert a histogram of G; return the cells that it draws."""
    bins = histogram(grades)
    if bins:
        sheet.worksheet.insert_chart(FIRST_CHART, _histogram_chart(sheet, len(bins)))
    return list(_placed_bins(sheet, bins))


def draw_trend(sheet: Sheet, dated: Iterable[tuple[str, float]]) -> list[Placed]:
    """Insert mean, coarsest and finest G over the dates of the files; return the cells that it draws."""
    days = trend(dated)
    if days:
        sheet.worksheet.insert_chart(SECOND_CHART, _trend_chart(sheet, [_excel_day(day[0]) for day in days]))
    return list(_placed_days(sheet, days))


def draw_specimens(sheet: Sheet, specimens: Rows) -> list[Placed]:
    """Insert G and G counted of each specimen; return the cells that it draws."""
    steels = of_specimens(specimens)
    if steels:
        sheet.worksheet.insert_chart(SECOND_CHART, _specimen_chart(sheet, len(steels)))
    return list(_placed_steels(sheet, steels))


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


def of_specimens(specimens: Rows) -> list[tuple[str, Cell, Cell]]:
    """Return (name, G, G counted) of each specimen with a G; none of more than a chart can show."""
    if len(specimens) > MOST_POINTS:
        return []
    names = Counter(row["specimen"] for row in specimens)
    called = ("specimen", "heat", "order", "product")
    return [
        (
            ", ".join(str(row[one]) for one in called[: None if names[row["specimen"]] > 1 else 1] if row.get(one)),
            row["g"],
            row.get("g_counted"),
        )
        for row in specimens
        if row["g"] is not None
    ]


def _placed_heads(sheet: Sheet, column: int, names: Sequence[str]) -> Iterator[Placed]:
    grey = sheet.style(font_color=GREY)
    return (Placed(0, column + index, name, grey) for index, name in enumerate(names))


def _placed_bins(sheet: Sheet, bins: Sequence[tuple[float, int]]) -> Iterator[Placed]:
    """Yield the numbers that the histogram draws."""
    grey, decimal = sheet.style(font_color=GREY), sheet.style(num_format="0.0", font_color=GREY)
    yield from _placed_heads(sheet, DATA_COLUMN, ("G", "micrographs"))
    for row, (half_grade, count) in enumerate(bins, start=1):
        yield Placed(row, DATA_COLUMN, half_grade, decimal)
        yield Placed(row, DATA_COLUMN + 1, count, grey)


def _placed_days(sheet: Sheet, days: Sequence[tuple[str, float, float, float]]) -> Iterator[Placed]:
    """Yield the numbers that the trend draws."""
    decimal = sheet.style(num_format="0.0", font_color=GREY)
    date = sheet.style(num_format="yyyy-mm-dd", font_color=GREY)
    yield from _placed_heads(sheet, DRAWN, ("file date", *TREND))
    for row, (day, *grades) in enumerate(days, start=1):
        yield Placed(row, DRAWN, _excel_day(day), date)
        for index, g in enumerate(grades, start=1):
            yield Placed(row, DRAWN + index, g, decimal)


def _placed_steels(sheet: Sheet, steels: Sequence[tuple[str, Cell, Cell]]) -> Iterator[Placed]:
    """Yield the numbers that the chart of specimens draws."""
    grey, decimal = sheet.style(font_color=GREY), sheet.style(num_format="0.0", font_color=GREY)
    yield from _placed_heads(sheet, DRAWN, ("specimen", *OF_SPECIMENS))
    for row, (name, *grades) in enumerate(steels, start=1):
        yield Placed(row, DRAWN, name, grey)
        for index, g in enumerate(grades, start=1):
            yield Placed(row, DRAWN + index, g, decimal)


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
    chart = sheet.book.add_chart({"type": "scatter"})
    _add_marked(chart, TREND, len(days))
    _label(chart, "G over the dates of the files", "", "G")
    axis = {"num_format": "yyyy-mm-dd", "num_font": {"rotation": -45}, "major_gridlines": {"visible": False}}
    chart.set_x_axis({**axis, "min": days[0] - 1, "max": days[-1] + 1} if days else axis)
    chart.set_legend({"position": "right"})
    return chart


def _specimen_chart(sheet: Sheet, count: int) -> Any:
    chart = sheet.book.add_chart({"type": "line"})
    _add_marked(chart, OF_SPECIMENS, count)
    _label(chart, "G of each specimen", "", "G")
    chart.set_x_axis({"num_font": {"rotation": -45}})
    chart.set_legend({"position": "right"})
    return chart


def _add_marked(chart: Any, series: Mapping[str, str], count: int) -> None:
    """Add series of dots without a line between them, by their names and colours; the first has larger ones."""
    for index, (name, colour) in enumerate(series.items(), start=1):
        places = {"categories": ["Summary", 1, DRAWN, count, DRAWN]}
        places |= {"values": ["Summary", 1, DRAWN + index, count, DRAWN + index]}
        marker = {"type": "circle", "size": 6 if index == 1 else 4, "fill": {"color": colour}, "border": {"none": True}}
        chart.add_series({**places, "name": name, "marker": marker, "line": {"none": True}})


def _label(chart: Any, title: str, x: str, y: str) -> None:
    chart.set_title({"name": title, "name_font": {"size": 12}, "overlay": False})
    chart.set_x_axis({"name": x, "num_format": "0.0"})
    chart.set_y_axis({"name": y, "major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}}})
    chart.set_legend({"none": True})
    chart.set_size(CHART_PX)


def _excel_day(date: str) -> int:
    return (calendar_date.fromisoformat(date) - calendar_date(1899, 12, 30)).days
