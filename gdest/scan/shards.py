"""Split an archive between machines that do not talk to each other."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gdest.core import SettingsError

FOLDER = "shards"


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
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1

    def folder(self, out: Path) -> Path:
        """Return where this shard writes; `gdest merge OUT` finds it there."""
        return out / FOLDER / f"{self.index}-of-{self.count}"


def read_shard(words: str | None, environment: Mapping[str, str] = os.environ) -> Shard | None:
    """Return the shard `I/N`; without words that of a SLURM job array, None outside of one.

    Raises `SettingsError` for other words.
    """
    if words is not None:
        found = re.fullmatch(r"(\d+)/(\d+)", words)
        if not found:
            raise SettingsError(f"--shard {words} is not I/N, such as 3/8.")
        return Shard(int(found[1]), int(found[2]))
    try:
        task, count = int(environment["SLURM_ARRAY_TASK_ID"]), int(environment["SLURM_ARRAY_TASK_COUNT"])
        step = int(environment.get("SLURM_ARRAY_TASK_STEP", "1"))
        first = int(environment.get("SLURM_ARRAY_TASK_MIN", "0"))
    except (KeyError, ValueError):
        return None
    return Shard((task - first) // max(step, 1) + 1, count)
