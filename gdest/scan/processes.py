"""Grade in several processes of this machine, which share its cores, its memory and its GPU."""

from __future__ import annotations

import logging
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import wait

from gdest.core import CORES, Connection, ImageFile, Room, start_python
from gdest.model import EngineChoice
from gdest.scan.feeding import Lost, Told
from gdest.scan.worker import Broken, Duty, GivenBack, Lent, Wanted

MOST_BY_DEFAULT = 16
FILES_WORTH_A_WORKER = 8
"""A worker takes some seconds to start, in which a scan that runs already reads more files than these."""

BESIDE_THOSE_UNDER_WAY = 2
"""Files that a worker has ready, so that it does not wait for the scan to hand it the next."""

BEGIN = "import sys; from gdest.scan.worker import begin; begin(int(sys.argv[1]))"

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_TO_END = 10.0

OF_A_CRASH = frozenset(
    getattr(signal, name) for name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE") if hasattr(signal, name)
)
"""What ends a process by its own fault; by another signal it was ended from outside, as where memory runs out."""


def worker_count(asked: int, engine: EngineChoice, files: int) -> int:
    """Return how many processes grade so many files; 1 for the scan's own, whose threads share one network.

    By itself a scan starts more for a GPU only, which one Python process cannot feed.
    """
    if asked:
        return max(1, min(asked, files))
    if engine.device == "cpu":
        return 1
    return max(1, min(CORES, MOST_BY_DEFAULT, files // FILES_WORTH_A_WORKER))


def under_way(workers: int) -> int:
    """Return how many files each of so many workers has under way, as `FILES_UNDER_WAY` of a whole machine."""
    return 2 * max(1, CORES // workers) + 2


@dataclass
class _Worker:
    """Hold a process, the line to it, and the numbers of those in it that borrow memory."""

    process: subprocess.Popen[bytes]
    line: Connection
    borrowers: set[int]


class Processes:
    """Own the worker processes of a scan, a `Crew`; lend them one room of memory."""

    def __init__(self, duty: Duty) -> None:
        self._duty, self._numbers = duty, count()
        self._workers: dict[int, _Worker] = {}
        self._room, self._waiting = Room(), set[tuple[int, int]]()

    def start(self) -> int:
        """Start a worker, which will say that it is ready."""
        number = next(self._numbers)
        process, line = start_python("-c", BEGIN, quiet=False)
        self._workers[number] = _Worker(process, line, set())
        self._send(number, (self._duty, number))
        return number

    def takes(self, held: int) -> int:
        """Return how many more files a worker takes that holds so many."""
        return self._duty.under_way + BESIDE_THOSE_UNDER_WAY - held

    def give(self, worker: int, files: Sequence[ImageFile]) -> None:
        """Hand files to a worker; that it is lost meanwhile is heard next."""
        self._send(worker, list(files))

    def hear(self) -> Iterator[tuple[int, Told]]:
        """Wait for about a second at most; yield what workers tell. Raise the error that ended one."""
        of_line = {one.line: number for number, one in self._workers.items()}
        for line in wait(list(of_line), SECONDS_BETWEEN_LOOKS):
            number = of_line[line]  # type: ignore[index]
            try:
                told = self._workers[number].line.recv()
            except (EOFError, OSError):
                yield number, self._lost(number)
                continue
            if isinstance(told, Broken):
                raise told.error
            if isinstance(told, Wanted):
                self._workers[number].borrowers.add(told.borrower)
                self._waiting.add((number, told.borrower))
                self._room.ask((number, told.borrower), told.count)
            elif isinstance(told, GivenBack):
                self._take_back(number, told.borrower)
            elif isinstance(told, logging.LogRecord):
                logging.getLogger(told.name).handle(told)
            else:
                yield number, told
        self._lend()

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        for one in self._workers.values():
            one.process.kill()
        for one in self._workers.values():
            with suppress(subprocess.TimeoutExpired):  # one that hangs in a share that is gone ends when that is back
                one.process.wait(SECONDS_TO_END)
            one.line.close()
        self._workers.clear()

    def _lost(self, number: int) -> Lost:
        """Return how a worker ended; what it had borrowed is there for the others."""
        one = self._workers.pop(number)
        for borrower in tuple(one.borrowers):
            self._take_back(number, borrower, one)
        self._lend()
        one.line.close()
        try:
            return _how_it_ended(one.process.wait(SECONDS_TO_END))
        except subprocess.TimeoutExpired:
            one.process.kill()
            return _how_it_ended(one.process.wait())

    def _take_back(self, number: int, borrower: int, of: _Worker | None = None) -> None:
        (of or self._workers[number]).borrowers.discard(borrower)
        self._waiting.discard((number, borrower))
        self._room.give_back((number, borrower))

    def _lend(self) -> None:
        """Tell the workers of the memory that they have got."""
        for number, borrower in [one for one in self._waiting if not self._room.waits_for(one)]:
            self._waiting.discard((number, borrower))
            self._send(number, Lent(borrower))

    def _send(self, worker: int, told: object) -> None:
        with suppress(OSError):  # it is lost, which is heard next
            self._workers[worker].line.send(told)


def _how_it_ended(code: int) -> Lost:
    if code >= 0:
        return Lost(f"ended (exit code {code})", may_pass=True)
    crashed = -code in OF_A_CRASH
    return Lost(f"{'crashed' if crashed else 'was killed'} (signal {-code})", may_pass=not crashed)
