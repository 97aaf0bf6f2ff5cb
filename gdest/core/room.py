"""Let files that are under way share the memory: those that are large wait until there is room."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections import deque
from collections.abc import Callable, Hashable

ROOM_BYTES = 1_300_000_000
"""What the pages under way may take together; with what is always there a process stays below 2 GB beside the network.
A page that needs more than all of it waits for an empty room, and is then alone."""

LARGE_BYTES = 100_000_000
SECONDS_BETWEEN_SIGNS = 1.0


def _to_the_system() -> None:
    """Let glibc give back what was freed: in the heaps of many threads it kept 1.2 GB of pictures long gone."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


class Room:
    """Lend bytes of memory to tasks, first come first served, so that a large one is not passed by small ones for ever.

    A task has one loan at a time; asking again replaces it, and less than before is had at once.
    """

    def __init__(self, size: int = ROOM_BYTES) -> None:
        self._size = size
        self._lent: dict[Hashable, int] = {}
        self._waiting: deque[Hashable] = deque()
        self._changed = threading.Condition()

    def take(self, task: Hashable, count: int, sign_of_life: Callable[[], object]) -> None:
        """Wait until so many bytes are free for a task; meanwhile give signs of life."""
        with self._changed:
            before = self._lent.get(task, 0)
            if count <= before:
                self._lent[task] = count
                if before - count >= LARGE_BYTES:
                    _to_the_system()
                self._changed.notify_all()
                return
            self._waiting.append(task)
            try:
                while self._waiting[0] is not task or not self._fits(task, count):
                    self._changed.wait(SECONDS_BETWEEN_SIGNS)
                    sign_of_life()
                self._lent[task] = count
            finally:
                self._waiting.remove(task)
                self._changed.notify_all()

    def give_back(self, task: Hashable) -> None:
        """Take back what a task has, if anything, for those that wait."""
        with self._changed:
            freed = self._lent.pop(task, 0)
            if freed >= LARGE_BYTES:
                _to_the_system()
            self._changed.notify_all()

    def _fits(self, task: Hashable, count: int) -> bool:
        others = sum(lent for borrower, lent in self._lent.items() if borrower is not task)
        return not others or others + count <= self._size
