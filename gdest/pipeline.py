"""The whole story: files in, rows out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gdest import grain_size
from gdest.errors import MicrographError
from gdest.micrograph import read_micrograph
from gdest.records import Failed, Graded, GradeMap, ImageFile, Micrograph, ModelCard, Row, TileAnswers, TileGrid
from gdest.review import measured_doubts, reasons
from gdest.settings import GradeSettings
from gdest.statistics import at_pixel_size, summarize
from gdest.tiling import cut_tiles, tile_grid

READ_AHEAD = 4
COARSE_G = 5.0
"""Below this G in the picture a tile holds few grains (12 at G 5); the picture is halved."""

G_PER_HALVING = 2.0


class Predictor(Protocol):
    """Map tiles (n, side, side) uint8 to G_seen (n,) at the card's pixel size."""

    card: ModelCard
    name: str
    sha256: str

    def predict(self, tiles: NDArray[np.uint8]) -> TileAnswers:
        """Return G_seen and the doubts of n tiles."""
        ...


def grade_micrographs(files: Iterable[ImageFile], predictor: Predictor, settings: GradeSettings) -> Iterator[Row]:
    """Yield one row per file, in order; a file that cannot be graded is a `Failed` row."""
    for micrograph in _read_ahead(files, settings):
        if isinstance(micrograph, Failed):
            yield micrograph
            continue
        grade_map = predict_grade_map(micrograph.pixels, predictor, settings.stride_px)
        yield grade(micrograph, grade_map, predictor.card)


def _read_ahead(files: Iterable[ImageFile], settings: GradeSettings) -> Iterator[Micrograph | Failed]:
    """Decode the next few files in threads while the network works on the last one."""
    remaining = iter(files)
    with ThreadPoolExecutor(READ_AHEAD) as pool:
        waiting: deque[Future[Micrograph | Failed]] = deque()
        waiting.extend(pool.submit(_read, file, settings) for file in islice(remaining, READ_AHEAD))
        while waiting:
            micrograph = waiting.popleft().result()
            waiting.extend(pool.submit(_read, file, settings) for file in islice(remaining, 1))
            yield micrograph


def _read(file: ImageFile, settings: GradeSettings) -> Micrograph | Failed:
    try:
        return read_micrograph(file, settings.calibration, settings.max_megapixels)
    except MicrographError as error:
        return Failed(file, str(error), None, now())


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
