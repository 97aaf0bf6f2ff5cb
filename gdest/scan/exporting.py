"""Write the reports of an output folder from its ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gdest import __version__
from gdest.core import DataError, GradeSettings, now, say
from gdest.model import ModelFile
from gdest.reports import REPORTS, Record, Rules, library_versions, read_record, read_rules, this_host, write_reports
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import Recipe


def begun_run(
    model: ModelFile, settings: GradeSettings, roots: Sequence[Path], sections: Mapping[str, Any], config: Path | None
) -> Record:
    """Return what the reports will tell of a run that begins now, without rows; `sections` are those of `config`."""
    return Record(
        table=[],
        roots=tuple(str(root.resolve()) for root in roots),
        model=model.name,
        model_sha256=model.sha256,
        weights=str(model.path.resolve()),
        card=asdict(model.card),
        settings=asdict(settings),
        sections=sections,
        rules_folder=str(config.parent.resolve()) if config else "",
        versions=library_versions(),
        host=this_host(),
        started=now(),
    )


def run_of_shards(folder: Path, recipe: Recipe, roots: Sequence[Path]) -> Record:
    """Return what the reports of joined shards tell: what one shard's record says, as far as it has one."""
    try:
        run, _ = read_record(folder)
    except DataError:  # stopped before its reports
        run = Record([], (), recipe.model, recipe.model_sha256, card=asdict(recipe.card), settings=recipe.settings)
    return replace(run, table=[], roots=tuple(str(root.resolve()) for root in roots), started=now())


def rules_of(run: Record) -> Rules:
    """Return the rules of the gdest.toml that a run was begun with; raise `SettingsError` with one sentence."""
    return read_rules(run.sections, Path(run.rules_folder))


def export(ledger: Ledger, recipe: Recipe, run: Record, rules: Rules, out: Path) -> bool:
    """Write every report; return False when those there say the same already."""
    key = export_key(recipe, run, rules)
    if ledger.export_is_current(key) and all((out / name).is_file() for name in REPORTS):
        return False
    table = [row.cells for row in ledger.rows(recipe.id, maps=False)]
    say_unassigned(write_reports(replace(run, table=table, finished=now()), rules, out), rules)
    ledger.exported(key)
    return True


def say_unassigned(run: Record, rules: Rules) -> None:
    """Say how many micrographs the rule for specimens does not cover: a slip in a pattern or a CSV shows so."""
    left = sum(not row.get("specimen") for row in run.table) if rules.specimen else 0
    if left:
        say(f"{left} of {len(run.table)} micrographs belong to no specimen by the rule in gdest.toml.")


def export_key(recipe: Recipe, run: Record, rules: Rules) -> str:
    """Return what the reports depend on beside the ledger's rows."""
    followed = hashlib.sha256(repr((rules, run.roots)).encode()).hexdigest()
    return f"{recipe.id} {__version__} {followed}"
