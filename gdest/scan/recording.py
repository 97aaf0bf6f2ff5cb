"""Write finished rows into the ledger, each after its pictures, every two seconds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

from gdest.core import (
    CORES,
    Failed,
    FileState,
    GdestError,
    Graded,
    ImageFile,
    OutputError,
    Row,
    as_output_error,
    heartbeat,
    is_of_a_name,
    is_of_a_name_for_ever,
    now,
    say,
)
from gdest.reports import ModelName, cells, file_sha256, picture_names, remove_pictures, write_pictures
from gdest.scan.archive import look_at
from gdest.scan.journal import MICROGRAPH, Journal
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import Finding, Pictures, Recipe
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
class _Drawn:
    """Hold the pictures of a row, or why the disk takes none of its name, and whether it never will."""

    pictures: Pictures = field(default_factory=dict)
    why_none: str = ""
    undrawable: bool = False

    def told_in(self, row: Finding) -> Finding:
        """Return what is recorded of the row; what the disk refused is a further reason."""
        reasons = "; ".join(filter(None, (str(row.cells["reason"] or ""), self.why_none)))
        known = {**row.cells, "reason": reasons or None}
        return replace(row, cells=known, pictures=self.pictures, undrawable=self.undrawable)


@dataclass(frozen=True)
class _Finished:
    """Hold the rows of one file, reduced to what the ledger keeps, while their pictures are drawn."""

    state: FileState
    rows: list[Finding]
    pictures: list[Future[_Drawn]]

    @property
    def is_drawn(self) -> bool:
        return all(picture.done() for picture in self.pictures)

    def with_pictures(self) -> _Finished:
        """Return the rows with the pictures that were drawn of them, once all are; raise what drawing raised."""
        drawn = [picture.result() for picture in self.pictures]
        rows = [one.told_in(row) for row, one in zip(self.rows, drawn, strict=True)]
        return replace(self, rows=rows, pictures=[])


class Recorder:
    """Record the rows of one file after the other; at the end, wait for the pictures and write what is left.

    The name of each file goes into `recorded` once its rows are in the ledger. The pictures go into the output folder
    `out`; where none shall be drawn, those of an earlier content go.
    """

    def __init__(
        self, ledger: Ledger, recipe: Recipe, out: Path, journal: Journal, recorded: set[str], *, draws: bool
    ) -> None:
        self._ledger, self._recipe, self._out, self._journal = ledger, recipe, out, journal
        self._draws = draws
        self._model = ModelName(recipe.model, recipe.model_sha256)
        self._pool = ThreadPoolExecutor(DRAWING_THREADS)
        self._drawing: deque[_Finished] = deque()
        self._drawn: list[_Finished] = []
        self._last_write = time.monotonic()
        self._recorded = recorded
        self._drawn_early: dict[str, _Drawn] = {}
        self._ended = False

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while error is None and self._drawing:
                self._wait_for_one()
            if error is None:
                self._write()
        finally:
            self._ended = True
            self._keep_what_was_done()
            self._pool.shutdown(cancel_futures=True)

    def _keep_what_was_done(self) -> None:
        """Record the files that are finished where an error or Ctrl-C ends the scan, which remains what is told."""
        while self._drawing:
            with suppress(Exception):  # a file whose pictures fail is graded again by the next scan
                self._wait_for_one()
        try:
            if self._drawn:
                self._write()
        except GdestError as second:
            say(f"What was done last could not be recorded: {second}")

    def draw_now(self, row: Row) -> Row:
        """Draw the pictures of a graded row in the thread of its file; return it without its pixels.

        So no page holds its pixels while the next one is decoded. A thread that was left behind draws nothing.
        """
        heartbeat()
        if self._ended:
            raise OutputError(f"The scan into {self._out} has ended.")
        if isinstance(row, Failed):
            return row
        self._drawn_early[row.micrograph.file.name] = self._draw(row)
        count = row.count and replace(row.count, overlays=())
        return replace(row, micrograph=row.micrograph.without_pixels(), count=count)

    def add(self, work: Work, rows: Sequence[Row]) -> None:
        """Take the rows of a file; a file that changed while it was read gets a failed row instead."""
        seen, state = look_at(work.file), work.state
        if (seen.size, seen.mtime_ns) != (state.size, state.mtime_ns):
            for row in rows:
                if (file := _file_of(row).name) in self._drawn_early:
                    del self._drawn_early[file]
                    remove_pictures(file, self._out)
            why = "it changed while it was read" if seen.size >= 0 else "it can no longer be found"
            rows = [Failed(work.file, f"{why}; the next scan reads it again", None, now(), True)]
        state = replace(state, sha256=_sha256(rows), again=any(isinstance(row, Failed) and row.again for row in rows))
        kept = [Finding(cells(row, self._model), row.grade_map if isinstance(row, Graded) else None) for row in rows]
        pictures = [self._pool.submit(self._drawn_or_draw, row) for row in rows]
        self._drawing.append(_Finished(state, kept, pictures))
        for one in kept:
            self._journal.write(MICROGRAPH, why=work.why, **{name: one.cells[name] for name in LOGGED})
        while len(self._drawing) > DRAW_AHEAD or (self._drawing and self._drawing[0].is_drawn):
            self._wait_for_one()
        if len(self._drawn) >= FILES_AT_ONCE or time.monotonic() - self._last_write > SECONDS_BETWEEN_WRITES:
            self._write()

    def _drawn_or_draw(self, row: Row) -> _Drawn:
        """Return what was drawn of a row in its file's thread; rows of another machine come with their pixels."""
        return self._drawn_early.pop(_file_of(row).name, None) or self._draw(row)

    def _draw(self, row: Row) -> _Drawn:
        """Draw the pictures of a graded row; else remove those of the name, which show an earlier content.

        What is wrong with one name ends no scan.
        """
        file = _file_of(row)
        if isinstance(row, Failed) or not self._draws:
            remove_pictures(file.name, self._out)
            return _Drawn()
        try:
            write_pictures(row, self._out)
        except OutputError as error:
            if not is_of_a_name(error.__cause__):
                raise
            remove_pictures(file.name, self._out)
            why = f"its pictures cannot be written: {getattr(error.__cause__, 'strerror', error)}"
            return _Drawn(why_none=why, undrawable=is_of_a_name_for_ever(error.__cause__))
        paths = [self._out / name for name in picture_names(file.name, counted=True)]
        with as_output_error(self._out):
            known = {
                path.relative_to(self._out).as_posix(): (file_sha256(path), path.stat().st_size)
                for path in paths
                if path.is_file()
            }
        return _Drawn(known)

    def _wait_for_one(self) -> None:
        self._drawn.append(self._drawing.popleft().with_pictures())

    def _write(self) -> None:
        with self._ledger.writing():
            for finished in self._drawn:
                self._ledger.record(self._recipe.id, finished.state, finished.rows)
        self._recorded |= {finished.state.name for finished in self._drawn}
        self._drawn.clear()
        self._last_write = time.monotonic()


def _file_of(row: Row) -> ImageFile:
    return row.file if isinstance(row, Failed) else row.micrograph.file


def _sha256(rows: Sequence[Row]) -> str | None:
    """Return the hash of the file that the rows came from, None when it could not be read."""
    return next((sha256 for row in rows if (sha256 := _of_one(row)) is not None), None)


def _of_one(row: Row) -> str | None:
    return row.sha256 if isinstance(row, Failed) else row.micrograph.sha256
