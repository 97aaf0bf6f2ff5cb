"""Write the reports of an output folder from its ledger."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from gdest import __version__
from gdest.ledger import Ledger
from gdest.ledger_schema import Recipe
from gdest.reports.assign import Rules
from gdest.reports.every import write_reports
from gdest.reports.record import RECORD
from gdest.reports.run import Run

REPORTS = ("results.csv", "results.xlsx", RECORD)


def export(ledger: Ledger, recipe: Recipe, run: Run, rules: Rules, out: Path) -> bool:
    """Write every report of a run with the ledger's rows; return False when those there say the same already."""
    sections = hashlib.sha256(json.dumps(run.sections, sort_keys=True, default=str).encode()).hexdigest()
    key = f"{recipe.id} {__version__} {sections}"
    if ledger.export_is_current(key) and all((out / name).is_file() for name in REPORTS):
        return False
    write_reports(replace(run, table=[row.cells for row in ledger.rows(recipe.id, maps=False)]), rules, out)
    ledger.exported(key)
    return True
