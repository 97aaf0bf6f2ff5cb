"""Feed workers, be they processes or Ray actors, with files, so that a lost worker costs no more than it held."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from gdest.core import ArchiveError, Failed, ImageFile, OutputError, now, remove_unfinished
from gdest.scan.finishing import Finished, Finisher
from gdest.scan.stopping import Stop

MOST_LOST_AT_START = 3
"""So many workers in a row that end before they are ready mean that none will ever be."""

MOST_LOST_IN_A_ROW = 8
"""So many files in a row that end their workers, each alone, mean that no file is the cause; as `MOST_STALLED`."""


@dataclass(frozen=True)
class Ready:
    """Say that a worker has loaded the network."""


@dataclass(frozen=True)
class Lost:
    """Say how a worker ended that nobody had ended, and whether that may pass: memory, or a machine that is gone."""

    how: str
    may_pass: bool


Told = Ready | Lost | Finished


class Crew(Protocol):
    """Start workers, by number, hand them files and hear them; an error that one of them raised is raised here."""

    def start(self) -> int:
        """Start a worker, which will say that it is ready."""
        ...

    def takes(self, held: int) -> int:
        """Return how many more files a worker takes that holds so many."""
        ...

    def give(self, worker: int, files: Sequence[ImageFile]) -> None:
        """Hand files to a worker that is ready."""
        ...

    def hear(self) -> Iterator[tuple[int, Told]]:
        """Wait for about a second at most; yield what workers tell."""
        ...

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        ...


class Feed:
    """Keep a crew at work: at most `most` workers, which live from one archive to the next of a watch.

    The files of a lost worker go to another one, each alone. One that loses its worker then too is a `Failed` row:
    it is the cause, and none of the others was. Once the scan shall stop, no more files are handed out.
    """

    def __init__(self, crew: Crew, finisher: Finisher, stop: Stop, most: int) -> None:
        self._crew, self._finisher, self._stop, self._most = crew, finisher, stop, most
        self._held: dict[int, list[ImageFile]] = {}
        self._starting = set[int]()
        self._alone = set[int]()
        self._left: Iterator[ImageFile] = iter(())
        self._may_be_more = False
        self._suspects = deque[ImageFile]()
        self._lost_at_start = self._lost_in_a_row = 0
        self._was_interrupted = False

    def close(self) -> None:
        """End the workers, and remove what those that were interrupted left half-written."""
        self._crew.close()
        if self._was_interrupted or any(self._held.values()):
            with suppress(OutputError):  # the next scan tries again, and tells
                remove_unfinished(self._finisher.out)

    def finished(self, files: Iterable[ImageFile], count: int) -> Iterator[Finished]:
        """Yield what is found in each of `count` files, in any order; of those in hand when the scan shall stop.

        Raises `ArchiveError` where workers end again and again.
        """
        self._left, self._may_be_more = iter(files), count > 0
        wanted = min(self._most, count)
        fair = math.ceil(count / max(wanted, 1))
        while len(self._held) + len(self._starting) < wanted:
            self._start()
        while self._hand_out(fair):
            for worker, told in self._crew.hear():
                if isinstance(told, Finished):
                    self._let_go(worker, told.file)
                    yield told
                elif isinstance(told, Lost):
                    yield from self._lose(worker, told)
                else:
                    self._starting.discard(worker)
                    self._held[worker] = []
                    self._lost_at_start = 0

    def _hand_out(self, fair: int) -> bool:
        """Hand out files, at most a `fair` share to each; return whether there is anything left to wait for.

        A file under suspicion goes to a worker that holds no other.
        """
        if self._stop.asked:
            return any(self._held.values())
        for worker, held in self._held.items():
            if self._suspects and not held:
                self._alone.add(worker)
                self._give(worker, [self._suspects.popleft()])
            elif worker not in self._alone:
                self._give(worker, self._next(min(self._crew.takes(len(held)), fair - len(held))))
        return self._may_be_more or bool(self._suspects) or any(self._held.values())

    def _next(self, count: int) -> list[ImageFile]:
        """Return at most so many of the files that nobody has had yet."""
        files = list(islice(self._left, max(count, 0)))
        self._may_be_more &= len(files) >= count
        return files

    def _start(self) -> None:
        self._starting.add(self._crew.start())

    def _give(self, worker: int, files: list[ImageFile]) -> None:
        if files:
            self._held[worker] += files
            self._crew.give(worker, files)

    def _let_go(self, worker: int, file: ImageFile) -> None:
        self._held[worker].remove(file)
        self._alone.discard(worker)
        self._lost_in_a_row = 0

    def _lose(self, worker: int, lost: Lost) -> Iterator[Finished]:
        """Put the files that a lost worker held under suspicion; yield the row of one that was alone in it."""
        self._was_interrupted = True
        held = self._held.pop(worker, None)
        if held is None:
            self._starting.discard(worker)
            self._lost_at_start += 1
            if self._lost_at_start > MOST_LOST_AT_START:
                raise ArchiveError(
                    f"One worker after the other {lost.how} while it started; look at the memory and the installation."
                )
        elif worker in self._alone:
            self._alone.discard(worker)
            self._lost_in_a_row += 1
            if self._lost_in_a_row >= MOST_LOST_IN_A_ROW:
                raise ArchiveError(
                    f"One worker after the other {lost.how} at {self._lost_in_a_row} files in a row; look at the "
                    "memory and the installation. What was done is kept: run the scan again then."
                )
            tries = "; the next scan tries again" if lost.may_pass else ""
            reason = f"the worker that had it {lost.how} twice, the second time with no other file{tries}"
            yield self._finisher.told(held[0], [Failed(held[0], reason, None, now(), again=lost.may_pass)])
        else:
            self._suspects.extend(held)
        if (self._may_be_more or self._suspects) and not self._stop.asked:
            self._start()
