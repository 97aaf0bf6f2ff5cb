"""Work on one file per thread, return the results in order, and give up on a thread that hangs."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

from gdest.core.cores import cores
from gdest.core.errors import ArchiveError
from gdest.core.room import Lender, Room

CORES = cores()
"""The cores that this process may use."""

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_STALLED = 8
"""So many tasks that hang in a row mean that the network share is gone, not that a file is bad."""


class _StalledError(Exception):
    """Say that a task gives no sign of life."""


class GivenUpError(BaseException):
    """End a task that nobody waits for any more, since it gave no sign of life for too long.

    No `Exception`, which decoders would take for a damaged file.
    """


class _Task(Generic[Item, Result]):
    """Run one task in a thread of its own, which does not keep the process from ending."""

    def __init__(self, work: Callable[[Item], Result], item: Item, room: Lender) -> None:
        self.item, self.room = item, room
        self.last_heartbeat, self.given_up = time.monotonic(), False
        self._future: Future[Result] = Future()
        threading.Thread(target=self._run, args=(work,), name="gdest file", daemon=True).start()

    def _run(self, work: Callable[[Item], Result]) -> None:
        _of_this_thread.task = self
        try:
            self._future.set_result(work(self.item))
        except BaseException as error:  # raised again where the result is waited for
            self._future.set_exception(error)
        finally:
            self.room.give_back(self)

    def result(self, seconds: float) -> Result:
        """Return the result, or raise what `work` raised; `_StalledError` when the last heartbeat is `seconds` ago."""
        while not self._future.done():
            left = self.last_heartbeat + seconds - time.monotonic()
            if left <= 0.0:
                self.given_up = True
                self.room.give_back(self)  # a read that hangs keeps no other file waiting
                raise _StalledError
            wait([self._future], left)
        return self._future.result()


_of_this_thread = threading.local()


def heartbeat() -> None:
    """Record that the task of this thread makes progress, so that a slow read is not taken for a stalled one.

    Raises `GivenUpError` in a task that was taken for one.
    """
    task = getattr(_of_this_thread, "task", None)
    if task is not None:
        if task.given_up:
            raise GivenUpError
        task.last_heartbeat = time.monotonic()


def wait_for_room(count: int) -> None:
    """Wait until the task of this thread may take so many bytes of memory, in place of what it had; 0 gives it back.

    A thread that is no task of `in_order` takes what it likes.
    """
    task = getattr(_of_this_thread, "task", None)
    if task is not None:
        task.room.take(task, count, heartbeat)


def in_order(
    items: Iterable[Item | None],
    work: Callable[[Item], Result],
    stalled: Callable[[Item], Result],
    *,
    ahead: int,
    seconds: float,
    room: Lender | None = None,
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with the result of `work`, in order; `ahead` items are under way at a time.

    A read on a network share can hang for ever, and no thread can be stopped from outside. After `seconds`
    without a `heartbeat` the result is `stalled(item)`, and the thread is left behind. Raises `ArchiveError`
    when `MOST_STALLED` items in a row hang, and whatever `work` raises. The items under way share `room`, or one of
    their own. None among the items says that none is there just now: the next is asked for once one has been yielded,
    and none is under way then only at the end.
    """
    room = room or Room()
    under_way: deque[_Task[Item, Result]] = deque()
    in_a_row = 0
    remaining = iter(items)
    while True:
        while len(under_way) < ahead and (item := next(remaining, None)) is not None:
            under_way.append(_Task(work, item, room))
        if not under_way:
            return
        task = under_way.popleft()
        try:
            result = task.result(seconds)
            in_a_row = 0
        except _StalledError:
            result = stalled(task.item)
            in_a_row += 1
        yield task.item, result
        if in_a_row >= MOST_STALLED:
            raise ArchiveError(
                f"{in_a_row} files in a row gave no answer within {seconds:g} s each; the share seems to be gone. "
                "What was done is kept: run the scan again when it is back."
            )
