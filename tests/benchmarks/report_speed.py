"""Print the seconds and the peak of memory that the reports of many rows take: report_speed.py [50000] [--plain].

The rows are read from a simulated ledger, as after a scan. Without `--plain` each folder of 500 files is a specimen and
there are limits. `--only results.csv` writes that report alone, `--work FOLDER` makes the ledger there and keeps it.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from simulated_archive import fill_ledger, simulated_job

from gdest.reports.assign import Rules
from gdest.reports.every import judged, write_specimens
from gdest.reports.gallery import write_gallery
from gdest.reports.limits import Limit
from gdest.reports.record import Record
from gdest.reports.record_file import write_record
from gdest.reports.results_csv import write_csv
from gdest.reports.specimen_rules import SpecimenRule
from gdest.reports.workbook import write_workbook
from gdest.scan.exporting import _rows_of
from gdest.scan.ledger import Ledger

LIMITS = (Limit("g >= 5.0"), Limit("homogeneity"))


def main() -> None:
    """Write each report once, print seconds, size and the peak of memory after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=50_000)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        out = work / "out"
        if not out.exists():
            fill_ledger(simulated_job(work / "archive", out), options.count, real=False)
        with Ledger.look(out) as ledger:
            run = ledger.last_run()
            assert run is not None
            table, pictures = _rows_of(ledger, run.recipe, sum(ledger.counts(run.recipe.id).values()))
            record = Record(table, run.roots, run.recipe.model, run.recipe.model_sha256, pictures=pictures)
            write_all(record, Path(temporary), options.only, plain=options.plain)


def write_all(record: Record, out: Path, only: str | None, *, plain: bool) -> None:
    """Write the reports, or only one of them, one after the other."""
    limits = () if plain else LIMITS
    rules = Rules() if plain else Rules(SpecimenRule(folder="parent"), LIMITS)
    began = time.monotonic()
    record, specimens = judged(record, rules)
    _say(f"{len(record.table)} rows, {len(specimens)} specimens, verdicts", began, None)
    for title, write in (
        ("results.csv", lambda path: write_csv(record.table, path)),
        ("specimens.csv", lambda path: write_specimens(specimens, path)),
        ("run.json", lambda path: write_record(record, [], path.parent)),
        ("index.html", lambda path: write_gallery(record, specimens, limits, path)),
        ("results.xlsx", lambda path: write_workbook(record, specimens, limits, path)),
    ):
        if only in (None, title):
            began = time.monotonic()
            write(out / title)
            _say(title, began, out / title)


def _say(title: str, began: float, path: Path | None) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = f", {path.stat().st_size / 1e6:.0f} MB" if path and path.exists() else ""
    print(f"{title}: {time.monotonic() - began:.1f} s{size}, peak of memory so far {peak:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
