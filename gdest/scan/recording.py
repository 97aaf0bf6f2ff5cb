"""Write finished rows into the ledger, whose pictures are on the disk already, every two seconds."""

from __future__ import annotations

import time
from dataclasses import replace
from types import TracebackType

from gdest.core import Failed, FileState, GdestError, now, say
from gdest.reports import remove_pictures
from gdest.scan.archive import look_at
from gdest.scan.finishing import Finished, Finisher
from gdest.scan.journal import MICROGRAPH, Journal
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import Finding, Recipe
from gdest.scan.planning import Work

SECONDS_BETWEEN_WRITES = 2.0
FILES_AT_ONCE = 256
"""A transaction waits for the disk, so that one a file would be slower than grading; it holds either of these two."""

LOGGED = ("file", "status", "reason", "g", "g_low", "g_high", "homogeneity", "sha256")


class Recorder:
    """Record what was found in one file after the other; at the end, write what is left.

    The name of each file goes into `recorded` once its rows are in the ledger. Pictures that nobody has drawn anew are
    of an earlier content, and go.
    """

    def __init__(
        self, ledger: Ledger, recipe: Recipe, finisher: Finisher, journal: Journal, recorded: set[str]
    ) -> None:
        self._ledger, self._recipe, self._finisher, self._journal = ledger, recipe, finisher, journal
        self._kept: list[tuple[FileState, tuple[Finding, ...]]] = []
        self._last_write = time.monotonic()
        self._recorded = recorded

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Record what was finished also where an error or Ctrl-C ends the scan, which remains what is told."""
        try:
            self._write()
        except GdestError as second:
            if error is None:
                raise
            say(f"What was done last could not be recorded: {second}")

    def add(self, work: Work, finished: Finished) -> None:
        """Take what was found in a file; one that changed while it was read gets a failed row instead."""
        seen, state = look_at(work.file), work.state
        names = {str(one.cells["file"]) for one in finished.findings if not one.pictures}
        if (seen.size, seen.mtime_ns) != (state.size, state.mtime_ns):
            names |= {str(one.cells["file"]) for one in finished.findings}
            why = "it changed while it was read" if seen.size >= 0 else "it can no longer be found"
            failed = Failed(work.file, f"{why}; the next scan reads it again", None, now(), again=True)
            finished = self._finisher.told(work.file, [failed])
        for name in names:
            remove_pictures(name, self._finisher.out)
        state = replace(state, sha256=finished.sha256, again=finished.again)
        self._kept.append((state, finished.findings))
        for one in finished.findings:
            self._journal.write(MICROGRAPH, why=work.why, **{name: one.cells[name] for name in LOGGED})
        if len(self._kept) >= FILES_AT_ONCE or time.monotonic() - self._last_write > SECONDS_BETWEEN_WRITES:
            self._write()

    def _write(self) -> None:
        if self._kept:
            with self._ledger.writing():
                for state, findings in self._kept:
                    self._ledger.record(self._recipe.id, state, findings)
        self._recorded |= {state.name for state, _ in self._kept}
        self._kept.clear()
        self._last_write = time.monotonic()
