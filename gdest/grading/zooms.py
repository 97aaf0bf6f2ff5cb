"""Look at a picture at the size at which its grains can be told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gdest.core import (
    GradeMap,
    GreyImage,
    MicrographError,
    Regions,
    TileAnswers,
    TileGrid,
    Tiles,
    grain_size,
    halve,
    metal_tiles,
    tile_grid,
    usable_tiles,
)
from gdest.grading.batching import Predictor, joined
from gdest.grading.doubts import measured_doubts
from gdest.grading.spatial_patterns import FEWEST_FOR_PATTERNS

COARSE_G = 5.0
"""Below this G in the picture a tile holds few grains (12 at G 5); the picture is halved."""

GAPS_G = 4.0
"""From this G in a picture on, a tile shows enough grains (6) to tell whether their boundaries are in fragments."""

FINE_G = 10.0
"""Above this G in the picture a grain is less than 11 px across; the picture is enlarged to twice the size."""

G_PER_HALVING = 2.0
FEWEST_USABLE = 3
"""With fewer tiles left after banners, scale bars, mounting and reflections a person should look."""

FINE_TILES, FEW_TILES = 64, 9
"""Of fine grains the middles of at most so many tiles are enlarged; of fewer than a few tiles all four quarters."""

MOST_FINER = 0.75
"""By more than this the enlarged tiles move no map: of 64 fine synthetic micrographs none asked for more than 0.6."""

Picture = NDArray[np.uint8] | Regions
"""A grey picture (rows, cols), in memory or read region by region."""


def predict_grade_map(
    picture: Picture,
    predictor: Predictor,
    stride_px: int,
    not_metal: NDArray[np.bool_] | None = None,
    cell_px: int = 1,
) -> GradeMap:
    """Return the grade map of a grey picture (rows, cols), looking from further away at coarse grains.

    At fine ones it looks more closely, at a part of each tile: what it finds there moves the whole map.
    A tile that holds only a few grains says little, and dirt inside a large grain looks like small
    ones; so while the grains are coarse the picture is halved, as long as a tile still fits, and
    graded again. Self-similarity brings the numbers back to the file's own pixels. The first answer
    that is fine enough is kept, and compared with that of the next smaller picture. Tiles that
    `not_metal`, cells of `cell_px` pixels a side, covers are NaN; raises `MicrographError` when all are.
    """
    shown = _Shown(not_metal, cell_px, predictor, stride_px)
    looks = [_look(picture if isinstance(picture, Regions) else GreyImage(picture), 1.0, shown)]
    while looks[-1].in_picture < COARSE_G and looks[-1].can_be_halved:
        looks.append(_look(_halved(looks[-1].picture), looks[-1].zoom / 2.0, shown))
    kept = looks[-1]
    nearest = looks[-2:-1]
    larger = next((look.answers for look in nearest if look.in_picture >= GAPS_G), None)
    if kept.can_be_halved and kept.in_picture + G_PER_HALVING <= predictor.card.g_max:
        nearest = [_look(_halved(kept.picture), kept.zoom / 2.0, shown)]
        looks += nearest
    # tiles of another size hold other mixtures of grains, so a mixed field may differ by half its scatter
    gap = max(0.0, abs(nearest[0].mean - kept.mean) - 0.5 * float(np.nanstd(kept.seen))) if nearest else float("nan")
    grade_map, finer, enlarged = kept.grade_map, 0.0, 0
    if is_enlarged(kept.zoom, kept.in_picture):
        finer, enlarged = _seen_enlarged(kept, shown)
        gap = float(np.fmax(gap, abs(finer)))
    return replace(
        grade_map,
        g_seen=grade_map.g_seen + np.float32(np.clip(finer, -MOST_FINER, MOST_FINER)),
        tiles=sum(len(look.answers.g_seen) for look in looks) + enlarged,
        doubts=measured_doubts(kept.answers, gap, larger),
        closer=_closer(looks, kept),
    )


def is_enlarged(zoom: float, g_in_picture: float) -> bool:
    """Return whether grains that look like this in a picture of this zoom are also seen enlarged."""
    return zoom == 1.0 and g_in_picture > FINE_G


def _seen_enlarged(look: _Look, shown: _Shown) -> tuple[float, int]:
    """Return by how many G fine grains are finer than they were read, seen enlarged, and how many tiles tell that.

    The network tells grains of a few pixels poorly: above G 11 its error is halved by looking at them enlarged.
    The same tiles are compared, so it does not matter where they lie.
    """
    usable = np.flatnonzero(look.usable)
    picked = usable[np.linspace(0, len(usable) - 1, min(len(usable), FINE_TILES)).astype(int)]
    wanted = np.zeros(look.usable.size, bool)
    wanted[picked] = True
    parts = metal_tiles(look.picture, look.grid, wanted.reshape(look.usable.shape))
    answers = joined([shown.predictor.predict([_enlarged(part, few=len(picked) < FEW_TILES)]) for part in parts])
    before = float(look.seen.ravel()[picked].mean())
    return float(answers.g_seen.mean(dtype=np.float64)) + G_PER_HALVING - before, len(answers.g_seen)


def _enlarged(tiles: Tiles, *, few: bool) -> Tiles:
    """Return the middles of tiles at twice the size; of few tiles their quarters."""
    half, quarter = tiles.side // 2, tiles.side // 4
    inside = [(0, 0), (0, half), (half, 0), (half, half)] if few else [(quarter, quarter)]
    corners = np.concatenate([tiles.corners + np.array(at, np.int64) for at in inside])
    return Tiles(tiles.image, corners, tiles.side, enlarged=True)


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

    picture: GreyImage | Regions
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


def _look(picture: GreyImage | Regions, zoom: float, shown: _Shown) -> _Look:
    grid = shown.grid(picture.shape)
    usable = shown.usable(grid, zoom)
    if not usable.any():
        raise MicrographError("no tile shows metal only: banners, scale bars, mounting or reflections cover all")
    answers = joined([shown.predictor.predict([tiles]) for tiles in metal_tiles(picture, grid, usable)])
    return _Look(picture, zoom, grid, usable, answers, _can_be_halved(picture, zoom, shown))


def _can_be_halved(picture: GreyImage | Regions, zoom: float, shown: _Shown) -> bool:
    """Return whether tiles still fit at half the size, and where some are covered, whether enough are left."""
    if min(picture.shape) < 2 * shown.predictor.card.tile_px:
        return False
    grid = shown.grid(tuple(-(-side // 2) for side in picture.shape))
    usable = shown.usable(grid, zoom / 2.0)
    return bool(usable.all() or np.count_nonzero(usable) >= FEWEST_USABLE)


def _halved(picture: GreyImage | Regions) -> GreyImage | Regions:
    if isinstance(picture, GreyImage):
        return picture.halved()
    rows, cols = picture.shape
    return Regions((-(-rows // 2), -(-cols // 2)), lambda top, bottom: halve(picture[2 * top : 2 * bottom]))
