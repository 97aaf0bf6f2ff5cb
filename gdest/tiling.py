"""Lay tiles over an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gdest.records import TileGrid


def tile_grid(rows: int, cols: int, tile_px: int, stride_px: int) -> TileGrid:
    """Return tiles every `stride_px`; the last row and column are shifted inwards to the rim.

    Every pixel is covered when stride_px <= tile_px. Raises `ValueError` when no tile fits.
    """
    if min(rows, cols) < tile_px:
        raise ValueError(f"no tile of {tile_px} px fits into {cols}x{rows} px")
    return TileGrid(_starts(rows, tile_px, stride_px), _starts(cols, tile_px, stride_px), tile_px)


def _starts(size: int, tile_px: int, stride_px: int) -> tuple[int, ...]:
    last = size - tile_px
    starts = list(range(0, last + 1, stride_px))
    return tuple(starts if starts[-1] == last else [*starts, last])


def cut_tiles(pixels: NDArray[np.uint8], grid: TileGrid) -> NDArray[np.uint8]:
    """Return the tiles in reading order, shape (n, tile_px, tile_px), uint8."""
    side = grid.tile_px
    return np.stack([pixels[top : top + side, left : left + side] for top in grid.tops for left in grid.lefts])


def spread_tiles(values: NDArray[np.float32], grid: TileGrid, rows: int, cols: int) -> NDArray[np.float32]:
    """Return each pixel's mean of the tiles that cover it, (rows, cols); NaN where none has a value."""
    total = np.zeros((rows, cols), np.float32)
    count = np.zeros((rows, cols), np.float32)
    side = grid.tile_px
    for row, top in enumerate(grid.tops):
        for col, left in enumerate(grid.lefts):
            if np.isfinite(values[row, col]):
                total[top : top + side, left : left + side] += values[row, col]
                count[top : top + side, left : left + side] += 1
    with np.errstate(invalid="ignore"):
        return np.asarray(total / np.where(count > 0, count, np.nan), np.float32)
