"""Tell the folders that gdest wrote from those that only look so, by what is in their files."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from gdest.core.figures import how_many

LEDGER = "ledger.sqlite"
LEDGER_ID = 0x67647374
"""The application_id in the header of a ledger: `gdst`."""

LOCK = ".gdest.lock"
PICTURES = frozenset({"heatmaps", "previews", "thumbnails", "overlays", "layers", "shards"})
"""The folders in the output of a scan that hold pictures, or parts with such folders."""

SQLITE_STARTS = b"SQLite format 3\0"
ID_AT = 68
"""Where the header of an SQLite file has the application_id, 4 bytes; sqlite.org/fileformat2.html."""

OF_AN_EARLIER_GDEST = b"CREATE TABLE recipes"
HEAD_BYTES = 65_536
OF_A_STUDY = b"Every run is a row of `runs.csv`."


@dataclass(frozen=True)
class LeftOut:
    """Name a folder whose pictures gdest wrote itself, and how many image files were left out there."""

    folder: Path
    images: int

    def __str__(self) -> str:
        """Return the sentence for a person."""
        return f"{self.folder}: an output folder of gdest; left out {how_many(self.images, 'picture')} that it wrote."


def own_folders(folder: Path, folders: Collection[str], names: Collection[str]) -> frozenset[str] | None:
    """Return which of the sub-folders of a folder gdest wrote; None where the whole folder is its own (a study)."""
    if {"study.md", "runs.csv"}.issubset(names) and OF_A_STUDY in _head(folder / "study.md"):
        return None
    of_scan = LEDGER in names and (LOCK in names or _is_ledger(folder / LEDGER))
    return PICTURES.intersection(folders) if of_scan else frozenset()


def _is_ledger(path: Path) -> bool:
    head = _head(path)
    is_marked = int.from_bytes(head[ID_AT : ID_AT + 4], "big") == LEDGER_ID
    return head.startswith(SQLITE_STARTS) and (is_marked or OF_AN_EARLIER_GDEST in head)


def _head(path: Path) -> bytes:
    """Return the first bytes of a regular file, none of one that cannot be read."""
    try:
        if not path.is_file():
            return b""
        with open(path, "rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def count_images(folder: Path, suffixes: Collection[str]) -> int:
    """Return how many files below a folder have one of the suffixes, in any case."""
    return sum(
        os.path.splitext(name)[1].lower() in suffixes and not name.startswith(".")
        for _, _, names in os.walk(folder)
        for name in names
    )
