"""Write every report of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gdest.reports.assign import SPECIMEN_COLUMNS, Rules, assign, specimen_rows
from gdest.reports.csv import write_csv
from gdest.reports.gallery import write_gallery
from gdest.reports.record import write_record
from gdest.reports.run import Run
from gdest.reports.table import COLUMNS
from gdest.reports.workbook import write_workbook

SPECIMENS = "specimens.csv"
REPORTS = ("results.csv", "results.xlsx", "index.html", "run.json")
"""What every run writes; beside these, specimens.csv where a rule names specimens."""


def write_reports(run: Run, rules: Rules, out: Path) -> Run:
    """Write results.csv, specimens.csv, results.xlsx, index.html and run.json; return the run with verdicts.

    run.json comes last, so that it holds the hashes of the others. Raises `OutputError`.
    """
    run = replace(run, table=assign(run.table, rules))
    specimens = specimen_rows(run.table, rules.limits)
    names = ["results.csv", "results.xlsx", "index.html"]
    write_csv(run.table, out / "results.csv", COLUMNS)
    if specimens:
        write_csv(specimens, out / SPECIMENS, SPECIMEN_COLUMNS)
        names.append(SPECIMENS)
    else:
        (out / SPECIMENS).unlink(missing_ok=True)  # of an earlier rule
    write_workbook(run, specimens, rules.limits, out / "results.xlsx")
    write_gallery(run, specimens, rules.limits, out / "index.html")
    write_record(run, names, out)
    return run


def rejected(run: Run, rules: Rules) -> int:
    """Return how many micrographs and specimens fail a limit."""
    rows = [*run.table, *specimen_rows(run.table, rules.limits)]
    return sum(row["verdict"] == "fail" for row in rows)
