"""Write the reports of an output folder from its ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gdest.core import MOST_NAMED, DataError, GradeSettings, __version__, now, path_named, readable_name
from gdest.model import EngineChoice, ModelFile
from gdest.reports import (
    REPORTS,
    SPECIMENS,
    Record,
    Rules,
    acceptance,
    file_sha256,
    library_versions,
    read_record,
    read_rules,
    this_host,
    write_reports,
)
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import Recipe
from gdest.scan.outcome import Results

WRITTEN = (*REPORTS, SPECIMENS)
"""The reports that can lie in an output folder."""


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
        roots=tuple(readable_name(str(root.resolve())) for root in roots),
        model=model.name,
        model_sha256=model.sha256,
        weights=readable_name(str(model.path.resolve())),
        card=asdict(model.card),
        settings=asdict(settings),
        engine=asdict(engine),
        sections=sections,
        rules_folder=readable_name(str(config.parent.resolve())) if config else "",
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
    roots_now = tuple(readable_name(str(root.resolve())) for root in roots)
    return replace(record, table=[], roots=roots_now, started=now(), ended="", waiting=(), unlisted=(), pictures={})


def rules_of(record: Record) -> Rules:
    """Return the rules of the gdest.toml that a scan was begun with; raise `SettingsError` for a wrong one."""
    return read_rules(record.sections, path_named(record.rules_folder))


def export(ledger: Ledger, recipe: Recipe, record: Record, out: Path, occasion: str = "scan") -> Results:
    """Write every report unless those there say the same already; return what the output folder holds.

    The record says which files wait; a scan that leaves some of its own work undone has `ended`.
    """
    rules = rules_of(record)
    reports = tuple(out / name for name in REPORTS)
    key, left, said = export_key(recipe, record, rules), 0, None
    current = are_as_written(ledger.exported_hashes(key), out)
    if not current:
        rows = list(ledger.rows(recipe.id, maps=False))
        stopped, finished = (now(), "") if record.unfinished else ("", now())
        pictures = {name: sha256 for row in rows for name, (sha256, _) in row.pictures.items()}
        record = replace(record, table=[row.cells for row in rows], pictures=pictures)
        record = replace(record, stopped=stopped, finished=finished)
        record = write_reports(record, rules, out, occasion)
        left = unassigned(record, rules)
        ledger.exported(key, {name: file_sha256(out / name) for name in WRITTEN if (out / name).is_file()})
    if rules.limits:
        said = acceptance(read_record(out)[0] if current else record, rules)
    counts, problems = ledger.counts(recipe.id), ledger.problems(recipe.id, MOST_NAMED)
    return Results(counts, problems, reports, not current, left, said, record.unfinished, ledger.again(recipe.id))


def are_as_written(hashes: Mapping[str, str] | None, out: Path) -> bool:
    """Return whether the reports of a folder still have the hashes that they were written with, None for none."""
    try:
        return hashes is not None and all(file_sha256(out / name) == known for name, known in hashes.items())
    except OSError:
        return False


def unassigned(record: Record, rules: Rules) -> int:
    """Return how many micrographs the rule for specimens does not cover; 0 without a rule."""
    return sum(not row.get("specimen") for row in record.table) if rules.specimen else 0


def export_key(recipe: Recipe, record: Record, rules: Rules) -> str:
    """Return what the reports depend on beside the ledger's rows."""
    waiting = [(row["file"], row.get("why")) for row in record.waiting]
    followed = hashlib.sha256(repr((rules, record.roots, record.ended, waiting, record.unlisted)).encode()).hexdigest()
    return f"{recipe.id} {__version__} {followed}"
