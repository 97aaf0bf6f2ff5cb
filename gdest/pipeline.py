"""The whole story: files in, rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gdest import grain_size
from gdest.batching import Predictor, SharedPredictor, joined
from gdest.errors import MicrographError
from gdest.intercepts import cross_checked
from gdest.micrograph import read_micrographs
from gdest.patience import CORES, in_order
from gdest.patterns import FEWEST_FOR_PATTERNS
from gdest.reading.picture import Regions
from gdest.records import Failed, Graded, GradeMap, ImageFile, Micrograph, ModelCard, Row, TileAnswers, TileGrid, now
from gdest.review import measured_doubts, reasons
from gdest.settings import GradeSettings
from gdest.statistics import at_pixel_size, summarize
from gdest.tiling import metal_tiles, tile_grid, usable_tiles

FILES_UNDER_WAY = 2 * CORES + 2
"""Enough to decode some while the batches of others are full; more would only hold more pixels."""

COARSE_G = 5.0
"""Below this G in the picture a tile holds few grains (12 at G 5); the picture is halved."""

G_PER_HALVING = 2.0
FEWEST_USABLE = 3
"""With fewer tiles left after banners, scale bars, mounting and reflections a person should look."""

Picture = NDArray[np.uint8] | Regions
"""A grey picture (rows, cols), in memory or read region by region."""


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
    """Look and judge; a large picture is read while it is looked at, and that may fail."""
    try:
        grade_map = recall(micrograph) or grade_map_of(micrograph, predictor, settings.stride_px)
    except MicrographError as error:
        return Failed(micrograph.file, str(error), micrograph.sha256, now())
    row = grade(micrograph, grade_map, predictor.card)
    return cross_checked(row) if settings.cross_check else row


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
    return replace(kept.grade_map, tiles=seen_by_network, doubts=doubts, closer=_closer(looks, kept))


def _closer(looks: list[_Look], kept: _Look) -> GradeMap | None:
    """Return the map of the next larger picture with enough tiles to show a pattern, or of the largest."""
    if kept.grade_map.g_seen.size >= FEWEST_FOR_PATTERNS or kept.zoom == 1.0:
        return None
    larger = [look.grade_map for look in looks if look.zoom > kept.zoom]
    enough = [one for one in larger if one.g_seen.size >= FEWEST_FOR_PATTERNS]
    return enough[-1] if enough else larger[0]


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

    @property
    def grade_map(self) -> GradeMap:
        return GradeMap(self.seen.astype(np.float32), self.grid, self.zoom, len(self.answers.g_seen))


def _look(picture: Picture, zoom: float, shown: _Shown) -> _Look:
    grid = shown.grid(picture.shape)
    usable = shown.usable(grid, zoom)
    if not usable.any():
        raise MicrographError("no tile shows metal only: banners, scale bars, mounting or reflections cover all")
    answers = joined([shown.predictor.predict(tiles) for tiles in metal_tiles(picture, grid, usable)])
    return _Look(picture, zoom, grid, usable, answers, _can_be_halved(picture, zoom, shown))


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
    reason = "; ".join(doubts)
    homogeneity, note = seen.homogeneity, seen.homogeneity_note
    return Graded(micrograph, grade_map, status, reason, seen.g, statistics, homogeneity, now(), note)
