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
from numpy.typing import NDArray

from gdest.patience import alive
from gdest.records import ModelCard, TileAnswers


class Predictor(Protocol):
    """Map tiles (n, side, side) uint8 to G_seen (n,) at the card's pixel size."""

    card: ModelCard
    name: str
    sha256: str

    def predict(self, tiles: NDArray[np.uint8]) -> TileAnswers:
        """Return G_seen and the doubts of n tiles."""
        ...


@dataclass
class _Request:
    """Hold the tiles of one caller, how many were answered, and where the whole answer goes."""

    tiles: NDArray[np.uint8]
    answered: int = 0
    parts: list[TileAnswers] = field(default_factory=list)
    whole: Future[TileAnswers] = field(default_factory=Future)


class SharedPredictor:
    """Answer the tiles of many threads with one predictor, in batches cut across their requests.

    It never waits for a batch to fill: while the network works on one, the next gathers. Leave it
    with `with`; an error of the network reaches every caller.
    """

    def __init__(self, predictor: Predictor, batch: int) -> None:
        self.card, self.name, self.sha256 = predictor.card, predictor.name, predictor.sha256
        self._predictor, self._batch = predictor, batch
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="gdest network", daemon=True)

    def __enter__(self) -> SharedPredictor:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def predict(self, tiles: NDArray[np.uint8]) -> TileAnswers:
        """Return the answers for n tiles, when the network has come to them."""
        request = _Request(tiles)
        with self._changed:
            if self._closed:
                raise RuntimeError("the network is closed")
            self._waiting.append(request)
            self._changed.notify()
        answers = request.whole.result()
        alive()
        return answers

    def _serve(self) -> None:
        while batch := self._next_batch():
            try:
                answers = self._predictor.predict(np.concatenate([tiles for _, tiles in batch]))
            except BaseException as error:  # it belongs to the threads that asked
                self._fail([request for request, _ in batch], error)
                continue
            _hand_out(batch, answers)

    def _next_batch(self) -> list[tuple[_Request, NDArray[np.uint8]]]:
        """Return requests with the tiles of each that fit into one batch; nothing when all is over."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            batch, room = [], self._batch
            while self._waiting and room:
                request = self._waiting[0]
                tiles = request.tiles[request.answered : request.answered + room]
                request.answered += len(tiles)
                room -= len(tiles)
                batch.append((request, tiles))
                if request.answered == len(request.tiles):
                    self._waiting.popleft()
            return batch

    def _fail(self, requests: Sequence[_Request], error: BaseException) -> None:
        with self._changed:
            for request in requests:
                if request in self._waiting:
                    self._waiting.remove(request)
        for request in requests:
            request.whole.set_exception(error)


def _hand_out(batch: Sequence[tuple[_Request, NDArray[np.uint8]]], answers: TileAnswers) -> None:
    """Give each request its share of a batch's answers, and the whole to those that have all."""
    start = 0
    for request, tiles in batch:
        part = slice(start, start + len(tiles))
        request.parts.append(TileAnswers(answers.g_seen[part], answers.unfit[part], answers.novelty[part]))
        start += len(tiles)
        if sum(len(part.g_seen) for part in request.parts) == len(request.tiles):
            columns = zip(*((part.g_seen, part.unfit, part.novelty) for part in request.parts), strict=True)
            request.whole.set_result(TileAnswers(*(np.concatenate(column) for column in columns)))
