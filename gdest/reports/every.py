"""Write every report of an output folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gdest.reports.assign import Rules, assign, specimen_rows
from gdest.reports.columns import COLUMNS
from gdest.reports.gallery import write_gallery
from gdest.reports.limits import Verdict
from gdest.reports.record import Record
from gdest.reports.record_file import RECORD_FILE, write_record
from gdest.reports.results_csv import write_csv
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS
from gdest.reports.workbook import write_workbook

SPECIMENS = "specimens.csv"
REPORTS = ("results.csv", "results.xlsx", "index.html", RECORD_FILE)
"""The reports that are always written; a rule for specimens adds specimens.csv."""


def write_reports(record: Record, rules: Rules, out: Path) -> Record:
    """Write results.csv, specimens.csv, results.xlsx, index.html and run.json; return the record with verdicts.

    run.json comes last, because it holds the hashes of the others. Raises `OutputError`.
    """
    record = replace(record, table=assign(record.table, rules))
    specimens = specimen_rows(record.table, rules.limits)
    names = ["results.csv", "results.xlsx", "index.html"]
    write_csv(record.table, out / "results.csv", COLUMNS)
    if specimens:
        write_csv(specimens, out / SPECIMENS, SPECIMEN_COLUMNS)
        names.append(SPECIMENS)
    else:
        (out / SPECIMENS).unlink(missing_ok=True)  # of an earlier rule
    write_workbook(record, specimens, rules.limits, out / "results.xlsx")
    write_gallery(record, specimens, rules.limits, out / "index.html")
    write_record(record, names, out)
    return record


def rejected(record: Record, rules: Rules) -> int:
    """Return how many micrographs and specimens fail a limit."""
    rows = [*record.table, *specimen_rows(record.table, rules.limits)]
    return sum(row["verdict"] == Verdict.FAIL for row in rows)
