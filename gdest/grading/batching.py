"""Let several threads share one network, so that its batches are full across micrographs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

import numpy as np

from gdest.core import ModelCard, TileAnswers, Tiles, heartbeat, some_of


class Predictor(Protocol):
    """Map tiles to G_seen (n,) at the card's pixel size."""

    card: ModelCard
    name: str
    sha256: str

    @property
    def batch(self) -> int:
        """Return how many tiles it works on at once; less than before when the memory was full."""
        ...

    @property
    def streams(self) -> int:
        """Return how many threads may ask it at the same time."""
        ...

    def predict(self, parts: Sequence[Tiles]) -> TileAnswers:
        """Return G_seen and the doubts of the tiles of all parts, in their order."""
        ...


@dataclass
class _Request:
    """Hold the tiles that one caller asked about, how many of them the network was given, and their answers.

    `parts` are the answers so far by the number of their first tile; `whole` is set when all are there.
    """

    asked: Sequence[Tiles]
    count: int
    given: int = 0
    parts: dict[int, TileAnswers] = field(default_factory=dict)
    whole: Future[TileAnswers] = field(default_factory=Future)


@dataclass(frozen=True)
class _Part:
    """Name some of the tiles of a request, from `start` to `stop`."""

    request: _Request
    start: int
    stop: int


class SharedPredictor:
    """Answer the tiles of many threads with one predictor, in batches cut across their requests.

    As many batches are under way as the predictor has streams. It never waits for a batch to fill: while the network
    works on one, the next gathers. An error of the network reaches every caller of its batch. Use it in a `with`,
    which ends its threads.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.card, self.name, self.sha256 = predictor.card, predictor.name, predictor.sha256
        self.streams = predictor.streams
        self._predictor = predictor
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"gdest network {number}", daemon=True)
            for number in range(self.streams)
        ]

    @property
    def batch(self) -> int:
        """Return how many tiles the predictor works on at once, fewer since its memory was full."""
        return self._predictor.batch

    def __enter__(self) -> SharedPredictor:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def predict(self, parts: Sequence[Tiles]) -> TileAnswers:
        """Wait for the network, and return its answers for the tiles of all parts."""
        request = _Request(parts, sum(map(len, parts)))
        with self._changed:
            if self._closed:
                raise RuntimeError("the network is closed")
            self._waiting.append(request)
            self._changed.notify()
        answers = request.whole.result()
        heartbeat()
        return answers

    def _serve(self) -> None:
        while batch := self._next_batch():
            try:
                asked = [some_of(part.request.asked, part.start, part.stop) for part in batch]
                answers = self._predictor.predict([tiles for some in asked for tiles in some])
            except BaseException as error:  # to be raised in the threads that asked
                self._fail([part.request for part in batch], error)
                continue
            self._hand_out(batch, answers)

    def _next_batch(self) -> list[_Part]:
        """Return parts of requests that fit into one batch; none when the predictor was closed and nothing waits."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            batch, room = [], self._predictor.batch
            while self._waiting and room:
                request = self._waiting[0]
                part = _Part(request, request.given, min(request.given + room, request.count))
                request.given = part.stop
                room -= part.stop - part.start
                batch.append(part)
                if request.given == request.count:
                    self._waiting.popleft()
            if self._waiting:  # the request that woke this thread holds more than one batch
                self._changed.notify()
            return batch

    def _fail(self, requests: Sequence[_Request], error: BaseException) -> None:
        with self._changed:
            for request in requests:
                if request in self._waiting:
                    self._waiting.remove(request)
                if not request.whole.done():  # another of its batches may have failed before
                    request.whole.set_exception(error)

    def _hand_out(self, batch: Sequence[_Part], answers: TileAnswers) -> None:
        """Give each request its share of a batch's answers, and the whole to those that have all."""
        end = 0
        with self._changed:
            for part in batch:
                mine, request = slice(end, end + part.stop - part.start), part.request
                end = mine.stop
                request.parts[part.start] = _some_answers(answers, mine)
                complete = sum(len(each.g_seen) for each in request.parts.values()) == request.count
                if complete and not request.whole.done():
                    request.whole.set_result(join_answers([request.parts[start] for start in sorted(request.parts)]))


def join_answers(parts: Sequence[TileAnswers]) -> TileAnswers:
    """Return the answers of several batches as those of one."""
    g_seen, unfit, novelty = zip(*((part.g_seen, part.unfit, part.novelty) for part in parts), strict=True)
    drawn = [part.boundaries for part in parts if part.boundaries is not None]
    maps = np.concatenate(drawn) if drawn else None
    told = [part.places for part in parts if part.places is not None]
    places = np.concatenate(told) if told else None
    return TileAnswers(np.concatenate(g_seen), np.concatenate(unfit), np.concatenate(novelty), maps, places)


def _some_answers(answers: TileAnswers, mine: slice) -> TileAnswers:
    maps = None if answers.boundaries is None else answers.boundaries[mine]
    places = None if answers.places is None else answers.places[mine]
    return TileAnswers(answers.g_seen[mine], answers.unfit[mine], answers.novelty[mine], maps, places)
