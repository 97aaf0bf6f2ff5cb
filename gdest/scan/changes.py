"""Compare an archive with what the ledger knows of it, so that only what is new is graded."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gdest.core import FileState, ImageFile

REASONS = ("new", "moved", "changed", "to be read again", "without its pictures", "forced")
"""Why a file is graded, in the order they are reported."""


@dataclass(frozen=True)
class Work:
    """Name a file to grade, what it was when the scan looked, and why (one of `REASONS`)."""

    file: ImageFile
    state: FileState
    why: str


@dataclass(frozen=True)
class Plan:
    """Hold what a scan has to do: files to grade, in order; names that are unchanged and that are gone."""

    work: tuple[Work, ...]
    unchanged: tuple[str, ...]
    gone: tuple[str, ...]

    def sentence(self) -> str:
        """Return the counts for a person: `12 new, 1 changed, 300 unchanged, 2 deleted`."""
        counts = Counter(work.why for work in self.work)
        parts = [f"{counts[why]} {why}" for why in REASONS if counts[why]]
        # a moved file's old name is gone, but nothing was deleted
        deleted = max(len(self.gone) - counts["moved"], 0)
        return ", ".join([*parts, f"{len(self.unchanged)} unchanged", *([f"{deleted} deleted"] if deleted else [])])


def look_at(file: ImageFile) -> FileState:
    """Return what a file is now; one that cannot be looked at has the size -1."""
    try:
        stat = os.stat(file.path)
    except OSError:
        return FileState(file.name, _words(file.path), -1, 0)
    return FileState(file.name, _words(file.path), stat.st_size, stat.st_mtime_ns)


def _words(path: Path) -> str:
    """Return a path as text that a database can hold."""
    return os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")


def compare(
    files: Sequence[ImageFile],
    known: Mapping[str, FileState],
    present: Collection[str],
    *,
    undrawn: Collection[str] = (),
    force: bool = False,
) -> Plan:
    """Return the work that is left.

    `files` are those that this scan may grade, `present` the names of all files in the archive,
    `known` what the ledger says of each. A file is unchanged when size and time are what they were
    (equal, not older: clocks go wrong). `undrawn` names files of which a picture is wanted and missing.
    A new file that has size and time of one that is gone has been moved.
    """
    gone = [name for name in known if name not in present]
    departed = Counter((known[name].size, known[name].mtime_ns) for name in gone)
    work, unchanged = [], []
    for file in files:
        state, before = look_at(file), known.get(file.name)
        if before is None:
            moved = departed[state.size, state.mtime_ns] > 0
            departed[state.size, state.mtime_ns] -= moved
            work.append(Work(file, state, "moved" if moved else "new"))
        elif force:
            work.append(Work(file, state, "forced"))
        elif (state.size, state.mtime_ns) != (before.size, before.mtime_ns):
            work.append(Work(file, state, "changed"))
        elif before.again:
            work.append(Work(file, state, "to be read again"))
        elif file.name in undrawn:
            work.append(Work(file, state, "without its pictures"))
        else:
            unchanged.append(file.name)
    return Plan(tuple(work), tuple(unchanged), tuple(gone))
