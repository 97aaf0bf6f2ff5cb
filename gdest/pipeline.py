"""The whole story: files in, rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gdest import grain_size
from gdest.batching import Predictor, SharedPredictor
from gdest.errors import MicrographError
from gdest.intercepts import cross_checked
from gdest.micrograph import read_micrograph
from gdest.patience import in_order
from gdest.records import Failed, Graded, GradeMap, ImageFile, Micrograph, ModelCard, Row, TileAnswers, TileGrid
from gdest.review import measured_doubts, reasons
from gdest.settings import GradeSettings
from gdest.statistics import at_pixel_size, summarize
from gdest.tiling import cut_tiles, tile_grid

FILES_UNDER_WAY = 6
"""Enough to decode some while the batches of others are full; more would only hold more pixels."""

COARSE_G = 5.0
"""Below this G in the picture a tile holds few grains (12 at G 5); the picture is halved."""

G_PER_HALVING = 2.0


Memory = Callable[[Micrograph], GradeMap | None]
"""What recalls the grade map of pixels that were graded before."""


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
    are cut across them. The network sees only what `recall`, called from those threads, does not know: a
    file that was moved is read again, since its pixel size may follow from its folder, but keeps its grade map.
    """

    def stalled(file: ImageFile) -> list[Row]:
        reason = f"reading gave no answer within {settings.read_timeout_s:g} s; the next scan tries again"
        return [Failed(file, reason, None, now(), again=True)]

    with SharedPredictor(predictor, settings.batch) as shared:
        work = partial(_grade_file, predictor=shared, settings=settings, recall=recall)
        yield from in_order(files, work, stalled, ahead=FILES_UNDER_WAY, seconds=settings.read_timeout_s)


def _grade_file(file: ImageFile, predictor: Predictor, settings: GradeSettings, recall: Memory) -> list[Row]:
    """Return the rows of one file: read, look, judge."""
    try:
        micrograph = read_micrograph(file, settings.calibration, settings.max_megapixels)
    except MicrographError as error:
        return [Failed(file, str(error), None, now())]
    grade_map = recall(micrograph) or predict_grade_map(micrograph.pixels, predictor, settings.stride_px)
    row = grade(micrograph, grade_map, predictor.card)
    return [cross_checked(row) if settings.cross_check else row]


def predict_grade_map(pixels: NDArray[np.uint8], predictor: Predictor, stride_px: int) -> GradeMap:
    """Return the grade map of grey pixels (rows, cols), looking from further away at coarse grains.

    A tile that holds only a few grains says little, and dirt inside a large grain looks like small
    ones; so while the grains are coarse the picture is halved, as long as a tile still fits, and
    graded again. Self-similarity brings the numbers back to the file's own pixels. The first answer
    that is fine enough is kept, and compared with that of the next smaller picture.
    """
    looks = [_look(pixels, 1.0, predictor, stride_px)]
    while looks[-1].in_picture < COARSE_G and looks[-1].can_be_halved:
        looks.append(_look(halve(looks[-1].picture), looks[-1].zoom / 2.0, predictor, stride_px))
    kept = looks[-1]
    nearest = looks[-2:-1]
    if kept.can_be_halved and kept.in_picture + G_PER_HALVING <= predictor.card.g_max:
        nearest = [_look(halve(kept.picture), kept.zoom / 2.0, predictor, stride_px)]
        looks += nearest
    # tiles of another size hold other mixtures of grains, so a mixed field may differ by half its scatter
    gap = max(0.0, abs(nearest[0].mean - kept.mean) - 0.5 * float(kept.seen.std())) if nearest else float("nan")
    doubts = measured_doubts(kept.answers, gap)
    return GradeMap(kept.seen.astype(np.float32), kept.grid, kept.zoom, sum(look.seen.size for look in looks), doubts)


@dataclass(frozen=True)
class _Look:
    """Hold a picture at one zoom and what the model says of its tiles; `seen` is at the file's own pixels."""

    picture: NDArray[np.uint8]
    zoom: float
    grid: TileGrid
    answers: TileAnswers

    @property
    def in_picture(self) -> float:
        return float(np.nanmean(self.answers.g_seen))

    @property
    def seen(self) -> NDArray[np.float64]:
        grades = self.answers.g_seen.reshape(self.grid.shape).astype(np.float64)
        return np.asarray(grain_size.g_after_zoom(grades, 1.0 / self.zoom))

    @property
    def mean(self) -> float:
        return float(self.seen.mean())

    @property
    def can_be_halved(self) -> bool:
        return bool(min(self.picture.shape) >= 2 * self.grid.tile_px)


def _look(picture: NDArray[np.uint8], zoom: float, predictor: Predictor, stride_px: int) -> _Look:
    grid = tile_grid(picture.shape[0], picture.shape[1], predictor.card.tile_px, stride_px)
    return _Look(picture, zoom, grid, predictor.predict(cut_tiles(picture, grid)))


def halve(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey pixels (rows, cols) at half the size, each the mean of four."""
    return np.asarray(Image.fromarray(pixels).reduce(2))


def grade(micrograph: Micrograph, grade_map: GradeMap, card: ModelCard) -> Graded:
    """Return the row of a micrograph: its statistics at its own pixel size, its status and why."""
    seen = summarize(grade_map, card)
    doubts = list(reasons(micrograph.pixels, seen.g, grade_map, card))
    statistics = None
    if micrograph.um_per_px is not None:
        statistics = at_pixel_size(seen, micrograph.um_per_px, card)
        status = "review" if doubts else "graded"
    else:
        status = "uncalibrated"
        doubts.insert(0, "the pixel size is not known; state --um-per-px, or --magnification with --camera-um")
    reason = "; ".join(doubts)
    homogeneity, note = seen.homogeneity, seen.homogeneity_note
    return Graded(micrograph, grade_map, status, reason, seen.g, statistics, homogeneity, now(), note)


def now() -> str:
    """Return the time in UTC to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
