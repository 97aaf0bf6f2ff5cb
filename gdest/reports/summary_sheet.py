"""Write the sheets Summary and Settings of the workbook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from gdest.reports.limits import Limit
from gdest.reports.run import NOTE, STATUSES, VERDICTS, Run, numbers
from gdest.reports.sheets import LINE_PT, Sheet, lines_of, text
from gdest.reports.table import Cell

DATA_COLUMN = 13
"""Where the charts' numbers stand, right of the charts."""

MOST_POINTS = 400
LINE_CHARACTERS, SETTING_CHARACTERS = 66, 96
CHART_PX = {"width": 620, "height": 290}


def write_summary(sheet: Sheet, run: Run, specimens: Sequence[Mapping[str, Cell]], limits: Sequence[Limit]) -> None:
    """Write run, counts and limits, a histogram of G and its trend over the files' dates as native charts."""
    page = sheet.page
    page.set_column(0, 0, 24)
    page.set_column(1, 1, 68)
    lines = _lines(run, specimens, limits)
    bins, days = histogram(numbers(_graded(run), "g")), trend(_graded(run))
    title, bold = sheet.style(bold=True, font_size=14), sheet.style(bold=True, valign="top")
    left, grey = sheet.style(align="left", valign="top", text_wrap=True), sheet.style(font_color="#7F7F7F")
    date = sheet.style(num_format="yyyy-mm-dd", font_color="#7F7F7F")
    one_decimal = sheet.style(num_format="0.0", font_color="#7F7F7F")
    page.set_column(DATA_COLUMN, DATA_COLUMN + 6, 11)
    for row in range(max(len(lines) + 2, len(bins) + 1, len(days) + 1)):
        if row == 0:
            page.write_string(0, 0, "gdest: grain size of etched steel", title)
            heads = ("G", "micrographs", "", "file date", "mean G", "coarsest G", "finest G")
            for index, name in enumerate(heads):
                page.write_string(0, DATA_COLUMN + index, name, grey)
        elif 2 <= row < len(lines) + 2:
            name, value = lines[row - 2]
            page.set_row(row, LINE_PT * lines_of(str(value), LINE_CHARACTERS))
            page.write_string(row, 0, name, bold)
            page.write(row, 1, text(value) if isinstance(value, str) else value, left)
        if 1 <= row <= len(bins):
            page.write_number(row, DATA_COLUMN, bins[row - 1][0], one_decimal)
            page.write_number(row, DATA_COLUMN + 1, bins[row - 1][1], grey)
        if 1 <= row <= len(days):
            page.write_number(row, DATA_COLUMN + 3, _excel_day(days[row - 1][0]), date)
            for index, value in enumerate(days[row - 1][1:], start=4):
                page.write_number(row, DATA_COLUMN + index, value, one_decimal)
    page.print_area(0, 0, max(len(lines) + 2, 34), DATA_COLUMN - 1)
    if bins:
        page.insert_chart("D3", _histogram_chart(sheet, len(bins)))
        page.insert_chart("D19", _trend_chart(sheet, [_excel_day(day[0]) for day in days]))


def _graded(run: Run) -> list[dict[str, Cell]]:
    return [row for row in run.table if row["status"] == "graded"]


def _lines(run: Run, specimens: Sequence[Mapping[str, Cell]], limits: Sequence[Limit]) -> list[tuple[str, Cell]]:
    statuses, verdicts, grades = run.counts("status"), run.counts("verdict"), numbers(_graded(run), "g")
    lines: list[tuple[str, Cell]] = [("scanned folders", "\n".join(run.roots)), ("micrographs", len(run.table))]
    lines += [(status, statuses[status]) for status in STATUSES]
    if grades:
        lines += [("coarsest G", round(min(grades), 1)), ("median G", round(median(grades), 1))]
        lines += [("finest G", round(max(grades), 1))]
    lines += [("specimens", len(specimens))] if specimens else []
    if run.sections.get("specimen"):
        lines += [("without a specimen", sum(not row.get("specimen") for row in run.table))]
    lines += [(f"limit {number}", limit.text) for number, limit in enumerate(limits, start=1)]
    if limits:
        of_specimens = Counter(str(row["verdict"]) for row in specimens if row["verdict"])
        lines += [(f"micrographs: {one}", verdicts[one]) for one in VERDICTS]
        lines += [(f"specimens: {one}", of_specimens[one]) for one in VERDICTS] if specimens else []
    lines += [("files read by the last scan", run.files_read), ("time taken, s", round(run.seconds, 1))]
    lines += [("started at (UTC)", run.started), ("finished at (UTC)", run.finished)]
    return [*lines, ("model", run.model), ("model_sha256", run.model_sha256), ("note", NOTE)]


def histogram(grades: Sequence[float]) -> list[tuple[float, int]]:
    """Return (half grade, micrographs) from the coarsest to the finest, empty ones between included."""
    counts = Counter(int((grade * 2.0 + 0.5) // 1) for grade in grades)
    return [(half / 2.0, counts[half]) for half in range(min(counts), max(counts) + 1)] if counts else []


def trend(rows: Sequence[Mapping[str, Cell]]) -> list[tuple[str, float, float, float]]:
    """Return (date, mean, least and largest G) by the date of the files; over long times, by month."""
    by_date: dict[str, list[float]] = {}
    known = [(str(row["file_modified"])[:10], row["g"]) for row in rows if row.get("file_modified")]
    if len({date for date, _ in known}) > MOST_POINTS:
        known = [(f"{date[:7]}-01", g) for date, g in known]
    for date, g in known:
        if isinstance(g, (int, float)):
            by_date.setdefault(date, []).append(float(g))
    return [(date, sum(gs) / len(gs), min(gs), max(gs)) for date, gs in sorted(by_date.items())]


def _excel_day(date: str) -> int:
    from datetime import date as calendar

    return (calendar.fromisoformat(date) - calendar(1899, 12, 30)).days


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
    colours = {"mean G": "#1F3864", "coarsest G": "#C55A11", "finest G": "#548235"}
    for index, (name, colour) in enumerate(colours.items(), start=4):
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


def write_settings(sheet: Sheet, run: Run) -> None:
    """Write every setting, the rules, the model card, versions, hashes, host, start and end."""
    page, bold, style = sheet.page, sheet.style(bold=True), sheet.style(text_wrap=True, align="left", valign="top")
    page.set_column(0, 0, 40)
    page.set_column(1, 1, 100)
    page.repeat_rows(0)
    page.write_string(0, 0, "setting", bold)
    page.write_string(0, 1, "value", bold)
    told: dict[str, object] = {"weights": run.weights, "weights_sha256": run.model_sha256, "host": run.host}
    told |= {"started": run.started, "finished": run.finished, "seconds": round(run.seconds, 1)}
    parts = {"": told, "roots": run.roots, "settings": run.settings, "gdest.toml": run.sections}
    lines = flat({**parts, "versions": run.versions, "model card": run.card})
    for row, (name, value) in enumerate(lines, start=1):
        page.set_row(row, LINE_PT * lines_of(value, SETTING_CHARACTERS))
        page.write_string(row, 0, text(name), style)
        page.write_string(row, 1, text(value), style)


def flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Return (dotted name, text) of everything in nested mappings; lists of plain values stay on one line."""
    if isinstance(value, Mapping):
        pairs = [flat(one, f"{name}.{key}".strip(".")) for key, one in value.items()]
        return [line for pair in pairs for line in pair]
    if isinstance(value, (list, tuple)) and any(isinstance(one, Mapping) for one in value):
        return [line for i, one in enumerate(value, start=1) for line in flat(one, f"{name}.{i}")]
    if isinstance(value, (list, tuple)):
        return [(name, ", ".join(str(one) for one in value))]
    return [(name, "" if value is None else str(value))]
