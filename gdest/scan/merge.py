"""Join the shards of a scan into one output folder, and name what is missing or there twice."""

from __future__ import annotations

import re
import socket
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from gdest.core import LEDGER, MOST_NAMED, DataError, FileState, OutputError, __version__, now
from gdest.reports import Cell, ReportSettings, read_head
from gdest.scan.database import DamagedLedgerError
from gdest.scan.exporting import export, record_of_shards
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_damage import with_sound_ledger
from gdest.scan.ledger_schema import Finding, LedgerRow, Recipe, Run
from gdest.scan.locking import output_lock
from gdest.scan.outcome import MergeOutcome
from gdest.scan.planning import require_same_archive
from gdest.scan.shard_pictures import require_inside, take_pictures
from gdest.scan.shards import FOLDER, Shard, shard_of
from gdest.scan.taken import Taken


@dataclass(frozen=True)
class _ShardFolder:
    """Hold what one shard's ledger says of its last scan."""

    folder: Path
    run: Run


def merge_shards(out: Path, folders: Sequence[Path] = (), settings: ReportSettings = ReportSettings()) -> MergeOutcome:
    """Join shard folders, those below `out/shards` when none are named, into `out`; return what came out.

    The last scan of each shard counts. Of a file that was graded twice the later row is kept. Raises `OutputError`
    when there is no shard, or the shards were graded by different models or settings or are of different archives.
    """
    folders = list(folders) or sorted(path.parent for path in (out / FOLDER).glob(f"*/{LEDGER}"))
    if not folders:
        raise OutputError(f"{out / FOLDER} holds no shards; scan with --shard I/N --out {out} first.")
    with output_lock(out):
        return with_sound_ledger(out, partial(_merge, out, folders, settings))


def _merge(out: Path, folders: Sequence[Path], settings: ReportSettings) -> MergeOutcome:
    began = time.monotonic()
    with Ledger.open(out, create=True) as ledger:
        shards = [_read(folder) for folder in folders]
        recipe, roots = _one_recipe(ledger, shards), _one_archive(shards)
        require_same_archive(ledger, roots)
        number = ledger.begin_run(recipe, roots, socket.gethostname(), now(), __version__)
        taken = Taken(ledger.database)
        _take_all(ledger, recipe, shards, out, taken)
        gone = taken.gone(recipe.id)
        if gone:
            ledger.mark_gone(recipe.id, gone, now())
        missing, gaps = _missing(shards, taken), _gaps(shards)
        waiting: list[dict[str, Cell]] = [{"file": name} for name in missing]
        record = record_of_shards(folders[0], recipe, roots)
        record = replace(record, unlisted=_unlisted(shards), deleted=tuple(gone), csv=settings.csv or record.csv)
        record = replace(record, seconds=time.monotonic() - began, waiting=waiting, ended="; ".join(gaps[:MOST_NAMED]))
        results, doubled = export(ledger, recipe, record, out, "merge"), taken.doubled()
        ledger.end_run(number, now())
    lines = (*gaps, *(f"{name}: not graded by any shard" for name in missing))
    return MergeOutcome(results, len(shards), tuple(doubled), lines)


def _read(folder: Path) -> _ShardFolder:
    """Return what is known of a shard, once every name in its ledger was looked at."""
    try:
        with Ledger.open(folder) as ledger:
            run = ledger.last_run()
            if run is None:
                raise OutputError(f"{folder} holds no scan.")
            require_inside(folder, (state.name for state in ledger.states(run.recipe.id)))
            require_inside(folder, ledger.expected())
    except DamagedLedgerError as error:
        raise _scan_again(error) from error
    return _ShardFolder(folder, run)


def _scan_again(error: DamagedLedgerError) -> OutputError:
    return OutputError(f"{error} Scan that shard again.")


def _one_archive(shards: Sequence[_ShardFolder]) -> list[Path]:
    """Return the scanned folders, which are those of every shard."""
    first = shards[0]
    for shard in shards:
        if set(shard.run.roots) != set(first.run.roots):
            raise OutputError(
                f"{shard.folder} holds results of {', '.join(shard.run.roots)}, {first.folder} of "
                f"{', '.join(first.run.roots)}; scan the shards of one archive from the same folders."
            )
    return [Path(root) for root in first.run.roots]


def _one_recipe(ledger: Ledger, shards: Sequence[_ShardFolder]) -> Recipe:
    """Return the recipe that every shard was graded by, in the joined ledger."""
    first = shards[0].run.recipe
    for shard in shards:
        if not shard.run.recipe.is_of(first.model_sha256, first.settings):
            raise OutputError(
                f"{shard.folder} was graded by another model or other settings than {shards[0].folder}; "
                "scan it like the others."
            )
    return ledger.recipe(first.model, first.model_sha256, first.card, first.settings)


def _take_all(ledger: Ledger, recipe: Recipe, shards: Sequence[_ShardFolder], out: Path, taken: Taken) -> None:
    """Copy every shard's rows and pictures; of a file in several shards, those graded last."""
    for shard in shards:
        with Ledger.open(shard.folder) as source, ledger.writing():
            for state in _states(source, shard):
                rows = _rows(source, shard, state.name)
                graded_at = max((str(row.cells["graded_at"]) for row in rows), default="")
                if taken.is_later(state.name, graded_at):
                    ledger.record(recipe.id, state, [_found(row, shard.folder, out) for row in rows])


def _found(row: LedgerRow, folder: Path, out: Path) -> Finding:
    """Return what is recorded of a shard's row, whose pictures are taken along."""
    return Finding(row.cells, row.grade_map, take_pictures(folder, out, row), row.undrawable)


def _states(source: Ledger, shard: _ShardFolder) -> Iterator[FileState]:
    try:
        yield from source.states(shard.run.recipe.id)
    except DamagedLedgerError as error:
        raise _scan_again(error) from error


def _rows(source: Ledger, shard: _ShardFolder, name: str) -> list[LedgerRow]:
    try:
        rows = list(source.rows(shard.run.recipe.id, files=[name]))
    except DamagedLedgerError as error:
        raise _scan_again(error) from error
    require_inside(shard.folder, [str(row.cells["file"] or "") for row in rows])
    return rows


def _missing(shards: Sequence[_ShardFolder], taken: Taken) -> list[str]:
    """Return the files that no shard has graded, sorted: each shard knows its own, and those of shards not there."""
    splits = {_part(shard.folder) for shard in shards}
    missing = set[str]()
    for shard in shards:
        part = _part(shard.folder)
        with Ledger.open(shard.folder) as source:
            for name in source.expected():
                owner = shard_of(name, part.count) if part else None
                if (owner == part or owner not in splits) and not taken.has(name):
                    missing.add(name)
    return sorted(missing)


def _unlisted(shards: Sequence[_ShardFolder]) -> tuple[str, ...]:
    """Return the folders that some shard could not look into, by its record."""
    found: list[str] = []
    for shard in shards:
        with suppress(DataError):  # without a record the shard is not finished, which is told
            found += read_head(shard.folder).get("unlisted", ())
    return tuple(dict.fromkeys(found))


def _part(folder: Path) -> Shard | None:
    """Return which part of the archive a shard's folder holds, None where its name does not say."""
    found = re.fullmatch(r"(\d+)-of-(\d+)", folder.name)
    return Shard(int(found[1]), int(found[2])) if found and 1 <= int(found[1]) <= int(found[2]) else None


def _gaps(shards: Sequence[_ShardFolder]) -> list[str]:
    """Return a sentence for each shard that is not finished or not there, of which only so many are named."""
    there = defaultdict[int, set[int]](set)
    for part in filter(None, (_part(shard.folder) for shard in shards)):
        there[part.count].add(part.index)
    lines = []
    if len(there) > 1:
        counts = ", ".join(map(str, sorted(there)))
        lines.append(f"the shards are of different splits ({counts}); remove the older ones")
    for count, known in sorted(there.items()):
        missing = (index for index in range(1, count + 1) if index not in known)
        told = list(islice(missing, MOST_NAMED))
        lines += [f"shard {index} of {count} is not there" for index in told]
        if more := count - len(known) - len(told):
            lines.append(f"{more} more shards of {count} are not there")
    lines += [f"{shard.folder} is not finished; scan it again" for shard in shards if shard.run.finished is None]
    return lines
