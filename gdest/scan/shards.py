"""Split an archive between machines that do not talk to each other."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gdest.core import SettingsError, named

FOLDER = "shards"
OF_AN_ARRAY = ("ID", "COUNT", "MIN", "MAX", "STEP")
"""What SLURM says of a job array, behind `SLURM_ARRAY_TASK_`."""


@dataclass(frozen=True)
class Shard:
    """Hold one part of an archive: number `index`, from 1, of `count`."""

    index: int
    count: int

    def __post_init__(self) -> None:
        """Raise `SettingsError` unless 1 <= index <= count."""
        if not 1 <= self.index <= self.count:
            raise SettingsError(f"--shard {self.index}/{self.count} is not I/N with 1 <= I <= N.")

    def holds(self, name: str) -> bool:
        """Return whether a file belongs to this shard, by the hash of its relative path: the same on every machine."""
        return shard_of(name, self.count) == self

    def folder(self, out: Path) -> Path:
        """Return where this shard writes; `gdest merge OUT` finds it there."""
        return out / FOLDER / f"{self.index}-of-{self.count}"


def shard_of(name: str, count: int) -> Shard:
    """Return the shard of `count` that a file belongs to."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return Shard(int.from_bytes(digest[:8], "big") % count + 1, count)


def read_shard(words: str | None, environment: Mapping[str, str] = os.environ) -> Shard | None:
    """Return the shard `I/N`; without words that of a SLURM job array, None outside of one.

    Raises `SettingsError` for other words, and for an array that does not count its tasks one by one: a part of an
    array that is submitted again would number its tasks anew, and split the archive otherwise.
    """
    if words is not None:
        found = re.fullmatch(r"(\d+)/(\d+)", words)
        if not found:
            raise SettingsError(f"--shard {words} is not I/N, such as 3/8.")
        return Shard(int(found[1]), int(found[2]))
    if "SLURM_ARRAY_TASK_ID" not in environment:
        return None
    try:
        task, count, first, last, step = (int(environment[f"SLURM_ARRAY_TASK_{name}"]) for name in OF_AN_ARRAY)
    except (KeyError, ValueError) as error:
        names = ", ".join(f"SLURM_ARRAY_TASK_{name}" for name in OF_AN_ARRAY)
        raise SettingsError(f"This SLURM array does not say which tasks it has ({names}); give --shard I/N.") from error
    tasks = range(first, last + 1, step) if step > 0 else range(0)
    if len(tasks) != count or task not in tasks:
        raise SettingsError(
            f"Task {task} of this SLURM array is one of {count}, from {first} to {last} in steps of {step}: a part of "
            "an array does not know its shards. Submit the whole array, or give --shard I/N of the first split."
        )
    return Shard(tasks.index(task) + 1, count)


def require_one_split(shard: Shard, out: Path) -> None:
    """Raise `SettingsError` where `out` holds shards of a split into another number of parts."""
    names = (path.name for path in (out / FOLDER).glob("*-of-*"))
    others = sorted(name for name in names if name.partition("-of-")[2] != str(shard.count))
    if others:
        raise SettingsError(
            f"{out / FOLDER} holds shards of another split ({named(others)}), not of {shard.count}. "
            f"Give --shard I/{others[0].partition('-of-')[2]}, remove the older shards, or choose another --out."
        )
