"""Find lines that were drawn over a micrograph: measuring lines, grids, the cross and the rings of a reticle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ALIKE = 12
"""Grey levels: a drawn line has one colour, within the noise of JPEG."""

ON_LINE, BESIDE = 0.8, 0.35
"""So much of a row or column is of the line's colour on a line, and at most so much of those beside it."""

BESIDE_PX = 4
"""How far beside its middle a line is searched no more; it is up to 5 px thick."""

STEP = 25.0
"""Grey levels by which a line differs from the median of what it crosses."""

VIVID, MOST_VIVID = 90, 0.1
"""The span between the channels of a vivid colour; colour on more of a picture is its light or its etchant."""

LINE_SHARE, THICK_PX = 0.25, 12
"""A vivid mark is a line where it is longer than this share of the picture's smaller side, and nowhere so thick."""

MOST_IN_CROSS = 2
"""Lines each way of a reticle: a cross, single or double; more are a grid."""

RING_SAMPLES, LEAST_RING_PX = 2048, 20
"""Directions in which rings are sampled, closer than a cell on the largest; smaller ones lie in the cross's cells."""

SAMPLES = 128
"""Pixels of a row that are looked at first."""

Cells = NDArray[np.bool_]


def find_drawn_lines(overview: NDArray[np.uint8], marked: Cells, cell_px: int) -> Cells:
    """Return the cells that drawn lines cross, of a picture (rows, cols[, 3]) whose surround is `marked`.

    Lines in a vivid colour are found whatever their shape, others where they run along the rows or columns from one
    end of the field of view to the other, and rings where they lie round a cross of such lines.
    """
    found = np.zeros_like(marked)
    rows, cols = (np.flatnonzero((~marked).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return found
    field = np.s_[rows[0] * cell_px : (rows[-1] + 1) * cell_px, cols[0] * cell_px : (cols[-1] + 1) * cell_px]
    inside = overview[field]
    grey = inside if inside.ndim == 2 else inside[:, :, 1]
    down, across = _lines(grey), _lines(grey.T)
    found[rows[0] + down // cell_px, cols[0] : cols[-1] + 1] = True
    found[rows[0] : rows[-1] + 1, cols[0] + across // cell_px] = True
    for middle in _crossings(down, across):
        places = _rings(grey, middle) // cell_px + np.array([rows[0], cols[0]])
        found[places[:, 0], places[:, 1]] = True
    if inside.ndim == 3:
        places = np.argwhere(_vivid_lines(inside)) // cell_px + np.array([rows[0], cols[0]])
        found[places[:, 0], places[:, 1]] = True
    return found


def _lines(grey: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the rows of a picture (rows, cols) that a drawn line covers, and those half its width away."""
    some = np.ascontiguousarray(grey[:, :: max(1, grey.shape[1] // SAMPLES)].T)
    candidates = np.flatnonzero(_share_alike(some, medians(some)) >= ON_LINE)
    drawn = candidates[_stand_out(grey, candidates)]
    near = np.add.outer(drawn, np.arange(-2, 3)).ravel()
    return np.unique(near[(near >= 0) & (near < len(grey))])


def medians(greys: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the median of each column (cols,), by halving the range of greys: a fifth of the time of sorting them."""
    count = len(greys)
    low = np.zeros(greys.shape[1], np.uint8)
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        tried = low | np.uint8(bit)
        low = np.where(_counts(greys < tried) <= (count - 1) // 2, tried, low)
    if count % 2:
        return low.astype(np.float64)
    # of an even number the median lies between the middle two
    above = np.where(greys > low, greys, np.uint8(255)).min(axis=0)
    high = np.where(_counts(greys <= low) > count // 2, low, above)
    return (low.astype(np.float64) + high) / 2.0


def _counts(mask: Cells) -> NDArray[np.unsignedinteger]:
    """Return how much of each column is True; the smallest type that holds it is ten times as fast as the largest."""
    kind = np.uint8 if len(mask) < 256 else np.uint16 if len(mask) < 65536 else np.uint32
    return np.asarray(np.add.reduce(mask.view(np.uint8), axis=0, dtype=kind))


def _share_alike(greys: NDArray[np.uint8], colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each column that has its colour, within `ALIKE`."""
    lowest, highest = (np.clip(colours + by, 0, 255) for by in (-ALIKE, ALIKE))
    alike = (greys >= np.ceil(lowest).astype(np.uint8)) & (greys <= np.floor(highest).astype(np.uint8))
    return np.asarray(_counts(alike) / len(greys))


def _crossings(down: NDArray[np.int64], across: NDArray[np.int64]) -> list[tuple[float, float]]:
    """Return where the lines of a cross meet (row, col); nothing for a grid, which has many lines."""
    groups = [np.split(lines, np.flatnonzero(np.diff(lines) > 1) + 1) for lines in (down, across)]
    if not len(down) or not len(across) or max(map(len, groups)) > MOST_IN_CROSS:
        return []
    return [(float(row.mean()), float(col.mean())) for row in groups[0] for col in groups[1]]


def _rings(grey: NDArray[np.uint8], middle: tuple[float, float]) -> NDArray[np.int64]:
    """Return the pixels (n, 2) of the rings that are drawn round the middle of a cross, within the picture."""
    from scipy import ndimage

    most = int(min(middle[0], middle[1], grey.shape[0] - 1 - middle[0], grey.shape[1] - 1 - middle[1]))
    angles = np.linspace(0.0, 2.0 * np.pi, RING_SAMPLES, endpoint=False)
    radii = np.arange(max(most, 0))[:, None]
    row = np.rint(middle[0] + radii * np.sin(angles)).astype(np.int64)
    col = np.rint(middle[1] + radii * np.cos(angles)).astype(np.int64)
    if most <= LEAST_RING_PX:
        return np.zeros((0, 2), np.int64)
    by_radius = grey[row, col]
    # the middle is known to a pixel, so that a ring is smeared over three
    dark, bright = (extreme(by_radius, 3, axis=0) for extreme in (ndimage.minimum_filter1d, ndimage.maximum_filter1d))
    drawn = np.union1d(_lines(dark), _lines(bright))
    drawn = drawn[drawn > LEAST_RING_PX]
    return np.stack([row[drawn].ravel(), col[drawn].ravel()], axis=1)


def _stand_out(grey: NDArray[np.uint8], rows: NDArray[np.int64]) -> Cells:
    """Return which rows are of one colour that those on both sides lack; at the rim there is but one side."""
    found = np.ones(len(rows), bool)
    if not len(rows):
        return found
    sides = rows - BESIDE_PX, rows + BESIDE_PX
    looked_at = np.unique(np.clip([rows, *sides], 0, len(grey) - 1))
    colours = np.zeros(len(grey))
    colours[looked_at] = medians(np.ascontiguousarray(grey[looked_at].T))
    for others in sides:  # first by colour alone, which few rows of flat grains pass
        inside = (others >= 0) & (others < len(grey))
        found[inside] &= np.abs(colours[others[inside]] - colours[rows[inside]]) >= STEP
    for others, least, most in ((rows, ON_LINE, 1.0), *((side, 0.0, BESIDE) for side in sides)):
        here = np.flatnonzero(found & (others >= 0) & (others < len(grey)))
        share = _share_alike(np.ascontiguousarray(grey[others[here]].T), colours[rows[here]])
        found[here] = (share >= least) & (share <= most)
    return found


def _vivid_lines(colours: NDArray[np.uint8]) -> Cells:
    """Return the pixels (rows, cols) of long thin marks in a vivid colour."""
    from scipy import ndimage

    red, green, blue = (colours[:, :, channel] for channel in range(3))
    brightest = np.maximum(np.maximum(red, green), blue)
    vivid = brightest - np.minimum(np.minimum(red, green), blue) > VIVID
    nothing = np.zeros_like(vivid)
    reach = LINE_SHARE * min(vivid.shape)
    if not reach <= np.count_nonzero(vivid) <= MOST_VIVID * vivid.size:
        return nothing
    labels, _ = ndimage.label(vivid, np.ones((3, 3)))
    for number, (rows, cols) in enumerate(ndimage.find_objects(labels), start=1):
        if max(rows.stop - rows.start, cols.stop - cols.start) < reach:
            continue
        mark = labels[rows, cols] == number
        thick = ndimage.binary_erosion(mark, np.ones((THICK_PX, THICK_PX)))
        if not thick.any():
            nothing[rows, cols] |= mark
    return nothing
