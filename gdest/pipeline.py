"""The whole story: files in, rows out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gdest import grain_size
from gdest.errors import MicrographError
from gdest.micrograph import read_micrographs
from gdest.reading.picture import Regions
from gdest.records import Failed, Graded, GradeMap, ImageFile, Micrograph, ModelCard, Row, TileAnswers, TileGrid
from gdest.records import now as now
from gdest.review import measured_doubts, reasons
from gdest.settings import GradeSettings
from gdest.statistics import at_pixel_size, summarize
from gdest.tiling import metal_tiles, tile_grid, usable_tiles

READ_AHEAD = 4
COARSE_G = 5.0
"""Below this G in the picture a tile holds few grains (12 at G 5); the picture is halved."""

G_PER_HALVING = 2.0
FEWEST_USABLE = 3
"""With fewer tiles left after banners, scale bars, mounting and reflections a person should look."""

Picture = NDArray[np.uint8] | Regions
"""A grey picture (rows, cols), in memory or read region by region."""


class Predictor(Protocol):
    """Map tiles (n, side, side) uint8 to G_seen (n,) at the card's pixel size."""

    card: ModelCard
    name: str
    sha256: str

    def predict(self, tiles: NDArray[np.uint8]) -> TileAnswers:
        """Return G_seen and the doubts of n tiles."""
        ...


def grade_micrographs(files: Iterable[ImageFile], predictor: Predictor, settings: GradeSettings) -> Iterator[Row]:
    """Yield the rows of each file, in order, one per micrograph; what cannot be graded is a `Failed` row."""
    for micrograph in _read_ahead(files, settings):
        if isinstance(micrograph, Failed):
            yield micrograph
            continue
        try:
            grade_map = grade_map_of(micrograph, predictor, settings.stride_px)
        except MicrographError as error:
            yield Failed(micrograph.file, str(error), micrograph.sha256, now())
            continue
        yield grade(micrograph, grade_map, predictor.card)


def _read_ahead(files: Iterable[ImageFile], settings: GradeSettings) -> Iterator[Micrograph | Failed]:
    """Decode the next few files in threads while the network works on the last one; further pages as they come."""
    remaining = iter(files)
    with ThreadPoolExecutor(READ_AHEAD) as pool:
        waiting: deque[Future[tuple[Micrograph | Failed, Iterator[Micrograph | Failed]]]] = deque()
        waiting.extend(pool.submit(_begin, file, settings) for file in islice(remaining, READ_AHEAD))
        while waiting:
            first, further = waiting.popleft().result()
            waiting.extend(pool.submit(_begin, file, settings) for file in islice(remaining, 1))
            yield first
            yield from further


def _begin(file: ImageFile, settings: GradeSettings) -> tuple[Micrograph | Failed, Iterator[Micrograph | Failed]]:
    """Return the first micrograph of a file, and the others, not decoded yet."""
    found = read_micrographs(file, settings)
    return next(found), found


def grade_map_of(micrograph: Micrograph, predictor: Predictor, stride_px: int) -> GradeMap:
    """Return the grade map of a micrograph, in memory or read region by region; tiles without metal are NaN."""
    picture = micrograph.regions if isinstance(micrograph.regions, Regions) else micrograph.pixels
    return predict_grade_map(picture, predictor, stride_px, micrograph.not_metal, micrograph.cell_px)


def predict_grade_map(
    picture: Picture,
    predictor: Predictor,
    stride_px: int,
    not_metal: NDArray[np.bool_] | None = None,
    cell_px: int = 1,
) -> GradeMap:
    """Return the grade map of a grey picture (rows, cols), looking from further away at coarse grains.

    A tile that holds only a few grains says little, and dirt inside a large grain looks like small
    ones; so while the grains are coarse the picture is halved, as long as a tile still fits, and
    graded again. Self-similarity brings the numbers back to the file's own pixels. The first answer
    that is fine enough is kept, and compared with that of the next smaller picture. Tiles that
    `not_metal`, cells of `cell_px` pixels a side, covers are NaN; raises `MicrographError` when all are.
    """
    shown = _Shown(not_metal, cell_px, predictor, stride_px)
    looks = [_look(picture, 1.0, shown)]
    while looks[-1].in_picture < COARSE_G and looks[-1].can_be_halved:
        looks.append(_look(_halved(looks[-1].picture), looks[-1].zoom / 2.0, shown))
    kept = looks[-1]
    nearest = looks[-2:-1]
    if kept.can_be_halved and kept.in_picture + G_PER_HALVING <= predictor.card.g_max:
        nearest = [_look(_halved(kept.picture), kept.zoom / 2.0, shown)]
        looks += nearest
    # tiles of another size hold other mixtures of grains, so a mixed field may differ by half its scatter
    gap = max(0.0, abs(nearest[0].mean - kept.mean) - 0.5 * float(np.nanstd(kept.seen))) if nearest else float("nan")
    doubts = measured_doubts(kept.answers, gap)
    seen_by_network = sum(len(look.answers.g_seen) for look in looks)
    return GradeMap(kept.seen.astype(np.float32), kept.grid, kept.zoom, seen_by_network, doubts)


@dataclass(frozen=True)
class _Shown:
    """Hold what all looks at one micrograph share: what is no metal in it, the predictor and the stride."""

    not_metal: NDArray[np.bool_] | None
    cell_px: int
    predictor: Predictor
    stride_px: int

    def grid(self, shape: tuple[int, ...]) -> TileGrid:
        return tile_grid(shape[0], shape[1], self.predictor.card.tile_px, self.stride_px)

    def usable(self, grid: TileGrid, zoom: float) -> NDArray[np.bool_]:
        return usable_tiles(grid, self.not_metal, self.cell_px * zoom)


@dataclass(frozen=True)
class _Look:
    """Hold a picture at one zoom and what the model says of its usable tiles; `seen` is at the file's own pixels."""

    picture: Picture
    zoom: float
    grid: TileGrid
    usable: NDArray[np.bool_]
    answers: TileAnswers
    can_be_halved: bool

    @property
    def in_picture(self) -> float:
        return float(np.nanmean(self.answers.g_seen))

    @property
    def seen(self) -> NDArray[np.float64]:
        grades = np.full(self.grid.shape, np.nan)
        grades[self.usable] = self.answers.g_seen
        return np.asarray(grain_size.g_after_zoom(grades, 1.0 / self.zoom))

    @property
    def mean(self) -> float:
        return float(np.nanmean(self.seen))


def _look(picture: Picture, zoom: float, shown: _Shown) -> _Look:
    grid = shown.grid(picture.shape)
    usable = shown.usable(grid, zoom)
    if not usable.any():
        raise MicrographError("no tile shows metal only: banners, scale bars, mounting or reflections cover all")
    answers = _joined([shown.predictor.predict(tiles) for tiles in metal_tiles(picture, grid, usable)])
    return _Look(picture, zoom, grid, usable, answers, _can_be_halved(picture, zoom, shown))


def _joined(parts: list[TileAnswers]) -> TileAnswers:
    if len(parts) == 1:
        return parts[0]
    g_seen, unfit, novelty = zip(*((part.g_seen, part.unfit, part.novelty) for part in parts), strict=True)
    return TileAnswers(np.concatenate(g_seen), np.concatenate(unfit), np.concatenate(novelty))


def _can_be_halved(picture: Picture, zoom: float, shown: _Shown) -> bool:
    """Return whether tiles still fit at half the size, and where some are covered, whether enough are left."""
    if min(picture.shape) < 2 * shown.predictor.card.tile_px:
        return False
    grid = shown.grid(tuple(-(-side // 2) for side in picture.shape))
    usable = shown.usable(grid, zoom / 2.0)
    return bool(usable.all() or np.count_nonzero(usable) >= FEWEST_USABLE)


def halve(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey pixels (rows, cols) at half the size, each the mean of four."""
    return np.asarray(Image.fromarray(pixels).reduce(2))


def _halved(picture: Picture) -> Picture:
    if isinstance(picture, np.ndarray):
        return halve(picture)
    rows, cols = picture.shape
    return Regions((-(-rows // 2), -(-cols // 2)), lambda top, bottom: halve(picture[2 * top : 2 * bottom]))


def grade(micrograph: Micrograph, grade_map: GradeMap, card: ModelCard) -> Graded:
    """Return the row of a micrograph: its statistics at its own pixel size, its status and why."""
    seen = summarize(grade_map, card)
    doubts = [*micrograph.doubts, *reasons(micrograph.pixels, seen.g, grade_map, card)]
    used = int(np.count_nonzero(np.isfinite(grade_map.g_seen)))
    if used < min(FEWEST_USABLE, grade_map.g_seen.size):
        doubts.append(f"only {used} of {grade_map.g_seen.size} tiles show metal only")
    statistics = None
    if micrograph.um_per_px is not None:
        statistics = at_pixel_size(seen, micrograph.um_per_px, card)
        status = "review" if doubts else "graded"
    else:
        status = "uncalibrated"
        doubts.insert(0, "the pixel size is not known; state --um-per-px, or --magnification with --camera-um")
    return Graded(micrograph, grade_map, status, "; ".join(doubts), seen.g, statistics, seen.homogeneity, now())
