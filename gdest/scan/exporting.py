"""Write the reports of an output folder from its ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gdest.core import MOST_NAMED, DataError, GradeSettings, __version__, now
from gdest.model import EngineChoice, ModelFile
from gdest.reports import (
    REPORTS,
    Record,
    Rules,
    library_versions,
    read_record,
    read_rules,
    this_host,
    write_reports,
)
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import Recipe
from gdest.scan.outcome import Results


def begin_record(
    model: ModelFile,
    settings: GradeSettings,
    engine: EngineChoice,
    roots: Sequence[Path],
    sections: Mapping[str, Any],
    config: Path | None,
) -> Record:
    """Return the record of a scan that begins now, without rows; `sections` are those of the gdest.toml `config`."""
    return Record(
        table=[],
        roots=tuple(str(root.resolve()) for root in roots),
        model=model.name,
        model_sha256=model.sha256,
        weights=str(model.path.resolve()),
        card=asdict(model.card),
        settings=asdict(settings),
        engine=asdict(engine),
        sections=sections,
        rules_folder=str(config.parent.resolve()) if config else "",
        versions=library_versions(),
        host=this_host(),
        started=now(),
    )


def record_of_shards(folder: Path, recipe: Recipe, roots: Sequence[Path]) -> Record:
    """Return the record of joined shards, without rows: that of one shard, or the recipe where it has none."""
    try:
        record, _ = read_record(folder)
    except DataError:  # the shard was stopped before its reports
        record = Record([], (), recipe.model, recipe.model_sha256, card=asdict(recipe.card), settings=recipe.settings)
    return replace(record, table=[], roots=tuple(str(root.resolve()) for root in roots), started=now())


def rules_of(record: Record) -> Rules:
    """Return the rules of the gdest.toml that a scan was begun with; raise `SettingsError` for a wrong one."""
    return read_rules(record.sections, Path(record.rules_folder))


def export(ledger: Ledger, recipe: Recipe, record: Record, rules: Rules, out: Path) -> Results:
    """Write every report unless those there say the same already; return what the output folder holds."""
    reports = tuple(out / name for name in REPORTS)
    key = export_key(recipe, record, rules)
    current, left = ledger.export_is_current(key) and all(report.is_file() for report in reports), 0
    if not current:
        table = [row.cells for row in ledger.rows(recipe.id, maps=False)]
        left = unassigned(write_reports(replace(record, table=table, finished=now()), rules, out), rules)
        ledger.exported(key)
    counts, problems = ledger.counts(recipe.id), ledger.problems(recipe.id, MOST_NAMED)
    return Results(counts, problems, reports, written=not current, unassigned=left)


def unassigned(record: Record, rules: Rules) -> int:
    """Return how many micrographs the rule for specimens does not cover; 0 without a rule."""
    return sum(not row.get("specimen") for row in record.table) if rules.specimen else 0


def export_key(recipe: Recipe, record: Record, rules: Rules) -> str:
    """Return what the reports depend on beside the ledger's rows."""
    followed = hashlib.sha256(repr((rules, record.roots)).encode()).hexdigest()
    return f"{recipe.id} {__version__} {followed}"
