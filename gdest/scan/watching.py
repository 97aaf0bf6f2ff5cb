"""Tell files that are complete from those that a microscope is still writing."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from gdest.core import ImageFile
from gdest.scan.changes import look_at


class Settling:
    """Remember size and time of each file from poll to poll; shares send no events that could be trusted."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[str, tuple[int, int, float]] = {}

    def settled(self, files: Sequence[ImageFile]) -> list[ImageFile]:
        """Return the files whose size and time have been the same for the seconds asked; forget those that are gone."""
        now, seen, found = monotonic(), {}, []
        for file in files:
            state = look_at(file)
            size, mtime_ns, since = self._seen.get(file.name, (-2, 0, now))
            if (size, mtime_ns) != (state.size, state.mtime_ns):
                since = now
            elif now - since >= self._seconds:
                found.append(file)
            seen[file.name] = (state.size, state.mtime_ns, since)
        self._seen = seen
        return found
