"""Lay tiles over an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdest.core.records import GradeMap, TileGrid
from gdest.core.tiles import GreyImage, Regions, Tiles

COVERED_SHARE = 0.01
"""A tile of which more than this is not metal is left out: a thin scale bar across it is 2 %."""


def tile_grid(rows: int, cols: int, tile_px: int, stride_px: int) -> TileGrid:
    """Return tiles every `stride_px`; the last row and column end at the rim, and so overlap the ones before them more.

    Every pixel is covered when stride_px <= tile_px. Raises `ValueError` when no tile fits.
    """
    if min(rows, cols) < tile_px:
        raise ValueError(f"no tile of {tile_px} px fits into {cols}x{rows} px")
    return TileGrid(_starts(rows, tile_px, stride_px), _starts(cols, tile_px, stride_px), tile_px)


def metal_grid(
    shape: tuple[int, ...], tile_px: int, stride_px: int, not_metal: NDArray[np.bool_] | None, cell_px: float
) -> TileGrid:
    """Return the tiles of a picture of `shape` (rows, cols), laid over the rectangle in which there is metal.

    So a frame, a banner or a page round the field of view costs no more than itself. A cell of `not_metal` is
    `cell_px` px of the picture. Raises `ValueError` when no tile fits into the picture.
    """
    tile_grid(shape[0], shape[1], tile_px, stride_px)  # for its error
    if not_metal is None or not_metal.all():
        return tile_grid(shape[0], shape[1], tile_px, stride_px)
    starts = []
    for size, is_metal in zip(shape, ((~not_metal).any(axis=1), (~not_metal).any(axis=0)), strict=True):
        cells = np.flatnonzero(is_metal)
        # whole px inside the metal; a rectangle too narrow for a tile is widened, and its tiles are not usable
        first = min(math.ceil(cells[0] * cell_px), size - tile_px)
        last = max(min(math.floor((cells[-1] + 1) * cell_px), size), first + tile_px)
        starts.append(tuple(first + start for start in _starts(last - first, tile_px, stride_px)))
    return TileGrid(starts[0], starts[1], tile_px)


def _starts(size: int, tile_px: int, stride_px: int) -> tuple[int, ...]:
    last = size - tile_px
    starts = list(range(0, last + 1, stride_px))
    return tuple(starts if starts[-1] == last else [*starts, last])


def cut_tiles(pixels: NDArray[np.uint8], grid: TileGrid) -> NDArray[np.uint8]:
    """Return the tiles in reading order, shape (n, tile_px, tile_px), uint8."""
    side = grid.tile_px
    return np.stack([pixels[top : top + side, left : left + side] for top in grid.tops for left in grid.lefts])


def usable_tiles(grid: TileGrid, not_metal: NDArray[np.bool_] | None, cell_px: float) -> NDArray[np.bool_]:
    """Return which tiles show metal, (tile rows, tile cols); a cell of `not_metal` is `cell_px` px of the picture."""
    usable = np.ones(grid.shape, bool)
    if not_metal is None:
        return usable
    side = grid.tile_px
    covered = np.pad(not_metal.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0))).astype(np.float64)
    row_edges, col_edges = (np.arange(size) * cell_px for size in covered.shape)
    for row, top in enumerate(grid.tops):
        # the area covered above each of a tile's two edges; between two cells it grows in proportion
        above, below = (_at(covered, row_edges, edge) for edge in (top, top + side))
        for col, left in enumerate(grid.lefts):
            upto = np.interp([left, left + side], col_edges, below - above)
            usable[row, col] = (upto[1] - upto[0]) * cell_px**2 <= COVERED_SHARE * side**2
    return usable


def _at(covered: NDArray[np.float64], edges: NDArray[np.floating], at: float) -> NDArray[np.float64]:
    """Return the cumulative sums above a row of px, interpolated between the rows of cells."""
    place = float(np.interp(at, edges, np.arange(len(edges))))  # beyond the last edge it is that edge
    first = min(int(place), len(edges) - 2)
    return np.asarray(covered[first] + (place - first) * (covered[first + 1] - covered[first]))


def metal_tiles(picture: GreyImage | Regions, grid: TileGrid, usable: NDArray[np.bool_]) -> Iterator[Tiles]:
    """Yield the usable tiles in reading order: all at once, or row by row of a picture that is read by regions."""
    side, columns = grid.tile_px, np.array(grid.lefts, np.int64)
    if isinstance(picture, GreyImage):
        tops, lefts = np.nonzero(usable)
        yield Tiles(picture, np.stack([np.array(grid.tops, np.int64)[tops], columns[lefts]], axis=1), side)
        return
    for top, wanted in zip(grid.tops, usable, strict=True):
        if wanted.any():
            lefts = columns[wanted]
            yield Tiles(GreyImage(picture[top : top + side]), np.stack([np.zeros_like(lefts), lefts], axis=1), side)


def covered_px(grid: TileGrid, shown: NDArray[np.bool_]) -> int:
    """Return how many px of the picture the `shown` tiles cover; overlaps count once."""
    row_edges, col_edges = _edges(grid)
    _, count = _stacked(shown.astype(np.float64), shown, grid)
    return int(np.diff(row_edges) @ (count > 0) @ np.diff(col_edges))


def spread_tiles(
    values: NDArray[np.float32],
    grid: TileGrid,
    rows: int,
    cols: int,
    shape: tuple[int, int] | None = None,
    paint: Callable[[NDArray[np.float32]], NDArray[Any]] = np.asarray,
) -> NDArray[Any]:
    """Return each pixel's mean of the tiles that cover it, (rows, cols); NaN where none has a value.

    `rows` and `cols` are the size of the picture that the tiles lie on, `shape` that of the result where it differs.
    `paint` turns the means into something else, such as colours, before they are spread over their pixels.
    """
    shape = shape or (rows, cols)
    total, count = _stacked(values, np.isfinite(values), grid)
    # no tile reaches the last row and column
    cells = np.full((total.shape[0] + 1, total.shape[1] + 1), np.nan, np.float32)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN
        cells[:-1, :-1] = total / count
    heights, widths = (
        np.diff([*np.rint(edges * (size / whole)).astype(int), size])
        for edges, size, whole in zip(_edges(grid), shape, (rows, cols), strict=True)
    )
    return np.repeat(np.repeat(paint(cells), widths, axis=1), heights, axis=0)


def _edges(grid: TileGrid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and columns, in px, where a tile begins or ends, and 0, where the picture does."""
    rows, cols = (
        np.unique(np.append(np.add.outer((0, grid.tile_px), starts), 0)) for starts in (grid.tops, grid.lefts)
    )
    return rows, cols


def _stacked(
    values: NDArray[np.floating], known: NDArray[np.bool_], grid: TileGrid
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the sum of the known tiles' values in each cell between edges, and the number of these tiles."""
    row_edges, col_edges = _edges(grid)
    total = np.zeros((len(row_edges) - 1, len(col_edges) - 1))
    count = np.zeros(total.shape, np.int64)
    (top, bottom), (left, right) = (
        np.searchsorted(edges, np.add.outer((0, grid.tile_px), starts))
        for edges, starts in ((row_edges, grid.tops), (col_edges, grid.lefts))
    )
    for row, col in np.argwhere(known):
        cells = slice(top[row], bottom[row]), slice(left[col], right[col])
        total[cells] += values[row, col]
        count[cells] += 1
    return total, count


def tile_areas(grid: TileGrid) -> NDArray[np.float64]:
    """Return each tile's area in px, (rows, cols) of the grid; tiles that overlap share the area equally."""
    return np.outer(_lengths(grid.tops, grid.tile_px), _lengths(grid.lefts, grid.tile_px))


def _lengths(starts: tuple[int, ...], side: int) -> NDArray[np.float64]:
    cover = np.zeros(starts[-1] + side)
    for start in starts:
        cover[start : start + side] += 1.0
    share = 1.0 / np.maximum(cover, 1.0)
    return np.array([share[start : start + side].sum() for start in starts])


def area_by_half_grade(grade_map: GradeMap, shift: float = 0.0) -> list[tuple[float, float]]:
    """Return (G to a half grade, share of the graded area), coarsest first; `shift` is added to every G before."""
    grades, areas = grade_map.g_seen.astype(np.float64) + shift, tile_areas(grade_map.grid)
    known = np.isfinite(grades)
    steps = np.floor(grades[known] * 2.0 + 0.5) / 2.0
    total = float(areas[known].sum())
    return [(float(g), float(areas[known][steps == g].sum()) / total) for g in np.unique(steps)]
