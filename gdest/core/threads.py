"""Do a task per file in threads, in order, and give up on one that never comes back."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Generic, TypeVar

from gdest.core.errors import ArchiveError

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""The cores that this process may use; threads that read and draw go by them."""

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_STALLED = 8
"""So many tasks that hang in a row mean that the share is gone, not a file."""


class _Task(Generic[Item, Result]):
    """Run one task in a thread of its own that nobody has to wait for when the process ends."""

    def __init__(self, work: Callable[[Item], Result], item: Item) -> None:
        self.item = item
        self.heard = time.monotonic()
        self._future: Future[Result] = Future()
        threading.Thread(target=self._run, args=(work,), name="gdest file", daemon=True).start()

    def _run(self, work: Callable[[Item], Result]) -> None:
        _of_this_thread.task = self
        try:
            self._future.set_result(work(self.item))
        except BaseException as error:  # it belongs to whoever waits for the result
            self._future.set_exception(error)

    def result(self, seconds: float) -> Result:
        """Return the result; raise `TimeoutError` when nothing was heard of the task for `seconds`."""
        while (left := self.heard + seconds - time.monotonic()) > 0.0:
            with suppress(TimeoutError):
                return self._future.result(left)
        return self._future.result(0.0)


_of_this_thread = threading.local()


def alive() -> None:
    """Say that the task of this thread gets on: a panorama may take long, a read that hangs says nothing."""
    task = getattr(_of_this_thread, "task", None)
    if task is not None:
        task.heard = time.monotonic()


def in_order(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    stalled: Callable[[Item], Result],
    *,
    ahead: int,
    seconds: float,
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with what `work` makes of it, in order, `ahead` of them under way at a time.

    A read on a network share can hang for ever, and no thread can be stopped from outside: when it has not
    been `alive` for `seconds`, its place is taken by `stalled(item)` and the thread is left behind. Raises
    `ArchiveError` when `MOST_STALLED` items in a row hang, and whatever `work` raises.
    """
    under_way: deque[_Task[Item, Result]] = deque()
    in_a_row = 0
    remaining = iter(items)
    while True:
        while len(under_way) < ahead and (item := next(remaining, None)) is not None:
            under_way.append(_Task(work, item))
        if not under_way:
            return
        task = under_way.popleft()
        try:
            result = task.result(seconds)
            in_a_row = 0
        except TimeoutError:
            result = stalled(task.item)
            in_a_row += 1
        yield task.item, result
        if in_a_row >= MOST_STALLED:
            raise ArchiveError(
                f"{in_a_row} files in a row gave no answer within {seconds:g} s each; the share seems to be gone. "
                "What was done is kept: run the scan again when it is back."
            )
