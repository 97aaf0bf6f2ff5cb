"""Write every report of an output folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from gdest.core import CsvStyle, OutputError, as_output_error
from gdest.reports.assign import Rules, assign, assign_specimens
from gdest.reports.columns import COLUMNS
from gdest.reports.gallery import write_gallery
from gdest.reports.history import history_with
from gdest.reports.limits_found import accepted
from gdest.reports.record import Record
from gdest.reports.record_file import RECORD_FILE, write_record
from gdest.reports.results_csv import write_csv
from gdest.reports.rows import Rows
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS
from gdest.reports.unfinished import mark_rows, specimens_of
from gdest.reports.workbook import write_workbook

SPECIMENS = "specimens.csv"
REPORTS = ("results.csv", "results.xlsx", "index.html", RECORD_FILE)
"""The reports that are always written; a rule for specimens adds specimens.csv."""


def write_reports(record: Record, rules: Rules, out: Path, occasion: str = "scan") -> Record:
    """Write results.csv, specimens.csv, results.xlsx, index.html and run.json; return the record with verdicts.

    run.json comes last, because it holds the hashes of the others and tells of this `occasion`. A report that cannot
    be written does not keep the others from it; an `OutputError` at the end names it.
    """
    record, specimens = judged(record, rules)
    limits, problems = rules.limits, dict[str, OutputError]()
    reports: dict[str, Callable[[Path], object]] = {
        "results.csv": lambda path: write_csv(record.table, path, COLUMNS, record.csv),
        SPECIMENS: lambda path: write_specimens(specimens, path, record.csv),
        "results.xlsx": lambda path: write_workbook(record, specimens, limits, path),
        "index.html": lambda path: write_gallery(record, specimens, limits, path),
    }
    record = replace(record, history=history_with(record, rules, out, occasion))
    for name, write in reports.items():
        try:
            write(out / name)
        except OutputError as error:
            problems[name] = error
    record = replace(record, not_written={name: str(error) for name, error in problems.items()})
    written = [name for name in reports if name not in problems and (specimens or name != SPECIMENS)]
    try:
        write_record(record, written, out)
    except OutputError as error:
        problems[RECORD_FILE] = error
    if problems:
        raise OutputError(_what_is_missing(problems))
    return record


def write_specimens(specimens: Rows, path: Path, style: CsvStyle = "plain") -> None:
    """Write specimens.csv; without specimens remove that of an earlier rule."""
    if specimens:
        write_csv(specimens, path, SPECIMEN_COLUMNS, style)
        return
    with as_output_error(path):
        path.unlink(missing_ok=True)


def _what_is_missing(problems: Mapping[str, OutputError]) -> str:
    """Return the sentence that names the reports which could not be written, and why."""
    reasons = " ".join(dict.fromkeys(str(error) for error in problems.values()))
    if problems.keys() >= set(REPORTS):
        return f"No report could be written. {reasons}"
    held = "results.xlsx" in problems and isinstance(problems["results.xlsx"].__cause__, PermissionError)
    workbook = " Is the workbook open in Excel?" if held else ""
    these = "this one" if len(problems) == 1 else "these"
    return f"{reasons}{workbook} The other reports are written; the next scan, or gdest report, writes {these} again."


def judged(record: Record, rules: Rules) -> tuple[Record, Rows]:
    """Return the record with specimens and verdicts by the rules, and the rows of the specimens.

    Where files wait to be graded, every row says so, and what they belong to has no verdict.
    """
    assign_specimens(record.waiting, rules)
    record = replace(record, table=assign(record.table, rules), accepted=None)
    record = replace(record, table=mark_rows(record))
    specimens = specimens_of(record, rules.limits)
    return replace(record, accepted=accepted(record.table, specimens, rules)), specimens
