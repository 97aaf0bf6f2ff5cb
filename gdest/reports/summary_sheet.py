"""Write the sheet Summary of the workbook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from gdest.core import Section, Status
from gdest.reports.column import Cell
from gdest.reports.limits import Limit, Verdict
from gdest.reports.limits_found import told_limits
from gdest.reports.record import NOTE, Record
from gdest.reports.rows import Rows
from gdest.reports.sheets import LINE_PT, Sheet, lines_of, write_cell
from gdest.reports.summary_charts import DATA_COLUMN, Placed, draw_histogram, draw_specimens, draw_trend

FIRST_FACT = 2
"""Row of the first line below the title."""

LAST_CHART_ROW = 34
LINE_CHARACTERS = 66
"""Characters on a line of the column of values, which is 68 wide."""

RED = "#C00000"


def write_summary(sheet: Sheet, record: Record, specimens: Rows, limits: Sequence[Limit]) -> None:
    """Write counts and limits, and as native charts a histogram of G and its trend over the files' dates.

    Of several specimens a mean G of all would be that of no steel: their own G are drawn instead.
    """
    dated = [
        (str(row["file_modified"] or "")[:10], float(row["g"]))
        for row in record.table
        if row["status"] == Status.GRADED and isinstance(row["g"], (int, float))
    ]
    grades = [g for _, g in dated]
    facts = _facts(record, grades, specimens, limits)
    _lay_out(sheet, facts)
    numbers = draw_histogram(sheet, grades)
    numbers += draw_specimens(sheet, specimens) if len(specimens) > 1 else draw_trend(sheet, dated)
    _write_in_order(sheet, [*_title(sheet, record), *_placed_facts(sheet, facts), *numbers])


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


def _placed_facts(sheet: Sheet, facts: Sequence[tuple[str, Cell]]) -> Iterator[Placed]:
    bold, left = sheet.style(bold=True, valign="top"), sheet.style(align="left", valign="top", text_wrap=True)
    for row, (name, value) in enumerate(facts, start=FIRST_FACT):
        yield Placed(row, 0, name, bold)
        yield Placed(row, 1, value, left)


def _facts(record: Record, grades: Sequence[float], specimens: Rows, limits: Sequence[Limit]) -> list[tuple[str, Cell]]:
    """Return the name and value of each line on the left of the sheet."""
    statuses, verdicts = record.counts("status"), record.counts("verdict")
    lines: list[tuple[str, Cell]] = [("scanned folders", "\n".join(record.roots)), ("micrographs", len(record.table))]
    lines += [(status, statuses[status]) for status in Status]
    if grades:
        middle = [("median G", round(median(grades), 1))] if len(specimens) < 2 else []
        lines += [("coarsest G", round(min(grades), 1)), *middle, ("finest G", round(max(grades), 1))]
    lines += [("specimens", len(specimens))] if specimens else []
    if record.sections.get(Section.SPECIMEN):
        lines += [("without a specimen", sum(not row.get("specimen") for row in record.table))]
    sentences = told_limits(record, limits)
    lines += [(f"limit {number}", sentence) for number, sentence in enumerate(sentences, start=1)]
    if limits:
        of_specimens = Counter(str(row["verdict"]) for row in specimens if row["verdict"])
        lines += [(f"micrographs: {one}", verdicts[one]) for one in Verdict]
        lines += [(f"specimens: {one}", of_specimens[one]) for one in Verdict] if specimens else []
    lines += [("files read last", record.files_read), ("time taken, s", round(record.seconds, 1))]
    ended = ("stopped at (UTC)", record.stopped) if record.unfinished else ("finished at (UTC)", record.finished)
    lines += [("started at (UTC)", record.started), ended]
    if record.history:
        last = record.history[-1]
        lines += [("reports written at (UTC)", str(last["written"])), ("reports written by", str(last["by"]))]
    return [*lines, ("model", record.model), ("model_sha256", record.model_sha256), ("note", NOTE)]
