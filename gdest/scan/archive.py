"""Look at an archive: which files it holds, and which of them are complete."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gdest.core import (
    FileState,
    ImageFile,
    LeftOut,
    NothingGradedError,
    image_files,
    named,
    readable_name,
    say,
    say_each,
    warn,
)

EARLIEST_NS, LATEST_NS = -(2**63), 2**63 - 1
"""The times that a database holds, in the years 1677 and 2262; a clock that went wrong can be beyond."""


@dataclass(frozen=True)
class Archive:
    """Hold the files found, sorted by name; `whole` when every folder could be listed, so that what is missing is gone.

    An archive without a single file is never whole: a share that is not mounted looks the same. `left_out` are the
    folders with pictures that gdest wrote itself, `unlisted` those that could not be looked into, `passed_over` those
    that a file server or a recycle bin keeps for itself.
    """

    files: tuple[ImageFile, ...]
    whole: bool
    left_out: tuple[LeftOut, ...] = ()
    unlisted: tuple[str, ...] = ()
    passed_over: tuple[Path, ...] = ()


def look(roots: Sequence[Path]) -> Archive:
    """Return what lies below the roots now, and name the folders that cannot be listed."""
    unreadable: list[str] = []
    left_out: list[LeftOut] = []
    passed_over: list[Path] = []
    files = image_files(roots, unreadable, left_out, passed_over)
    hidden = [f"{folder}: this folder cannot be listed; what is below it is not looked at." for folder in unreadable]
    say_each(hidden, " folders that cannot be listed", tell=warn)
    whole = bool(files) and not unreadable and all(root.is_dir() for root in roots)
    gone = [str(root) for root in roots if not root.is_dir()]
    unlisted = tuple(dict.fromkeys([*unreadable, *gone]))
    return Archive(tuple(files), whole, tuple(left_out), unlisted, tuple(passed_over))


def look_for_images(roots: Sequence[Path], seen: Archive | None = None) -> Archive:
    """Return what lies below the roots, or was `seen` there; raise `NothingGradedError` when there is no image."""
    archive = seen or look(roots)
    say_left_out(archive.left_out)
    if archive.passed_over:
        kept = named(list(map(str, archive.passed_over)))
        say(f"Left out {len(archive.passed_over)} of the folders that file servers and recycle bins keep: {kept}.")
    if not archive.files:
        raise NothingGradedError(f"No image found below {', '.join(map(str, roots))}.")
    return archive


def say_left_out(folders: Sequence[LeftOut]) -> None:
    """Name the folders that are left out because gdest wrote their pictures itself."""
    say_each(list(map(str, folders)), " output folders of gdest")


def look_at(file: ImageFile) -> FileState:
    """Return the size and time of a file; the size is -1 where the system does not tell them."""
    try:
        stat = os.stat(file.place)
    except OSError:
        return FileState(file.name, _as_text(file.place), -1, 0)
    return FileState(file.name, _as_text(file.place), stat.st_size, within_a_database(stat.st_mtime_ns))


def within_a_database(time_ns: int) -> int:
    """Return a time, or the nearest that a database holds."""
    return min(max(time_ns, EARLIEST_NS), LATEST_NS)


def _as_text(place: str) -> str:
    """Return an absolute path as text that a database can hold."""
    whole = place if place.startswith("/") and "/." not in place and "//" not in place else os.path.abspath(place)
    return readable_name(whole)


class Settling:
    """Tell complete files from those that a microscope is still writing, by their size and time from poll to poll.

    Network shares send no reliable events, so the files are polled.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[str, tuple[int, int, float]] = {}

    def settled(self, files: Sequence[ImageFile]) -> tuple[ImageFile, ...]:
        """Return the files whose size and time have not changed for `seconds`; forget those that are gone."""
        moment, seen, found = time.monotonic(), {}, []
        for file in files:
            state = look_at(file)
            size, mtime_ns, since = self._seen.get(file.name, (-2, 0, moment))
            if (size, mtime_ns) != (state.size, state.mtime_ns):
                since = moment
            elif moment - since >= self._seconds:
                found.append(file)
            seen[file.name] = (state.size, state.mtime_ns, since)
        self._seen = seen
        return tuple(found)
