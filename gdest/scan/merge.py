"""Join the shards of a scan into one output folder, and name what is missing or there twice."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gdest import __version__
from gdest.cli.console import print_counts
from gdest.core import MOST_NAMED, ExitCode, OutputError, exit_code, now, say
from gdest.reports import REPORTS, picture_names
from gdest.scan.exporting import export, rules_of, run_of_shards
from gdest.scan.ledger import LEDGER, Ledger
from gdest.scan.ledger_schema import Recipe, Run
from gdest.scan.output_lock import output_lock
from gdest.scan.shards import FOLDER


def run_merge(out: Path, shards: Sequence[Path] = ()) -> int:
    """Join shard folders, those below `out/shards` when none are named, into `out`; return the exit code.

    The last run of each shard counts. Exit code 3 says that files are missing or were graded twice;
    both are named. Of a file that was graded twice the later row is kept. Raises `OutputError` when
    there is no shard, or the shards were graded by different models or settings.
    """
    folders = list(shards) or sorted(path.parent for path in (out / FOLDER).glob(f"*/{LEDGER}"))
    if not folders:
        raise OutputError(f"{out / FOLDER} holds no shards; scan with --shard I/N --out {out} first.")
    began = time.monotonic()
    with output_lock(out), Ledger.open(out, create=True) as ledger:
        runs = [_last_run(folder) for folder in folders]
        recipe = _one_recipe(ledger, runs, folders)
        roots = [Path(root) for root in runs[0].roots]
        number = ledger.begin_run(recipe, roots, socket.gethostname(), now(), __version__)
        doubled, missing = _take_all(ledger, recipe, folders, out)
        gone = sorted(set(ledger.files(recipe.id)) - _all_names(folders))
        if gone:
            ledger.mark_gone(recipe.id, gone, now())
        counts = ledger.counts(recipe.id)
        run = replace(run_of_shards(folders[0], recipe, roots), seconds=time.monotonic() - began)
        export(ledger, recipe, run, rules_of(run), out)
        ledger.end_run(number, now())
        print_counts(counts, ledger.problems(recipe.id, MOST_NAMED))
    gaps = _tell_gaps(folders, runs, missing)
    for name in doubled[:MOST_NAMED]:
        say(f"{name}: graded by more than one shard; the later row is kept")
    say(f"{len(folders)} shards: {len(doubled)} files graded twice, {gaps} gaps.")
    say("Written: " + ", ".join(str(out / name) for name in REPORTS))
    return exit_code(counts) or (ExitCode.PROBLEMS if doubled or gaps else ExitCode.GRADED)


def _last_run(folder: Path) -> Run:
    with Ledger.open(folder) as shard:
        run = shard.last_run()
    if run is None:
        raise OutputError(f"{folder} holds no finished scan.")
    return run


def _one_recipe(ledger: Ledger, runs: Sequence[Run], folders: Sequence[Path]) -> Recipe:
    first = runs[0].recipe
    for run, folder in zip(runs, folders, strict=True):
        if not run.recipe.is_of(first.model_sha256, first.settings):
            raise OutputError(
                f"{folder} was graded by another model or other settings than {folders[0]}; scan it like the others."
            )
    return ledger.recipe(first.model, first.model_sha256, first.card, first.settings)


def _all_names(folders: Sequence[Path]) -> set[str]:
    names: set[str] = set()
    for folder in folders:
        with Ledger.open(folder) as shard:
            run = shard.last_run()
            names |= set(shard.files(run.recipe.id)) if run else set()
    return names


def _take_all(ledger: Ledger, recipe: Recipe, folders: Sequence[Path], out: Path) -> tuple[list[str], list[str]]:
    """Copy every shard's rows and pictures; return the files graded twice and those expected but missing."""
    times: Counter[str] = Counter()
    expected: set[str] = set()
    newest: dict[str, str] = {}
    for folder in folders:
        with Ledger.open(folder) as shard, ledger.writing():
            run = shard.last_run()
            files = shard.files(run.recipe.id) if run else {}
            expected |= shard.expected()
            times.update(list(files))
            for name in files:
                of_file = list(shard.rows(run.recipe.id, files=[name])) if run else []
                graded_at = max((str(row.cells["graded_at"]) for row in of_file), default="")
                if graded_at >= newest.get(name, ""):
                    newest[name] = graded_at
                    ledger.record(recipe.id, files[name], [(row.cells, row.grade_map) for row in of_file])
                    for row in of_file:
                        for picture in picture_names(str(row.cells["file"])):
                            _take_picture(folder, out, picture)
    return sorted(name for name, count in times.items() if count > 1), sorted(expected - set(times))


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


def _tell_gaps(folders: Sequence[Path], runs: Sequence[Run], missing: Sequence[str]) -> int:
    """Name the shards that are not there or not finished, and the files that no shard has; return how many."""
    counts = {folder.name.partition("-of-")[2] for folder in folders} - {""}
    lines = []
    if len(counts) > 1:
        lines.append(f"the shards are of different splits ({', '.join(sorted(counts))}); remove the older ones")
    for count in sorted(counts):
        there = {folder.name for folder in folders}
        lines += [
            f"shard {index} of {count} is not there"
            for index in range(1, int(count) + 1)
            if f"{index}-of-{count}" not in there
        ]
    for folder, run in zip(folders, runs, strict=True):
        if run.finished is None:
            lines.append(f"{folder} is not finished; scan it again")
    lines += [f"{name}: not graded by any shard" for name in missing]
    for line in lines[:MOST_NAMED]:
        say(line)
    if len(lines) > MOST_NAMED:
        say(f"... and {len(lines) - MOST_NAMED} more.")
    return len(lines)
