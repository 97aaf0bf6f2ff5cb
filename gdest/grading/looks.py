"""Look at a picture at one zoom: its grid, its usable tiles, and what a predictor answers for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gdest.core import (
    BoundaryField,
    GradeMap,
    GreyImage,
    MicrographError,
    Regions,
    TileAnswers,
    TileGrid,
    Tiles,
    grain_size,
    halve,
    metal_grid,
    metal_tiles,
    usable_tiles,
)
from gdest.grading.batching import Predictor, join_answers
from gdest.grading.tracing import blocks_of, laid_together

FEWEST_USABLE = 3
"""With fewer tiles left beside what is not metal a person should look."""

LEAST_USABLE = 0.75
"""Where fewer tiles show metal only, as in a round field of view, they are laid half a tile apart, to use it."""


@dataclass(frozen=True)
class Shown:
    """Hold what all looks at one micrograph share: where it shows no metal, the predictor and the stride."""

    not_metal: NDArray[np.bool_] | None
    cell_px: int
    predictor: Predictor
    stride_px: int

    def grid(self, shape: tuple[int, ...], zoom: float) -> TileGrid:
        """Return the tiles of a picture of this shape and zoom, over the rectangle in which there is metal."""
        side = self.predictor.card.tile_px
        stride_px = min(self.stride_px, side // 2) if self.is_part(shape, zoom) else self.stride_px
        return metal_grid(shape, side, stride_px, self.not_metal, self.cell_px * zoom)

    def is_part(self, shape: tuple[int, ...], zoom: float) -> bool:
        """Return whether a picture of this shape and zoom shows a part of its field only, as through an eyepiece."""
        if self.not_metal is None:
            return False
        grid = metal_grid(shape, self.predictor.card.tile_px, self.stride_px, self.not_metal, self.cell_px * zoom)
        return bool(self.usable(grid, zoom).mean() < LEAST_USABLE)

    def usable(self, grid: TileGrid, zoom: float) -> NDArray[np.bool_]:
        """Return which tiles of a picture of this zoom show metal."""
        return usable_tiles(grid, self.not_metal, self.cell_px * zoom)


@dataclass(frozen=True)
class Look:
    """Hold a picture at one zoom and the answers for its usable tiles."""

    picture: GreyImage | Regions
    zoom: float
    grid: TileGrid
    usable: NDArray[np.bool_]
    answers: TileAnswers
    can_be_halved: bool

    @property
    def tiles(self) -> int:
        """Return how many tiles the network saw."""
        return len(self.answers.g_seen)

    @property
    def grid_tiles(self) -> int:
        """Return how many tiles the grid has, usable or not."""
        return self.usable.size

    @property
    def in_picture(self) -> float:
        """Return the mean G seen at this zoom."""
        return float(np.nanmean(self.answers.g_seen))

    @property
    def seen(self) -> NDArray[np.float64]:
        """Return G seen of the tiles as they lie, moved to the file's own pixels; NaN where there is no metal."""
        grades = np.full(self.grid.shape, np.nan)
        grades[self.usable] = self.answers.g_seen
        return np.asarray(grain_size.g_after_zoom(grades, 1.0 / self.zoom))

    @property
    def mean(self) -> float:
        """Return the mean G seen, moved to the file's own pixels."""
        return float(np.nanmean(self.seen))

    @property
    def grade_map(self) -> GradeMap:
        """Return the grade map of this look alone."""
        told, places = self.answers.places, None
        if told is not None:
            places = np.full((*self.grid.shape, *told.shape[1:]), np.nan, np.float16)
            places[self.usable] = told
        return GradeMap(self.seen.astype(np.float32), self.grid, self.zoom, self.tiles, places=places)


def look_at(picture: GreyImage | Regions, zoom: float, shown: Shown) -> Look:
    """Return a look at a picture that has this zoom; raise `MicrographError` where no tile shows metal."""
    grid = shown.grid(picture.shape, zoom)
    usable = shown.usable(grid, zoom)
    if not usable.any():
        raise MicrographError(
            "no tile shows metal only: what surrounds it, scale bars, drawn lines or reflections cover all"
        )
    answers = join_answers([_answers(picture, tiles, shown) for tiles in metal_tiles(picture, grid, usable)])
    return Look(picture, zoom, grid, usable, answers, _can_be_halved(picture, zoom, shown))


def _answers(picture: GreyImage | Regions, tiles: Tiles, shown: Shown) -> TileAnswers:
    """Return the answers for tiles; the boundaries of a picture that is read by regions would fill the memory."""
    answers = shown.predictor.predict([tiles])
    return answers if isinstance(picture, GreyImage) else replace(answers, boundaries=None)


def fields_of(look: Look) -> tuple[BoundaryField, ...]:
    """Return what a look at a picture in memory shows of boundaries; nothing where they were not asked for."""
    maps = look.answers.boundaries
    return () if maps is None else tuple(laid_together(maps, look.grid, look.usable, look.zoom))


def drawn_by_blocks(picture: GreyImage | Regions, zoom: float, shown: Shown) -> Iterator[BoundaryField]:
    """Yield the fields of a picture that has this zoom, one block of tile rows after another."""
    grid = shown.grid(picture.shape, zoom)
    usable = shown.usable(grid, zoom)
    for rows in blocks_of(len(grid.tops)):
        wanted = np.zeros_like(usable)
        wanted[rows] = usable[rows]
        if wanted.any():
            parts = [shown.predictor.predict([tiles]) for tiles in metal_tiles(picture, grid, wanted)]
            maps = join_answers(parts).boundaries
            if maps is not None:
                yield from laid_together(maps, grid, wanted, zoom)


def _can_be_halved(picture: GreyImage | Regions, zoom: float, shown: Shown) -> bool:
    """Return whether tiles still fit at half the size, and where some are covered, whether enough are left."""
    if min(picture.shape) < 2 * shown.predictor.card.tile_px:
        return False
    grid = shown.grid(tuple(-(-side // 2) for side in picture.shape), zoom / 2.0)
    usable = shown.usable(grid, zoom / 2.0)
    return bool(usable.all() or np.count_nonzero(usable) >= FEWEST_USABLE)


def look_at_half(look: Look, shown: Shown) -> Look:
    """Return a look at the same picture at half the size."""
    return look_at(half_of(look.picture), look.zoom / 2.0, shown)


def half_of(picture: GreyImage | Regions) -> GreyImage | Regions:
    """Return a picture at half the size."""
    if isinstance(picture, GreyImage):
        return picture.halved()
    rows, cols = picture.shape
    return Regions((-(-rows // 2), -(-cols // 2)), lambda top, bottom: halve(picture[2 * top : 2 * bottom]))
