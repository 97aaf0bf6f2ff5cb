"""Let files that are under way share the memory: those that are large wait until there is room."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Hashable
from typing import Protocol

ROOM_BYTES = 1_300_000_000
"""What the pages under way may take together; with what is always there a process stays below 2 GB beside the network.
A page that needs more than all of it waits for an empty room, and is then alone."""

LARGE_BYTES = 100_000_000
SECONDS_BETWEEN_SIGNS = 1.0


def give_to_the_system() -> None:
    """Let glibc give back what was freed: in the heaps of many threads it kept 1.2 GB of pictures long gone."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


class Lender(Protocol):
    """Lend memory to tasks: a `Room`, or for a worker process the one that all workers share."""

    def take(self, task: Hashable, count: int, sign_of_life: Callable[[], object]) -> None:
        """Wait until so many bytes are free for a task; meanwhile give signs of life."""
        ...

    def give_back(self, task: Hashable) -> None:
        """Take back what a task has, if anything."""
        ...


class Room:
    """Lend bytes of memory to tasks, first come first served, so that a large one is not passed by small ones for ever.

    A task has one loan at a time; asking again replaces it, and less than before is had at once.
    """

    def __init__(self, size: int = ROOM_BYTES) -> None:
        self._size = size
        self._lent: dict[Hashable, int] = {}
        self._waiting: dict[Hashable, int] = {}
        self._changed = threading.Condition()  # which the thread that has it may take again

    def take(self, task: Hashable, count: int, sign_of_life: Callable[[], object]) -> None:
        """Wait until so many bytes are free for a task; meanwhile give signs of life."""
        with self._changed:
            freed = self._lent.get(task, 0) - count
            self.ask(task, count)
            try:
                while task in self._waiting:
                    self._changed.wait(SECONDS_BETWEEN_SIGNS)
                    sign_of_life()
            finally:
                self._waiting.pop(task, None)
                self._lend()
        if freed >= LARGE_BYTES:
            give_to_the_system()

    def ask(self, task: Hashable, count: int) -> None:
        """Let a task wait for so many bytes without waiting here; `waits_for` says whether it has them."""
        with self._changed:
            if count <= self._lent.get(task, 0):
                self._lent[task] = count
            else:
                self._waiting[task] = count
            self._lend()

    def waits_for(self, task: Hashable) -> bool:
        """Return whether a task has not got yet what it asked for."""
        with self._changed:
            return task in self._waiting

    def give_back(self, task: Hashable) -> None:
        """Take back what a task has, if anything, for those that wait."""
        with self._changed:
            freed = self._lent.pop(task, 0)
            self._waiting.pop(task, None)
            self._lend()
        if freed >= LARGE_BYTES:
            give_to_the_system()

    def _lend(self) -> None:
        """Lend to those whose turn has come."""
        while self._waiting:
            task, count = next(iter(self._waiting.items()))
            others = sum(lent for borrower, lent in self._lent.items() if borrower != task)
            if others and others + count > self._size:
                break
            self._lent[task] = self._waiting.pop(task)
        self._changed.notify_all()
