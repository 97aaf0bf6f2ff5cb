"""Find the plain surround of a field of view: paper, a frame, a page or a program round it, the corners of a scan."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdest.reading.cells import CellColours, cell_colours
from gdest.reading.even_ground import is_crossed_all_round, lies_outside
from gdest.reading.tool_bars import tool_bars

PLAIN_STD = 6.0
"""Grey levels: paper as a scanner sees it has 3; a cell with a grain boundary in it has 20 and more."""

ALIKE = 5.0
"""Two cells side by side belong together where their means differ by no more in any colour."""

MOST_DRIFT = 40.0
"""Grey levels: unevenly lit paper may have as much from one side to the other. Smooth coarse grains whose boundaries
have gaps hang together too, over 80 in a drawn field."""

FEATURELESS = 0.99
"""A picture of which so much is plain shows nothing, as far out of focus; no field in it could be surrounded."""

FLAT_STD = 1.0
"""What a program draws has no noise at all, or that of JPEG."""

SIDE_SHARE, FLAT_SIDE_SHARE = 0.95, 0.6
"""So much of a whole side of the picture is of one plain surround, or drawn by a program."""

MOST_FLAT_INSIDE = 0.1
"""Where so much of the rest is as flat or as plain in the same colour, the picture itself is, not what surrounds it."""

LEAST_CORNER_CELLS = 12
"""A corner that is cut off is larger than this many cells of 8 px square."""

MOST_PARTS = 6
"""A program's surround is in few parts; more at the sides are the grains of a picture without noise."""

STRAIGHT_SHARE, NEAR_CELLS = 0.6, 3
"""Of a straight side the lines that reach in the least lie over so much of it; those near them do not drift."""

LEAST_FIELD_SHARE = 0.1
"""Of the parts that a surround leaves, one smaller than this share of the largest is a caption or a button."""

Cells = NDArray[np.bool_]


def find_surround(picture: NDArray[np.uint8], cell_px: int) -> Cells:
    """Return the cells that surround the field of view, writing and pictures beside it included.

    `picture` is (rows, cols[, 3]), both multiples of `cell_px`.
    """
    nothing = np.zeros((picture.shape[0] // cell_px, picture.shape[1] // cell_px), bool)
    if not _may_have_one(picture, cell_px):
        return nothing
    colours = cell_colours(picture, cell_px)
    plain = colours.std <= PLAIN_STD
    if plain.mean() >= FEATURELESS:
        return nothing
    labels = _alike(colours, plain)
    numbers = {*_of_whole_sides(labels), *_of_corners(labels, colours), *_of_programs(labels, colours)}
    found = np.isin(labels, [number for number in numbers if _is_one_colour(colours.mean[labels == number])])
    # a picture of nothing has no field that could be surrounded
    if not found.any() or found.all() or is_crossed_all_round(~found):
        return nothing
    found |= _cut_cells(picture, found, colours, cell_px)
    found = _without_leaks(_with_islands(found), colours)
    if (found & (colours.std <= FLAT_STD)).any():
        found |= tool_bars(picture, found, cell_px)
    return found


def _rims(cells: NDArray[Any]) -> list[NDArray[Any]]:
    return [cells[0], cells[-1], cells[:, 0], cells[:, -1]]


def _may_have_one(picture: NDArray[np.uint8], cell_px: int) -> bool:
    """Return whether a side is mostly plain, or two corners are; few pictures of metal alone are searched further."""
    strips = (picture[:cell_px], picture[-cell_px:], picture[:, :cell_px], picture[:, -cell_px:])
    rims = [(cell_colours(strip, cell_px).std <= PLAIN_STD).ravel() for strip in strips]
    corners = sum(bool(rims[side][end]) for side in (0, 1) for end in (0, -1))
    return corners >= 2 or any(rim.mean() >= FLAT_SIDE_SHARE for rim in rims)


def _alike(colours: CellColours, plain: Cells) -> NDArray[np.int64]:
    """Return a number for each cell: of plain cells that hang together by like colours the same, 0 for the others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    places = np.arange(plain.size).reshape(plain.shape)
    ends = []
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        near = np.abs(colours.mean[one] - colours.mean[other]).max(axis=2) <= ALIKE
        joined = near & plain[one] & plain[other]
        ends.append((places[one][joined], places[other][joined]))
    first, second = (np.concatenate(side) for side in zip(*ends, strict=True))
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(plain.size, plain.size))
    _, labels = connected_components(graph, directed=False)
    return np.where(plain, labels.reshape(plain.shape).astype(np.int64) + 1, 0)


def _of_whole_sides(labels: NDArray[np.int64]) -> list[int]:
    """Return the numbers of the parts that hold a whole side of the picture."""
    found = []
    for rim in _rims(labels):
        numbers, counts = np.unique(rim[rim > 0], return_counts=True)
        found += [int(number) for number in numbers[counts >= SIDE_SHARE * len(rim)]]
    return found


def _is_one_colour(means: NDArray[np.float32]) -> bool:
    """Return whether the cells of a part (n, colours) are of one colour; grains that run together drift from it."""
    low, high = np.percentile(means, (1.0, 99.0), axis=0)
    return bool((high - low).max() <= MOST_DRIFT)


def _of_corners(labels: NDArray[np.int64], colours: CellColours) -> list[int]:
    """Return the numbers of the parts in two or more corners that are of one colour, which little of the rest has."""
    corners = {int(labels[row, col]): colours.mean[row, col] for row in (0, -1) for col in (0, -1) if labels[row, col]}
    in_corners = [int(labels[row, col]) for row in (0, -1) for col in (0, -1)]
    sizes = np.bincount(labels.ravel())
    for number, colour in corners.items():
        like = [
            other for other, its in corners.items()
            if np.abs(its - colour).max() <= ALIKE and sizes[other] >= LEAST_CORNER_CELLS
        ]  # fmt: skip
        if sum(in_corners.count(other) for other in like) < 2:
            continue
        same = (labels > 0) & (np.abs(colours.mean - colour).max(axis=2) <= 2 * ALIKE)
        rest = ~np.isin(labels, like)
        if number in like and rest.any() and same[rest].mean() <= MOST_FLAT_INSIDE and lies_outside(rest):
            return like
    return []


def _of_programs(labels: NDArray[np.int64], colours: CellColours) -> list[int]:
    """Return the numbers of the flat parts at a side that a program has drawn; none where the field itself is flat."""
    flat = colours.std <= FLAT_STD
    sides = [rim for rim, is_flat in zip(_rims(labels), _rims(flat), strict=True) if is_flat.mean() >= FLAT_SIDE_SHARE]
    at_sides = sorted({int(number) for rim in sides for number in rim[rim > 0]})
    cells, flat_cells = np.bincount(labels.ravel()), np.bincount(labels[flat], minlength=int(labels.max()) + 1)
    numbers = [number for number in at_sides if flat_cells[number] >= FLAT_SIDE_SHARE * cells[number]]
    rest = ~np.isin(labels, numbers)
    return numbers if 0 < len(numbers) <= MOST_PARTS and rest.any() and flat[rest].mean() <= MOST_FLAT_INSIDE else []


def _without_leaks(found: Cells, colours: CellColours) -> Cells:
    """Return the surround without the grains at its edge that have its colour, where it is a frame with straight sides.

    How far it reaches in is told by the lines that reach in the least, which lie all along a straight side. The round
    field of an eyepiece and a turned scan have them in one place, and stay as they are; but where grains have the
    colour of those, nobody can tell them apart, and nothing is left.
    """
    if found.all():
        return found
    reaches = [_reach(lines) for lines in (found.T, found.T[:, ::-1], found, found[:, ::-1])]
    if None in reaches:
        colour = np.median(colours.mean[found], axis=0)
        like = (colours.std <= PLAIN_STD) & (np.abs(colours.mean - colour).max(axis=2) <= 2 * ALIKE)
        return np.ones_like(found) if like[~found].mean() > MOST_FLAT_INSIDE else found
    top, bottom, left, right = (int(reach or 0) for reach in reaches)
    cut = found.copy()
    cut[top : found.shape[0] - bottom, left : found.shape[1] - right] = False
    return cut


def _reach(lines: Cells) -> int | None:
    """Return how many cells a surround reaches in from the start of lines (n, cells); None where it is not straight.

    Lines that reach in much more than the least are grains in its colour.
    """
    depth = np.where(lines.all(axis=1), lines.shape[1], lines.argmin(axis=1))
    among = np.flatnonzero(depth < lines.shape[1])
    least = int(np.quantile(depth[among], 0.05, method="lower"))
    near = among[depth[among] <= least + NEAR_CELLS]
    straight = near[depth[near] <= least + 1]
    third = -(-len(near) // 3)
    drift = abs(float(np.median(depth[near[:third]]) - np.median(depth[near[-third:]])))
    is_long = straight[-1] - straight[0] >= STRAIGHT_SHARE * (among[-1] - among[0])
    # rather a few cells of metal less than a ragged edge of the surround in the field
    return int(np.quantile(depth[near], 0.75, method="higher")) if is_long and drift <= 1.0 else None


def _cut_cells(picture: NDArray[np.uint8], found: Cells, colours: CellColours, cell_px: int) -> Cells:
    """Return the cells that the edge of the surround cuts: the line of px beside it has its colour."""
    planes = picture[:, :, None] if picture.ndim == 2 else picture
    rows, cols = found.shape
    cells = planes.reshape(rows, cell_px, cols, cell_px, -1)
    cut = np.zeros_like(found)
    before, behind = np.s_[:-1], np.s_[1:]
    # of two neighbours the one that may be cut, the one in the surround, and the line of the first beside the second
    for here, there, line in (
        (np.s_[behind, :], np.s_[before, :], cells[1:, 0]),
        (np.s_[before, :], np.s_[behind, :], cells[:-1, -1]),
        (np.s_[:, behind], np.s_[:, before], cells[:, :, 1:, 0].swapaxes(1, 2)),
        (np.s_[:, before], np.s_[:, behind], cells[:, :, :-1, -1].swapaxes(1, 2)),
    ):
        at = np.nonzero(found[there] & ~found[here])
        step = np.abs(line[at].astype(np.float32) - colours.mean[there][at][:, None]).max(axis=2)
        cut[here][at] |= np.mean(step <= ALIKE, axis=1) >= 0.5
    return cut


def _with_islands(found: Cells) -> Cells:
    """Return the surround with what lies in it apart from the field of view: writing, buttons, other pictures."""
    from scipy import ndimage

    opened = ndimage.binary_opening(~found, np.ones((5, 5)))
    labels, count = ndimage.label(opened)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    fields = [number for number, size in enumerate(sizes, start=1) if size >= LEAST_FIELD_SHARE * sizes.max()]
    kept = ndimage.binary_dilation(np.isin(labels, fields), iterations=4, mask=~found)
    return np.asarray(~kept)
