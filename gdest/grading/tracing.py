"""Lay the boundary maps of tiles together, into the fields that grains are counted on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gdest.core import BOUNDARY_CLASSES, BoundaryField, TileGrid, Tiles

MOST_TILES = 12
"""Tiles along a side of one field, 2688 px: more would only take more memory at a time."""

CELLS_PER_PX = 0.5
"""A boundary map has half the resolution of its tile."""


def blocks_of(count: int) -> list[slice]:
    """Return so many rows or columns of tiles in blocks of nearly one size, each at most `MOST_TILES`.

    >>> blocks_of(14)
    [slice(0, 7, None), slice(7, 14, None)]
    """
    edges = np.linspace(0, count, -(-count // MOST_TILES) + 1).round().astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(edges)]


def laid_together(
    maps: NDArray[np.uint8], grid: TileGrid, usable: NDArray[np.bool_], zoom: float
) -> Iterator[BoundaryField]:
    """Yield the fields of a picture from the maps (n, 3, side / 2, side / 2) of its usable tiles.

    The maps are in reading order. Where tiles overlap, each gives the half that lies nearer to its middle. Cells of
    tiles that show no metal are 0 and not usable; a block without any metal yields nothing.
    """
    numbers = np.cumsum(usable.ravel()).reshape(usable.shape) - 1
    down, across = _spans(grid.tops, grid.tile_px), _spans(grid.lefts, grid.tile_px)
    cell_px = 1.0 / (CELLS_PER_PX * zoom)
    for rows in blocks_of(len(grid.tops)):
        for cols in blocks_of(len(grid.lefts)):
            top, left = down[rows.start].start, across[cols.start].start
            shape = down[rows.stop - 1].stop - top, across[cols.stop - 1].stop - left
            drawn, metal = np.zeros((len(BOUNDARY_CLASSES), *shape), np.uint8), np.zeros(shape, bool)
            for row, col in np.argwhere(usable[rows, cols]) + np.array([rows.start, cols.start]):
                place = _moved(down[row], -top), _moved(across[col], -left)
                inside = (_moved(down[row], -_cells(grid.tops[row])), _moved(across[col], -_cells(grid.lefts[col])))
                drawn[:, place[0], place[1]] = maps[numbers[row, col]][:, inside[0], inside[1]]
                metal[place] = True
            if metal.any():
                yield _field(drawn, cell_px, top * cell_px, left * cell_px, None if metal.all() else metal)


def _field(
    drawn: NDArray[np.uint8], cell_px: float, top: float, left: float, usable: NDArray[np.bool_] | None = None
) -> BoundaryField:
    grain, twin, particle = drawn
    return BoundaryField(grain, twin, particle, cell_px, top, left, usable)


def _cells(px: float) -> int:
    return int(px * CELLS_PER_PX)


def _moved(span: slice, by: int) -> slice:
    return slice(span.start + by, span.stop + by)


def _spans(starts: Sequence[int], side: int) -> list[slice]:
    """Return the cells that each row or column of tiles gives; together they cover what the tiles do."""
    seams = [starts[0], *((first + side + second) // 2 for first, second in pairwise(starts)), starts[-1] + side]
    return [slice(_cells(first), _cells(last)) for first, last in pairwise(seams)]


def enlarged_fields(maps: NDArray[np.uint8] | None, tiles: Tiles, top: float = 0.0) -> list[BoundaryField]:
    """Return one field per tile that was shown at twice the size, from their maps; a cell is one px of the file."""
    if maps is None:
        return []
    return [
        _field(one, 1.0, top + float(corner[0]), float(corner[1]))
        for one, corner in zip(maps, tiles.corners, strict=True)
    ]
