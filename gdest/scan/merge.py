"""Join the shards of a scan into one output folder, and name what is missing or there twice."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gdest.core import FileState, OutputError, __version__, now
from gdest.reports import picture_names
from gdest.scan.exporting import export, record_of_shards, rules_of
from gdest.scan.ledger import LEDGER, Ledger
from gdest.scan.ledger_schema import Recipe, Run
from gdest.scan.outcome import MergeOutcome
from gdest.scan.output_lock import output_lock
from gdest.scan.shards import FOLDER


@dataclass(frozen=True)
class _ShardFolder:
    """Hold what one shard's ledger says: its last scan, the files graded by it, and the names it has to hold."""

    folder: Path
    run: Run
    files: dict[str, FileState]
    expected: set[str]


def merge_shards(out: Path, folders: Sequence[Path] = ()) -> MergeOutcome:
    """Join shard folders, those below `out/shards` when none are named, into `out`; return what came out.

    The last scan of each shard counts. Of a file that was graded twice the later row is kept. Raises `OutputError`
    when there is no shard, or the shards were graded by different models or settings.
    """
    folders = list(folders) or sorted(path.parent for path in (out / FOLDER).glob(f"*/{LEDGER}"))
    if not folders:
        raise OutputError(f"{out / FOLDER} holds no shards; scan with --shard I/N --out {out} first.")
    began = time.monotonic()
    with output_lock(out), Ledger.open(out, create=True) as ledger:
        shards = [_read(folder) for folder in folders]
        recipe = _one_recipe(ledger, shards)
        roots = [Path(root) for root in shards[0].run.roots]
        number = ledger.begin_run(recipe, roots, socket.gethostname(), now(), __version__)
        _take_all(ledger, recipe, shards, out)
        times = Counter(name for shard in shards for name in shard.files)
        gone = sorted(set(ledger.files(recipe.id)) - set(times))
        if gone:
            ledger.mark_gone(recipe.id, gone, now())
        record = record_of_shards(folders[0], recipe, roots)
        record = replace(record, seconds=time.monotonic() - began)
        results = export(ledger, recipe, record, rules_of(record), out)
        ledger.end_run(number, now())
    doubled = tuple(sorted(name for name, count in times.items() if count > 1))
    return MergeOutcome(results, len(shards), doubled, tuple(_gaps(shards)))


def _read(folder: Path) -> _ShardFolder:
    with Ledger.open(folder) as ledger:
        run = ledger.last_run()
        if run is None:
            raise OutputError(f"{folder} holds no scan.")
        return _ShardFolder(folder, run, ledger.files(run.recipe.id), ledger.expected())


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


def _take_all(ledger: Ledger, recipe: Recipe, shards: Sequence[_ShardFolder], out: Path) -> None:
    """Copy every shard's rows and pictures; of a file in several shards, those graded last."""
    newest: dict[str, str] = {}
    for shard in shards:
        with Ledger.open(shard.folder) as source, ledger.writing():
            for name, state in shard.files.items():
                rows = list(source.rows(shard.run.recipe.id, files=[name]))
                graded_at = max((str(row.cells["graded_at"]) for row in rows), default="")
                if graded_at < newest.get(name, ""):
                    continue
                newest[name] = graded_at
                ledger.record(recipe.id, state, [(row.cells, row.grade_map) for row in rows])
                for row in rows:
                    for picture in picture_names(str(row.cells["file"]), counted=True):
                        _take_picture(shard.folder, out, picture)


def _take_picture(folder: Path, out: Path, name: str) -> None:
    """Give a picture a second name in the output folder, or copy it where the disk cannot."""
    if not (folder / name).is_file():
        return
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).unlink(missing_ok=True)
    try:
        os.link(folder / name, out / name)
    except OSError:
        shutil.copyfile(folder / name, out / name)


def _gaps(shards: Sequence[_ShardFolder]) -> list[str]:
    """Return a sentence for each shard that is not there or not finished, and for each file that no shard has."""
    names = {shard.folder.name for shard in shards}
    counts = {name.partition("-of-")[2] for name in names} - {""}
    lines = []
    if len(counts) > 1:
        lines.append(f"the shards are of different splits ({', '.join(sorted(counts))}); remove the older ones")
    for count in sorted(counts):
        lines += [
            f"shard {index} of {count} is not there"
            for index in range(1, int(count) + 1)
            if f"{index}-of-{count}" not in names
        ]
    lines += [f"{shard.folder} is not finished; scan it again" for shard in shards if shard.run.finished is None]
    missing = set().union(*(shard.expected for shard in shards)) - {name for shard in shards for name in shard.files}
    return lines + [f"{name}: not graded by any shard" for name in sorted(missing)]
