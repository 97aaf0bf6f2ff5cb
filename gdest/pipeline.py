"""The whole story: files in, rows out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gdest import grain_size
from gdest.errors import MicrographError
from gdest.micrograph import read_micrograph
from gdest.records import Failed, Graded, GradeMap, ImageFile, Micrograph, ModelCard, Row
from gdest.settings import GradeSettings
from gdest.statistics import at_pixel_size, summarize
from gdest.tiling import cut_tiles, tile_grid

READ_AHEAD = 4
COARSE_G = 5.0
"""Below this G in the picture a tile holds few grains (12 at G 5); the picture is halved."""

BLANK_SD = 3.0
"""Grey levels: a micrograph with less contrast than this shows no grains."""


class Predictor(Protocol):
    """Map tiles (n, side, side) uint8 to G_seen (n,) at the card's pixel size."""

    card: ModelCard
    name: str
    sha256: str

    def predict(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return G_seen (n,), float32."""
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
    graded again. Self-similarity brings the numbers back to the file's own pixels.
    """
    card, zoom, tiles = predictor.card, 1.0, 0
    picture = pixels
    while True:
        grid = tile_grid(picture.shape[0], picture.shape[1], card.tile_px, stride_px)
        grades = predictor.predict(cut_tiles(picture, grid)).reshape(grid.shape)
        tiles += grades.size
        if np.nanmean(grades) >= COARSE_G or min(picture.shape) < 2 * card.tile_px:
            seen = grain_size.g_after_zoom(grades.astype(np.float64), 1.0 / zoom)
            return GradeMap(seen.astype(np.float32), grid, zoom, tiles)
        picture = halve(picture)
        zoom /= 2.0


def halve(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey pixels (rows, cols) at half the size, each the mean of four."""
    return np.asarray(Image.fromarray(pixels).reduce(2))


def grade(micrograph: Micrograph, grade_map: GradeMap, card: ModelCard) -> Graded:
    """Return the row of a micrograph: its statistics at its own pixel size, its status and why."""
    seen = summarize(grade_map, card)
    doubts = list(_doubts(micrograph, seen.g, grade_map.zoom, card))
    statistics = None
    if micrograph.um_per_px is not None:
        statistics = at_pixel_size(seen, micrograph.um_per_px, card)
        status = "review" if doubts else "graded"
    else:
        status = "uncalibrated"
        doubts.insert(0, "the pixel size is not known; state --um-per-px, or --magnification with --camera-um")
    return Graded(micrograph, grade_map, status, "; ".join(doubts), seen.g, statistics, seen.homogeneity, now())


def _doubts(micrograph: Micrograph, g_seen: float, zoom: float, card: ModelCard) -> Iterator[str]:
    """Yield the reasons why a person should look at the answer before it is used."""
    in_picture = float(grain_size.g_after_zoom(g_seen, zoom))
    if float(micrograph.pixels[::2, ::2].std()) < BLANK_SD:
        yield "hardly any contrast: no grain structure can be seen"
    if not card.g_min <= in_picture <= card.g_max:
        size = "coarser" if in_picture < card.g_min else "finer"
        trained = f"trained {card.g_min:g}..{card.g_max:g}"
        yield f"grains {size} than the model was trained on (G seen {in_picture:.1f}, {trained})"


def now() -> str:
    """Return the time in UTC to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
