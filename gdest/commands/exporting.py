"""Write the reports of an output folder from its ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gdest import __version__
from gdest.ledger import Ledger
from gdest.ledger_schema import Recipe
from gdest.model_file import ModelFile
from gdest.pipeline import now
from gdest.reports.assign import Rules
from gdest.reports.every import REPORTS, write_reports
from gdest.reports.run import Run, library_versions, this_host


def begun_run(model: ModelFile, settings: Mapping[str, Any], roots: Sequence[Path], sections: Mapping[str, Any]) -> Run:
    """Return what the reports will tell of a run that begins now, still without rows."""
    return Run(
        table=[],
        roots=tuple(str(root.resolve()) for root in roots),
        model=model.name,
        model_sha256=model.sha256,
        weights=str(model.path.resolve()),
        card=asdict(model.card),
        settings=settings,
        sections=sections,
        versions=library_versions(),
        host=this_host(),
        started=now(),
    )


@dataclass(frozen=True)
class Reports:
    """Hold what the reports of an output folder need beside the ledger's rows."""

    run: Run
    rules: Rules
    out: Path

    def key(self, recipe: Recipe) -> str:
        """Return what the reports depend on beside the ledger's rows."""
        followed = hashlib.sha256(repr((self.rules, self.run.roots)).encode()).hexdigest()
        return f"{recipe.id} {__version__} {followed}"


def export(ledger: Ledger, recipe: Recipe, reports: Reports, seconds: float, files_read: int) -> bool:
    """Write every report; return False when those there say the same already.

    `seconds` is what this run took for the `files_read` that were new to it.
    """
    key = reports.key(recipe)
    if ledger.export_is_current(key) and all((reports.out / name).is_file() for name in REPORTS):
        return False
    table = [row.cells for row in ledger.rows(recipe.id, maps=False)]
    run = replace(reports.run, table=table, finished=now(), seconds=seconds, files_read=files_read)
    write_reports(run, reports.rules, reports.out)
    ledger.exported(key)
    return True
