"""Write the reports of an output folder from its ledger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from gdest import __version__
from gdest.console import STATUSES
from gdest.ledger import Ledger
from gdest.ledger_schema import Recipe
from gdest.pipeline import now
from gdest.reports.csv import write_csv
from gdest.reports.table import Cell
from gdest.reports.workbook import write_workbook

REPORTS = ("results.csv", "results.xlsx")
NOTE = (
    "G is an estimate by a trained network, not an E112 measurement; homogeneity is an indication, not an E1181 rating."
)


def export(ledger: Ledger, recipe: Recipe, roots: Sequence[Path], out: Path, seconds: float, done: int) -> bool:
    """Write results.csv and results.xlsx; return False when those there say the same already.

    `seconds` is what this run took for the `done` files that it graded.
    """
    key = export_key(recipe)
    if ledger.export_is_current(key) and all((out / name).is_file() for name in REPORTS):
        return False
    table = [row.cells for row in ledger.rows(recipe.id, maps=False)]
    write_csv(table, out / "results.csv")
    write_workbook(table, _summary(table, recipe, roots, seconds, done), out / "results.xlsx")
    ledger.exported(key)
    return True


def export_key(recipe: Recipe) -> str:
    """Return what the reports depend on beside the ledger's rows."""
    return f"{recipe.id} {__version__}"


def _summary(
    table: Sequence[dict[str, Cell]], recipe: Recipe, roots: Sequence[Path], seconds: float, done: int
) -> list[tuple[str, Cell]]:
    """Return the lines of the workbook's summary sheet."""
    grades = [row["g"] for row in table if row["status"] == "graded" and isinstance(row["g"], float)]
    lines: list[tuple[str, Cell]] = [("scanned folders", "\n".join(str(root) for root in roots))]
    lines += [("micrographs", len(table))]
    lines += [(status, sum(row["status"] == status for row in table)) for status in STATUSES]
    if grades:
        lines += [("coarsest G", round(min(grades), 1)), ("median G", round(median(grades), 1))]
        lines += [("finest G", round(max(grades), 1))]
    lines += [
        ("files read by the last scan", done),
        ("time taken, s", round(seconds, 1)),
        ("files per second", round(done / max(seconds, 1e-9), 2)),
    ]
    lines += [("model", recipe.model), ("model_sha256", recipe.model_sha256), ("gdest_version", __version__)]
    return [*lines, ("finished at (UTC)", now()), ("note", NOTE)]
