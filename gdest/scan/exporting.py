"""Write the reports of an output folder from its ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gdest.core import MOST_NAMED, DataError, GradeSettings, OutputError, __version__, now, path_named, readable_name
from gdest.model import EngineChoice, ModelFile
from gdest.reports import (
    MOST_IN_MEMORY,
    REPORTS,
    SPECIMENS,
    Pairs,
    Record,
    Rows,
    RowsError,
    Rules,
    StreamedPairs,
    StreamedRows,
    acceptance,
    file_sha256,
    library_versions,
    read_acceptance,
    read_head,
    read_record,
    read_rules,
    this_host,
    write_reports,
)
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import LedgerRow, Recipe
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
    return replace(record, table=[], roots=roots_now, started=now(), ended="", waiting=[], unlisted=(), pictures=())


def rules_of(record: Record) -> Rules:
    """Return the rules of the gdest.toml that a scan was begun with; raise `SettingsError` for a wrong one."""
    return read_rules(record.sections, path_named(record.rules_folder))


def export(ledger: Ledger, recipe: Recipe, record: Record, out: Path, occasion: str = "scan") -> Results:
    """Write every report unless those there say the same already; return what the output folder holds.

    The record says which files wait; a scan that leaves some of its own work undone has `ended`.
    """
    rules = rules_of(record)
    reports = tuple(out / name for name in REPORTS)
    key, counts = export_key(recipe, record, rules), ledger.counts(recipe.id)
    said = None
    current = are_as_written(ledger.exported_hashes(key), out)
    if current and rules.limits:
        said = read_acceptance(out) or acceptance(read_record(out)[0], rules)
    if not current:
        said = _write(record, rules, out, occasion, _rows_of(ledger, recipe, sum(counts.values()))).accepted
        _remember(ledger, key, out)
    left = said.unassigned if said and not current else 0
    told = said if rules.limits else None
    problems, again = ledger.problems(recipe.id, MOST_NAMED), ledger.again(recipe.id)
    return Results(counts, problems, reports, not current, left, told, record.unfinished, again, len(record.unlisted))


def _write(record: Record, rules: Rules, out: Path, occasion: str, found: tuple[Rows, Pairs]) -> Record:
    """Write the reports of these rows and pictures; return the record as it was written."""
    record = _as_graded(record, out)
    stopped, finished = (now(), "") if record.unfinished else ("", record.finished or now())
    table, pictures = found
    record = replace(record, table=table, pictures=pictures, stopped=stopped, finished=finished)
    try:
        return write_reports(record, rules, out, occasion)
    except RowsError as error:  # the ledger's own error, which tells whether it is damaged
        raise (error.__cause__ or error) from None


def _as_graded(record: Record, out: Path) -> Record:
    """Return the record of a scan that read no file with the times of the one before it, which graded what it tells.

    When the reports were written, by whom and why stands in the history. A scan by other weights or settings has none
    before it.
    """
    if record.files_read:
        return record
    try:
        before = read_head(out)
        same = before["model_sha256"] == record.model_sha256 and before["settings"] == _as_json(record.settings)
        kept = {name: before[name] for name in ("started", "finished", "seconds", "files_read")}
    except (DataError, KeyError):
        return record
    return replace(record, **kept) if same and kept["files_read"] else record


def _as_json(settings: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(settings, default=str))


def _remember(ledger: Ledger, key: str, out: Path) -> None:
    """Record the hashes of the reports that were written; where one cannot be read, the next scan writes them again."""
    try:
        hashes = {name: file_sha256(out / name) for name in WRITTEN if (out / name).is_file()}
    except OSError:
        return
    ledger.exported(key, hashes)


def _rows_of(ledger: Ledger, recipe: Recipe, count: int) -> tuple[Rows, Pairs]:
    """Return the rows of a recipe, and (name, SHA-256) of their pictures: of many rows read anew each time."""

    def found() -> Iterator[LedgerRow]:
        try:
            yield from ledger.rows(recipe.id, maps=False)
        except OutputError as error:
            raise RowsError(str(error)) from error

    if count > MOST_IN_MEMORY:
        pairs = StreamedPairs(lambda: (pair for row in found() for pair in _pictures_of(row)))
        return StreamedRows(count, lambda: (row.cells for row in found())), pairs
    rows = list(ledger.rows(recipe.id, maps=False))
    return [row.cells for row in rows], dict(pair for row in rows for pair in _pictures_of(row)).items()


def _pictures_of(row: LedgerRow) -> Iterator[tuple[str, str]]:
    return ((name, sha256) for name, (sha256, _) in row.pictures.items())


def are_as_written(hashes: Mapping[str, str] | None, out: Path) -> bool:
    """Return whether the reports of a folder still have the hashes that they were written with, None for none."""
    try:
        return hashes is not None and all(file_sha256(out / name) == known for name, known in hashes.items())
    except OSError:
        return False


def export_key(recipe: Recipe, record: Record, rules: Rules) -> str:
    """Return what the reports depend on beside the ledger's rows."""
    waiting = [(row["file"], row.get("why")) for row in record.waiting]
    followed = (rules, record.roots, record.ended, waiting, record.unlisted, record.csv)
    return f"{recipe.id} {__version__} {hashlib.sha256(repr(followed).encode()).hexdigest()}"
