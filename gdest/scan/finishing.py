"""Grade files and draw their pictures: what a scan, a worker process and a Ray actor do; only rows come back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event

from gdest.core import (
    Failed,
    Graded,
    GradeSettings,
    ImageFile,
    Lender,
    OutputError,
    Row,
    as_output_error,
    heartbeat,
    is_of_a_name,
    is_of_a_name_for_ever,
)
from gdest.grading import Memory, Predictor, grade_files, no_memory
from gdest.reports import ModelName, cells, file_sha256, picture_names, write_pictures
from gdest.scan.ledger_schema import Finding, Pictures


@dataclass(frozen=True)
class Finished:
    """Hold what the ledger keeps of one file: its findings, its hash if it could be read, whether to read it again.

    A finding without pictures has none on the disk, or those of an earlier content.
    """

    file: ImageFile
    findings: tuple[Finding, ...]
    sha256: str | None
    again: bool


@dataclass(frozen=True)
class _Drawn:
    """Hold the pictures of a row, or why the disk takes none of its name, and whether it never will."""

    pictures: Pictures = field(default_factory=dict)
    why_none: str = ""
    undrawable: bool = False


class Finisher:
    """Grade files and draw them below the output folder, unless nothing shall be drawn."""

    def __init__(self, out: Path, model: ModelName, *, draws: bool) -> None:
        self.out, self.draws = out, draws
        self._model = model
        self._drawn: dict[str, _Drawn] = {}

    def finished(
        self,
        files: Iterable[ImageFile | None],
        predictor: Predictor,
        settings: GradeSettings,
        recall: Memory = no_memory,
        *,
        under_way: int | None = None,
        room: Lender | None = None,
    ) -> Iterator[Finished]:
        """Yield what `grade_files` makes of each file, once its pictures are on the disk."""
        ended = Event()
        draw = partial(self._drawn_now, ended)
        try:
            for file, rows in grade_files(files, predictor, settings, recall, draw, under_way=under_way, room=room):
                yield self.told(file, rows)
        finally:
            ended.set()

    def told(self, file: ImageFile, rows: Sequence[Row]) -> Finished:
        """Return the rows of a file, reduced to what the ledger keeps."""
        findings = tuple(self._finding(row) for row in rows)
        sha256 = next((row_sha256 for row in rows if (row_sha256 := _sha256(row)) is not None), None)
        return Finished(file, findings, sha256, any(isinstance(row, Failed) and row.again for row in rows))

    def _finding(self, row: Row) -> Finding:
        """Return what is recorded of a row; what the disk refused to take of its pictures is a further reason."""
        known = cells(row, self._model)
        if isinstance(row, Failed):
            return Finding(known)
        drawn = self._drawn.pop(row.micrograph.file.name, _Drawn())
        reasons = "; ".join(filter(None, (str(known["reason"] or ""), drawn.why_none)))
        return Finding({**known, "reason": reasons or None}, row.grade_map, drawn.pictures, drawn.undrawable)

    def _drawn_now(self, ended: Event, row: Row) -> Row:
        """Draw the pictures of a graded row in the thread of its file; return it without its pixels.

        So no page holds its pixels while the next one is decoded. A thread that was left behind draws nothing.
        """
        heartbeat()
        if ended.is_set():
            raise OutputError(f"The scan into {self.out} has ended.")
        if isinstance(row, Failed):
            return row
        if self.draws:
            self._drawn[row.micrograph.file.name] = _draw(row, self.out)
        count = row.count and replace(row.count, overlays=())
        return replace(row, micrograph=row.micrograph.without_pixels(), count=count)


def _draw(row: Graded, out: Path) -> _Drawn:
    """Draw the pictures of a row; what is wrong with one name ends no scan."""
    name = row.micrograph.file.name
    try:
        write_pictures(row, out)
    except OutputError as error:
        if not is_of_a_name(error.__cause__):
            raise
        why = f"its pictures cannot be written: {getattr(error.__cause__, 'strerror', error)}"
        return _Drawn(why_none=why, undrawable=is_of_a_name_for_ever(error.__cause__))
    paths = [out / name for name in picture_names(name, counted=True)]
    with as_output_error(out):
        known = {
            path.relative_to(out).as_posix(): (file_sha256(path), path.stat().st_size)
            for path in paths
            if path.is_file()
        }
    return _Drawn(known)


def _sha256(row: Row) -> str | None:
    return row.sha256 if isinstance(row, Failed) else row.micrograph.sha256
