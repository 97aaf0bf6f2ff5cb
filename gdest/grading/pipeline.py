"""Grade files: read, look, judge; files in, rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from gdest.core import (
    CORES,
    NO_MEMORY,
    NO_METAL,
    BoundaryField,
    Failed,
    Graded,
    GradeMap,
    GradeSettings,
    GrainCount,
    GreyImage,
    ImageFile,
    Lender,
    Micrograph,
    MicrographError,
    ModelCard,
    PassingError,
    Row,
    Status,
    covered_px,
    grain_size,
    in_order,
    now,
    told_apart,
)
from gdest.grading.batching import Predictor, SharedPredictor
from gdest.grading.counting import count_at_pixel_size, surer_count
from gdest.grading.doubts import UNKNOWN_PIXEL_SIZE, impossible, reasons
from gdest.grading.looks import FEWEST_USABLE
from gdest.grading.second_opinion import with_second_opinion
from gdest.grading.summary import at_pixel_size, summarize
from gdest.grading.zooms import COARSE_G, draw_boundaries, predict_grade_map
from gdest.reading import read_micrographs

LEAST_IN_TILES = 0.6
"""Of the metal in the field of view; where less is graded, G moved by up to 0.5 (benchmark `treatments.py`)."""

MOST_BY_SIZE = 0.15
"""In G: what leaves the metal alone may move it by no more (benchmark `treatments.py`)."""

FILES_UNDER_WAY = 2 * CORES + 2
"""Enough to decode some while the batches of others are full; more would only hold more pixels."""

UNCALIBRATED = "the pixel size is not known; state --um-per-px, or --magnification with --camera-um"

Memory = Callable[[Micrograph], GradeMap | None]
"""Return the grade map of a micrograph whose pixels were graded before, if there is one."""


Finish = Callable[[Row], Row]
"""Do what is to be done with the pixels of a row, in the thread of its file, and return it, perhaps without them."""


def no_memory(_micrograph: Micrograph) -> None:
    """Recall nothing."""


def as_it_is(row: Row) -> Row:
    """Return a row with its pixels."""
    return row


def grade_micrographs(files: Iterable[ImageFile], predictor: Predictor, settings: GradeSettings) -> Iterator[Row]:
    """Yield the rows of each file, in order; what cannot be graded is a `Failed` row."""
    for _, rows in grade_files(files, predictor, settings):
        yield from rows


def grade_files(
    files: Iterable[ImageFile | None],
    predictor: Predictor,
    settings: GradeSettings,
    recall: Memory = no_memory,
    finish: Finish = as_it_is,
    *,
    under_way: int | None = None,
    room: Lender | None = None,
) -> Iterator[tuple[ImageFile, list[Row]]]:
    """Yield each file with its rows, in order; what cannot be graded is a `Failed` row.

    Several files are under way at a time, each in a thread, and share the network, whose batches
    are cut across them. The network sees only micrographs that `recall`, called from those threads, does not know: a
    file that was moved is read again, since its pixel size may follow from its folder, but keeps its grade map. Each
    row goes through `finish` before the next page of its file is decoded. A worker, which has a part of the machine,
    says how many files are `under_way` and who lends them memory; None among its files is as for `in_order`.
    """

    def stalled(file: ImageFile) -> list[Row]:
        reason = f"reading gave no answer within {settings.read_timeout_s:g} s; the next scan tries again"
        return [Failed(file, reason, None, now(), again=True)]

    with SharedPredictor(predictor) as shared:
        work = partial(_grade_file, predictor=shared, settings=settings, recall=recall, finish=finish)
        ahead = under_way or FILES_UNDER_WAY
        yield from in_order(files, work, stalled, ahead=ahead, seconds=settings.read_timeout_s, room=room)


def _grade_file(
    file: ImageFile, predictor: Predictor, settings: GradeSettings, recall: Memory, finish: Finish
) -> list[Row]:
    """Return the rows of one file, one per micrograph in it."""
    return list(map(partial(_finished, predictor, settings, recall, finish), read_micrographs(file, settings)))


def _finished(
    predictor: Predictor, settings: GradeSettings, recall: Memory, finish: Finish, found: Micrograph | Failed
) -> Row:
    """Return the row of what was read; `map` keeps no page while it waits for the next one, as a loop does."""
    return finish(found if isinstance(found, Failed) else _grade_one(found, predictor, settings, recall))


def _grade_one(micrograph: Micrograph, predictor: Predictor, settings: GradeSettings, recall: Memory) -> Row:
    """Return the row of a micrograph; a large one is read while the network looks at it, and that may fail."""
    try:
        grade_map = recall(micrograph) or grade_map_of(micrograph, predictor, settings.stride_px)
        count = _counted(micrograph, grade_map, predictor, settings.stride_px) if settings.count else None
        row = graded_row(micrograph, replace(grade_map, boundaries=(), boundaries_at_half=()), predictor.card)
        return row if count is None else with_second_opinion(row, count, predictor.card)
    except MicrographError as error:
        return Failed(micrograph.file, str(error), micrograph.sha256, now(), again=isinstance(error, PassingError))
    except MemoryError:
        return Failed(micrograph.file, NO_MEMORY, micrograph.sha256, now(), again=True)


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


def boundary_fields(
    micrograph: Micrograph, predictor: Predictor, settings: GradeSettings, grade_map: GradeMap | None = None
) -> list[BoundaryField]:
    """Return the boundary fields of a micrograph on which a scan counts; none where the weights draw none.

    Raises `MicrographError` where no tile shows metal.
    """
    if not predictor.card.boundaries:
        return []
    grade_map = grade_map or grade_map_of(micrograph, predictor, settings.stride_px)
    fields = partial(_fields, micrograph, grade_map, predictor, settings.stride_px)
    _, at_half = surer_count(fields, predictor.card)
    return list(fields(at_half))


def grade_map_of(micrograph: Micrograph, predictor: Predictor, stride_px: int) -> GradeMap:
    """Return the grade map of a micrograph, in memory or read region by region; tiles without metal are NaN."""
    picture = micrograph.regions or GreyImage(micrograph.pixels)
    return predict_grade_map(picture, predictor, stride_px, micrograph.not_metal, micrograph.cell_px)


def _share_in_tiles(micrograph: Micrograph, grade_map: GradeMap) -> float:
    """Return the share of a micrograph's metal that lies in tiles with a grade."""
    if micrograph.not_metal is None:
        return 1.0
    metal_px = np.count_nonzero(~micrograph.not_metal) * micrograph.cell_px**2
    in_tiles = covered_px(grade_map.grid, np.isfinite(grade_map.g_seen)) / grade_map.zoom**2
    return float(in_tiles / max(float(metal_px), 1.0))


def _is_kept_large(micrograph: Micrograph, grade_map: GradeMap, card: ModelCard) -> bool:
    """Return whether coarse grains were not seen at half the size because too few tiles without cover were left."""
    in_picture = grain_size.g_after_zoom(float(np.nanmean(grade_map.g_seen)), grade_map.zoom)
    fits = min(micrograph.rows, micrograph.cols) * grade_map.zoom >= 2 * card.tile_px
    return micrograph.not_metal is not None and fits and in_picture < COARSE_G


def _doubt_of_size(by_g: float) -> Iterator[str]:
    """Yield why a person should look, if a part of a field reads differently at a size that the whole might be at."""
    if abs(by_g) > MOST_BY_SIZE:
        apart, limit = told_apart(abs(by_g), MOST_BY_SIZE)
        yield f"too little is seen to tell at which of two sizes to grade it ({apart} G apart, limit {limit})"


def graded_row(micrograph: Micrograph, grade_map: GradeMap, card: ModelCard) -> Graded:
    """Return the row of a micrograph: its statistics at its own pixel size, its status and why."""
    seen = summarize(grade_map, card)
    found = list(reasons(micrograph.pixels, seen.g, grade_map, card))
    no_metal = bool(found) and found[0].startswith(NO_METAL)
    doubts = [*found[:no_metal], *micrograph.doubts, *found[no_metal:]]
    used = int(np.count_nonzero(np.isfinite(grade_map.g_seen)))
    if used < min(FEWEST_USABLE, grade_map.g_seen.size):
        doubts.append(f"only {used} of {grade_map.g_seen.size} tiles show metal only")
    elif _is_kept_large(micrograph, grade_map, card):
        doubts.append("its grains are coarse for the part of it that shows metal only")
    elif (share := _share_in_tiles(micrograph, grade_map)) < LEAST_IN_TILES:
        doubts.append(f"only {share:.0%} of its metal lies in tiles that show metal only")
    doubts += _doubt_of_size(grade_map.other_size_by)
    statistics = None
    if micrograph.um_per_px is not None:
        statistics = at_pixel_size(seen, micrograph.um_per_px, card)
        doubts += impossible(statistics.g, micrograph.um_per_px)
        status = Status.REVIEW if doubts else Status.GRADED
    else:
        status = Status.UNCALIBRATED
        doubts.insert(no_metal, UNKNOWN_PIXEL_SIZE)
    reason = "; ".join(doubts)
    told = statistics or seen
    homogeneity, note = ("unknown", "no grain structure") if no_metal else (told.homogeneity, told.homogeneity_note)
    return Graded(micrograph, grade_map, status, reason, seen.g, statistics, homogeneity, now(), note)
