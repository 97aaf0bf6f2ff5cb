"""Be one of several worker processes: grade and draw the files that come, with a network of one's own.

`processes` starts it and hears it. It ends when the connection does, so that none outlives a scan that was killed.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import traceback
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import count
from logging.handlers import QueueHandler
from queue import Empty, SimpleQueue
from typing import Any

from gdest.core import (
    LARGE_BYTES,
    SECONDS_BETWEEN_SIGNS,
    Connection,
    GdestError,
    GradeSettings,
    ImageFile,
    give_to_the_system,
)
from gdest.grading import Memory, Predictor, no_memory
from gdest.reading import prepare_decoders
from gdest.scan.feeding import Ready
from gdest.scan.finishing import Finished, Finisher
from gdest.scan.recalling import memory
from gdest.scan.stopping import HEARD


@dataclass(frozen=True)
class Duty:
    """Say what a worker does with its files; `recipe` is that whose grade maps it recalls, None to recall none."""

    make: Callable[[int], Predictor]
    settings: GradeSettings
    finisher: Finisher
    recipe: int | None
    under_way: int

    @property
    def memory(self) -> AbstractContextManager[Memory]:
        """Return what recalls the grade maps of the output folder, while it is open."""
        return nullcontext(no_memory) if self.recipe is None else memory(self.finisher.out, self.recipe)


@dataclass(frozen=True)
class Wanted:
    """Ask for so many bytes of the memory that all workers share, in place of what the borrower has."""

    borrower: int
    count: int


@dataclass(frozen=True)
class Lent:
    """Say that a borrower has what it asked for."""

    borrower: int


@dataclass(frozen=True)
class GivenBack:
    """Say that a borrower needs its memory no longer."""

    borrower: int


@dataclass(frozen=True)
class Broken:
    """Hold the error that ends a worker, and with it the scan."""

    error: BaseException


def begin(handle: int) -> None:
    """Grade files until the other side of the pipe with this handle is gone; the process does not return from here."""
    for heard in HEARD:  # the scan that started it hears them, and lets it finish what it holds
        signal.signal(heard, signal.SIG_IGN)
    connection = Connection(handle)
    try:
        duty, number = connection.recv()
    except (EOFError, OSError):
        return
    line = _Line(connection)
    logging.getLogger().addHandler(_Forwarding(line))
    try:
        _work(duty, number, line)
    except BaseException as error:
        line.send(Broken(_told(error)))
        line.wait_for_the_end()


def _work(duty: Duty, number: int, line: _Line) -> None:
    prepare_decoders()
    predictor = duty.make(number)
    line.send(Ready())
    with duty.memory as recall:
        grade = partial(duty.finisher.finished, under_way=duty.under_way, room=line.room)
        for finished in grade(line, predictor, duty.settings, recall):
            line.done(finished)


def _told(error: BaseException) -> BaseException:
    """Return an error as it can travel; one that is a bug with the place where it was raised."""
    if isinstance(error, GdestError):
        return type(error)(str(error))
    where = "".join(traceback.format_exception(error))
    return RuntimeError(f"{type(error).__name__} in a worker: {error}\n{where}")


class _Line:
    """Hold the line to the scan: files come from it, rows go to it. A thread of its own listens."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._files: SimpleQueue[ImageFile] = SimpleQueue()
        self._held = 0
        self.room = _SharedRoom(self.send)
        threading.Thread(target=self._listen, name="gdest line", daemon=True).start()

    def send(self, told: object) -> None:
        """Tell the scan something; threads take turns."""
        try:
            with self._sending:
                self._connection.send(told)
        except OSError:
            os._exit(1)

    def done(self, finished: Finished) -> None:
        """Tell the scan of a file that is finished."""
        self._held -= 1
        self.send(finished)

    def __iter__(self) -> Iterator[ImageFile | None]:
        """Yield files for ever, None where none is there just now; wait for the next only while none is under way."""
        while True:
            try:
                file = self._files.get(block=not self._held)
            except Empty:
                yield None
                continue
            self._held += 1
            yield file

    def wait_for_the_end(self) -> None:
        """Wait until the scan ends this process."""
        threading.Event().wait()

    def _listen(self) -> None:
        """Take what comes; end the process with the scan, whatever its other threads are doing."""
        try:
            while True:
                told: Any = self._connection.recv()
                if isinstance(told, Lent):
                    self.room.lent(told.borrower)
                else:
                    for file in told:
                        self._files.put(file)
        except (EOFError, OSError):
            os._exit(0)


class _SharedRoom:
    """Borrow memory of the scan, which lends one room to all of its workers; a `Lender`."""

    def __init__(self, send: Callable[[object], None]) -> None:
        self._send, self._numbers = send, count()
        self._borrowers: dict[Hashable, int] = {}
        self._bytes: dict[int, int] = {}
        self._waiting = set[int]()
        self._changed = threading.Condition()

    def take(self, task: Hashable, count: int, sign_of_life: Callable[[], object]) -> None:
        """Wait until so many bytes are free for a task; meanwhile give signs of life."""
        with self._changed:
            borrower = self._borrowers.setdefault(task, next(self._numbers))
            before = self._bytes.get(borrower, 0)
            self._bytes[borrower] = count
            if count > before:
                self._waiting.add(borrower)
            self._send(Wanted(borrower, count))
        if before - count >= LARGE_BYTES:
            give_to_the_system()
        with self._changed:
            while borrower in self._waiting:
                self._changed.wait(SECONDS_BETWEEN_SIGNS)
                sign_of_life()

    def give_back(self, task: Hashable) -> None:
        """Take back what a task has, if anything."""
        with self._changed:
            borrower = self._borrowers.pop(task, None)
            if borrower is None:
                return
            freed = self._bytes.pop(borrower)
            self._waiting.discard(borrower)
            self._send(GivenBack(borrower))
        if freed >= LARGE_BYTES:
            give_to_the_system()

    def lent(self, borrower: int) -> None:
        """Let a borrower go on."""
        with self._changed:
            self._waiting.discard(borrower)
            self._changed.notify_all()


class _Forwarding(QueueHandler):
    """Let the scan say what libraries warn of, as it says its own warnings."""

    def __init__(self, line: _Line) -> None:
        super().__init__(SimpleQueue())
        self.setLevel(logging.WARNING)
        self._line = line

    def enqueue(self, record: logging.LogRecord) -> None:
        """Send a record, made into text."""
        self._line.send(record)
