"""Write the reports of an output folder from its ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gdest import __version__
from gdest.ledger import Ledger
from gdest.ledger_schema import Recipe
from gdest.network import LoadedModel
from gdest.pipeline import now
from gdest.reports.assign import Rules
from gdest.reports.every import REPORTS, write_reports
from gdest.reports.run import Run, library_versions, this_host
from gdest.settings import GradeSettings


def begun_run(
    model: LoadedModel, weights: Path, settings: GradeSettings, roots: Sequence[Path], sections: Mapping[str, Any]
) -> Run:
    """Return what the reports will tell of a run that begins now, still without rows."""
    return Run(
        table=[],
        roots=tuple(str(root.resolve()) for root in roots),
        model=model.name,
        model_sha256=model.sha256,
        weights=str(weights.resolve()),
        card=asdict(model.card),
        settings=asdict(settings),
        sections=sections,
        versions=library_versions(),
        host=this_host(),
        started=now(),
    )


def export(ledger: Ledger, recipe: Recipe, run: Run, rules: Rules, out: Path) -> bool:
    """Write every report; return False when those there say the same already."""
    followed = hashlib.sha256(repr((rules, run.roots)).encode()).hexdigest()
    key = f"{recipe.id} {__version__} {followed}"
    if ledger.export_is_current(key) and all((out / name).is_file() for name in REPORTS):
        return False
    table = [row.cells for row in ledger.rows(recipe.id, maps=False)]
    write_reports(replace(run, table=table, finished=now()), rules, out)
    ledger.exported(key)
    return True
