"""Grade files: read, look, judge; files in, rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from gdest.core import (
    CORES,
    BoundaryField,
    Failed,
    Graded,
    GradeMap,
    GradeSettings,
    GrainCount,
    GreyImage,
    ImageFile,
    Micrograph,
    MicrographError,
    ModelCard,
    Row,
    Status,
    in_order,
    now,
)
from gdest.grading.batching import Predictor, SharedPredictor
from gdest.grading.counting import count_at_pixel_size, surer_count
from gdest.grading.doubts import UNKNOWN_PIXEL_SIZE, contradiction, doubts_of_count, impossible, reasons
from gdest.grading.looks import FEWEST_USABLE
from gdest.grading.summary import at_pixel_size, summarize
from gdest.grading.zooms import draw_boundaries, predict_grade_map
from gdest.reading import read_micrographs

FILES_UNDER_WAY = 2 * CORES + 2
"""Enough to decode some while the batches of others are full; more would only hold more pixels."""

Memory = Callable[[Micrograph], GradeMap | None]
"""Return the grade map of a micrograph whose pixels were graded before, if there is one."""


def no_memory(_micrograph: Micrograph) -> None:
    """Recall nothing."""


def grade_micrographs(files: Iterable[ImageFile], predictor: Predictor, settings: GradeSettings) -> Iterator[Row]:
    """Yield the rows of each file, in order; what cannot be graded is a `Failed` row."""
    for _, rows in grade_files(files, predictor, settings):
        yield from rows


def grade_files(
    files: Iterable[ImageFile], predictor: Predictor, settings: GradeSettings, recall: Memory = no_memory
) -> Iterator[tuple[ImageFile, list[Row]]]:
    """Yield each file with its rows, in order; what cannot be graded is a `Failed` row.

    Several files are under way at a time, each in a thread, and share the network, whose batches
    are cut across them. The network sees only micrographs that `recall`, called from those threads, does not know: a
    file that was moved is read again, since its pixel size may follow from its folder, but keeps its grade map.
    """

    def stalled(file: ImageFile) -> list[Row]:
        reason = f"reading gave no answer within {settings.read_timeout_s:g} s; the next scan tries again"
        return [Failed(file, reason, None, now(), again=True)]

    with SharedPredictor(predictor) as shared:
        work = partial(_grade_file, predictor=shared, settings=settings, recall=recall)
        yield from in_order(files, work, stalled, ahead=FILES_UNDER_WAY, seconds=settings.read_timeout_s)


def _grade_file(file: ImageFile, predictor: Predictor, settings: GradeSettings, recall: Memory) -> list[Row]:
    """Return the rows of one file, one per micrograph in it."""
    return [
        found if isinstance(found, Failed) else _grade_one(found, predictor, settings, recall)
        for found in read_micrographs(file, settings)
    ]


def _grade_one(micrograph: Micrograph, predictor: Predictor, settings: GradeSettings, recall: Memory) -> Row:
    """Return the row of a micrograph; a large one is read while the network looks at it, and that may fail."""
    try:
        grade_map = recall(micrograph) or grade_map_of(micrograph, predictor, settings.stride_px)
        count = _counted(micrograph, grade_map, predictor, settings.stride_px) if settings.count else None
    except MicrographError as error:
        return Failed(micrograph.file, str(error), micrograph.sha256, now())
    row = graded_row(micrograph, replace(grade_map, boundaries=(), boundaries_at_half=()), predictor.card)
    return row if count is None else with_second_opinion(row, count)


def _counted(micrograph: Micrograph, grade_map: GradeMap, predictor: Predictor, stride_px: int) -> GrainCount:
    """Return what is counted on a micrograph, at its own pixel size where it is known."""
    if not predictor.card.boundaries:
        return GrainCount(note="these weights draw no boundaries")
    count, _ = surer_count(partial(_fields, micrograph, grade_map, predictor, stride_px), predictor.card)
    if micrograph.um_per_px is None:
        return count
    return count_at_pixel_size(count, micrograph.um_per_px, predictor.card)


def _fields(
    micrograph: Micrograph, grade_map: GradeMap, predictor: Predictor, stride_px: int, at_half: bool
) -> Iterable[BoundaryField]:
    """Return the boundary fields that came with a grade map, of the picture that decided it or at half its size.

    Those of a map that is recalled, or of a picture that is read region by region, are drawn again.
    """
    if known := grade_map.boundaries_at_half if at_half else grade_map.boundaries:
        return known
    picture = micrograph.regions or GreyImage(micrograph.pixels)
    not_metal, cell_px = micrograph.not_metal, micrograph.cell_px
    return draw_boundaries(picture, grade_map, predictor, stride_px, not_metal, cell_px, at_half=at_half)


def with_second_opinion(row: Graded, count: GrainCount) -> Graded:
    """Return a row with what was counted beside its estimate; where the two contradict each other, for review."""
    known = np.isfinite(count.g_intercepts) and row.statistics is not None
    row = replace(
        row,
        count=count,
        g_intercept=float(count.g_intercepts) if known else None,
        intercepts=round(count.intercepts) if np.isfinite(count.intercepts) else None,
    )
    doubts = [*doubts_of_count(count), *(contradiction(row.statistics, count) if row.statistics else ())]
    if not doubts:
        return row
    status = Status.REVIEW if row.status == Status.GRADED else row.status
    return replace(row, status=status, reason="; ".join(filter(None, (row.reason, *doubts))))


def boundary_fields(micrograph: Micrograph, predictor: Predictor, settings: GradeSettings) -> list[BoundaryField]:
    """Return the boundary fields of a micrograph on which a scan counts; none where the weights draw none.

    Raises `MicrographError` where no tile shows metal.
    """
    if not predictor.card.boundaries:
        return []
    grade_map = grade_map_of(micrograph, predictor, settings.stride_px)
    fields = partial(_fields, micrograph, grade_map, predictor, settings.stride_px)
    _, at_half = surer_count(fields, predictor.card)
    return list(fields(at_half))


def grade_map_of(micrograph: Micrograph, predictor: Predictor, stride_px: int) -> GradeMap:
    """Return the grade map of a micrograph, in memory or read region by region; tiles without metal are NaN."""
    picture = micrograph.regions or GreyImage(micrograph.pixels)
    return predict_grade_map(picture, predictor, stride_px, micrograph.not_metal, micrograph.cell_px)


def graded_row(micrograph: Micrograph, grade_map: GradeMap, card: ModelCard) -> Graded:
    """Return the row of a micrograph: its statistics at its own pixel size, its status and why."""
    seen = summarize(grade_map, card)
    doubts = [*micrograph.doubts, *reasons(micrograph.pixels, seen.g, grade_map, card)]
    used = int(np.count_nonzero(np.isfinite(grade_map.g_seen)))
    if used < min(FEWEST_USABLE, grade_map.g_seen.size):
        doubts.append(f"only {used} of {grade_map.g_seen.size} tiles show metal only")
    statistics = None
    if micrograph.um_per_px is not None:
        statistics = at_pixel_size(seen, micrograph.um_per_px, card)
        doubts += impossible(statistics.g, micrograph.um_per_px)
        status = Status.REVIEW if doubts else Status.GRADED
    else:
        status = Status.UNCALIBRATED
        doubts.insert(0, UNKNOWN_PIXEL_SIZE)
    reason = "; ".join(doubts)
    homogeneity, note = seen.homogeneity, seen.homogeneity_note
    return Graded(micrograph, grade_map, status, reason, seen.g, statistics, homogeneity, now(), note)
