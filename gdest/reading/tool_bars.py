"""Find what a program has drawn at the edge of a field of view in a picture of a computer's screen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_DRAWN, MORE_DRAWN = 0.6, 0.25
"""Of a tool bar at least this share of pixels equals the one to the left, and so much more than in the field."""

Cells = NDArray[np.bool_]


def tool_bars(picture: NDArray[np.uint8], found: Cells, cell_px: int) -> Cells:
    """Return the rows and columns of cells at the edge of the field that a program has drawn.

    There hardly a pixel differs from the one beside it, as it does by noise in the middle of the field.
    """
    bars = np.zeros_like(found)
    if found.all():
        return bars
    down, across = (np.flatnonzero((~found).any(axis=axis)) for axis in (1, 0))
    rows, cols = slice(down[0], down[-1] + 1), slice(across[0], across[-1] + 1)
    field = picture[rows.start * cell_px : rows.stop * cell_px, cols.start * cell_px : cols.stop * cell_px]
    planes = field[:, :, None] if field.ndim == 2 else field
    same = (planes[:, 1:] == planes[:, :-1]).all(axis=2)
    same = np.pad(same, ((0, 0), (0, 1)), mode="edge")
    cells = same.reshape(field.shape[0] // cell_px, cell_px, -1, cell_px).mean(axis=(1, 3))
    inside = ~found[rows, cols]
    for lines, axis in ((bars[rows, cols], 1), (bars[rows, cols].T, 0)):
        share = (cells * inside).sum(axis=axis) / np.maximum(inside.sum(axis=axis), 1)
        drawn = share >= max(LEAST_DRAWN, float(np.median(share)) + MORE_DRAWN)
        lines[: int(drawn.argmin())] = True
        lines[len(drawn) - int(drawn[::-1].argmin()) :] = True
    return bars
