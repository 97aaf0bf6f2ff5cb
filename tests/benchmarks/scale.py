"""Print what each step costs at so many micrographs, by simulated rows: scale.py [1000000] [--shards 10] [--work DIR].

Recorded as a scan records them; read again as a scan plans (the files and pictures themselves are not looked at); split
into shards that each know the names of the whole archive, and joined again without the reports (`report_speed.py`).
Each step runs in a process of its own; printed are its seconds, those of processor time, and its peak of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from simulated_archive import fill_ledger, name_of, simulated_job

from gdest.core import FileState, ImageFile
from gdest.scan import merge, planning
from gdest.scan.archive import Archive, look_at
from gdest.scan.job import Job
from gdest.scan.ledger import Ledger
from gdest.scan.outcome import Results
from gdest.scan.shards import Shard, shard_of


def main() -> None:
    """Carry out each step and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--shards", type=int, default=10)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    count = options.count
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        job = simulated_job(work / "archive", work / "out")
        measured("record every row", count, lambda: fill_ledger(job, count, real=False), work / "out/ledger.sqlite")
        measured("list of the files", count, lambda: files_of(job, count))
        measured("plan of nothing new", count, lambda: plan(job, count))
        measured("rows for the reports, once", count, lambda: read_rows(job))
        measured(f"{options.shards} shards", count, lambda: split(job, count, options.shards))
        measured(f"join of {options.shards} shards", count, lambda: join(job))


def measured(title: str, count: int, step: Callable[[], object], made: Path | None = None) -> None:
    """Carry out a step in a process of its own and print what it cost, and the size of what it made."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            step()
            os._exit(0)
        finally:
            os._exit(1)
    _, status, spent = os.wait4(child, 0)
    assert status == 0
    cpu = spent.ru_utime + spent.ru_stime
    size = f", {made.stat().st_size / 1e9:.2f} GB" if made else ""
    print(
        f"{title}: {time.monotonic() - began:.1f} s, {cpu:.1f} s of CPU ({cpu / count * 1e6:.0f} us each), "
        f"peak {spent.ru_maxrss / 1024:.0f} MB{size}",
        flush=True,
    )


def files_of(job: Job, count: int) -> tuple[ImageFile, ...]:
    """Return the files as a look at the archive would find them."""
    (root,) = map(str, job.roots)
    return tuple(ImageFile(os.path.join(root, name), name) for name in map(name_of, range(count)))


def plan(job: Job, count: int) -> None:
    """Plan a scan of files that are as the ledger knows them, whose pictures are there."""
    files = files_of(job, count)
    known = look_at(files[0])

    def unchanged(file: ImageFile) -> FileState:
        return replace(known, name=file.name, path=file.place)

    planning.look_at = unchanged
    planning._are_there = lambda *_arguments: True
    with Ledger.open(job.out) as ledger:
        found = planning.make_plan(job, Archive(files, True), files, ledger, 1)
        assert len(found.unchanged) == count, found.sentence()
        ledger.counts(1)


def read_rows(job: Job) -> None:
    """Read every row as a report does."""
    with Ledger.open(job.out) as ledger:
        for _ in ledger.rows(1, maps=False):
            pass


def split(job: Job, count: int, parts: int) -> None:
    """Write the ledgers that shards would have left, from that of the whole."""
    shards = [Shard(index, parts) for index in range(1, parts + 1)]
    ledgers = {shard: Ledger.open(shard.folder(job.out), create=True) for shard in shards}
    model = job.model
    with Ledger.open(job.out) as whole:
        for shard, ledger in ledgers.items():
            recipe = ledger.recipe(model.name, model.sha256, model.card, job.answer_settings)
            number = ledger.begin_run(recipe, job.roots, "host", "now", "0")
            ledger.end_run(number, "now")
            ledger.expect([name_of(index) for index in range(count)])
            ledger.database.connection.execute("ATTACH ? AS whole", (str(whole.path),))
            names = json.dumps([name for name in map(name_of, range(count)) if shard_of(name, parts) == shard])
            with ledger.writing():
                for table, column in (("files", "name"), ("micrographs", "file")):
                    chosen = f"recipe = 1 AND {column} IN (SELECT value FROM json_each(?))"
                    ledger.database.tell(f"INSERT INTO {table} SELECT * FROM whole.{table} WHERE {chosen}", (names,))
            ledger.database.close()


def join(job: Job) -> None:
    """Join the shards into the ledger beside them, and write no report."""
    merge.export = lambda *_arguments: Results({}, [], (), False)
    job = replace(job, out=job.out.parent / "joined")
    folders = sorted((job.out.parent / "out" / "shards").iterdir())
    outcome = merge.merge_shards(job.out, folders)
    assert not outcome.doubled


if __name__ == "__main__":
    main()
