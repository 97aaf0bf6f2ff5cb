"""Write finished rows into the ledger, each after its pictures, every two seconds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from gdest.core import CORES, Failed, FileState, Graded, GradeMap, Row, now
from gdest.reports import Cell, ModelName, cells, remove_pictures, write_pictures
from gdest.scan.archive import look_at
from gdest.scan.journal import MICROGRAPH, Journal
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import Recipe
from gdest.scan.planning import Work

DRAWING_THREADS = max(1, CORES // 2)
"""A core draws 50 micrographs a second, of which sixteen cores, or a GPU, grade more."""

DRAW_AHEAD = 8 * DRAWING_THREADS
"""Files whose pictures may wait to be drawn; more would only hold more pixels in memory."""

SECONDS_BETWEEN_WRITES = 2.0
FILES_AT_ONCE = 256
"""A transaction waits for the disk, so that one a file would be slower than grading; it holds either of these two."""

LOGGED = ("file", "status", "reason", "g", "g_low", "g_high", "homogeneity", "sha256")


@dataclass(frozen=True)
class _Finished:
    """Hold the rows of one file, reduced to what the ledger keeps, while their pictures are drawn."""

    state: FileState
    rows: list[tuple[dict[str, Cell], GradeMap | None]]
    pictures: list[Future[None]]

    @property
    def is_drawn(self) -> bool:
        return all(picture.done() for picture in self.pictures)


class Recorder:
    """Record the rows of one file after the other; at the end, wait for the pictures and write what is left.

    `pictures_in` is the output folder, None to draw none.
    """

    def __init__(self, ledger: Ledger, recipe: Recipe, pictures_in: Path | None, journal: Journal) -> None:
        self._ledger, self._recipe, self._pictures_in, self._journal = ledger, recipe, pictures_in, journal
        self._model = ModelName(recipe.model, recipe.model_sha256)
        self._pool = ThreadPoolExecutor(DRAWING_THREADS)
        self._drawing: deque[_Finished] = deque()
        self._drawn: list[_Finished] = []
        self._last_write = time.monotonic()
        self.recorded = 0

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None or not issubclass(kind, Exception):  # Ctrl-C keeps what was done
                while self._drawing:
                    self._wait_for_one()
                self._write()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def add(self, work: Work, rows: Sequence[Row]) -> None:
        """Take the rows of a file; a file that changed while it was read gets a failed row instead."""
        seen, state = look_at(work.file), work.state
        if (seen.size, seen.mtime_ns) != (state.size, state.mtime_ns):
            rows = [Failed(work.file, "it changed while it was read; the next scan reads it again", None, now(), True)]
        state = replace(state, sha256=_sha256(rows), again=any(isinstance(row, Failed) and row.again for row in rows))
        kept = [(cells(row, self._model), row.grade_map if isinstance(row, Graded) else None) for row in rows]
        pictures = [self._pool.submit(self._draw, row) for row in rows] if self._pictures_in else []
        self._drawing.append(_Finished(state, kept, pictures))
        for told, _ in kept:
            self._journal.write(MICROGRAPH, why=work.why, **{name: told[name] for name in LOGGED})
        while len(self._drawing) > DRAW_AHEAD or (self._drawing and self._drawing[0].is_drawn):
            self._wait_for_one()
        if len(self._drawn) >= FILES_AT_ONCE or time.monotonic() - self._last_write > SECONDS_BETWEEN_WRITES:
            self._write()

    def _draw(self, row: Row) -> None:
        """Draw the pictures of a graded row; remove those of a failed one, which show an earlier content."""
        if self._pictures_in is None:
            return
        if isinstance(row, Graded):
            write_pictures(row, self._pictures_in)
        else:
            remove_pictures(row.file.name, self._pictures_in)

    def _wait_for_one(self) -> None:
        finished = self._drawing.popleft()
        for picture in finished.pictures:
            picture.result()
        self._drawn.append(finished)

    def _write(self) -> None:
        with self._ledger.writing():
            for finished in self._drawn:
                self._ledger.record(self._recipe.id, finished.state, finished.rows)
        self.recorded += len(self._drawn)
        self._drawn.clear()
        self._last_write = time.monotonic()


def _sha256(rows: Sequence[Row]) -> str | None:
    """Return the hash of the file that the rows came from, None when it could not be read."""
    return next((sha256 for row in rows if (sha256 := _of_one(row)) is not None), None)


def _of_one(row: Row) -> str | None:
    return row.sha256 if isinstance(row, Failed) else row.micrograph.sha256
