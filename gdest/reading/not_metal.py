"""Find what is not metal: surrounds, banners, scale bars, drawn lines, mounting at the rim, reflections."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gdest.core import CropRule, MicrographError
from gdest.reading.cells import per_cell
from gdest.reading.drawn_lines import find_drawn_lines
from gdest.reading.scale_bar import ScaleBar, find_scale_bars, label_zone, overlay_masks
from gdest.reading.surround import find_surround

CELL_PX = 8
"""Side of the square cells, each of which is marked as metal or not."""

BANNER_MOST, BANNER_LEAST_PX = 0.25, 12
"""A banner's height: at most this share of the picture, at least so many px."""

BANNER_SHARE, BANNER_GREYS, BANNER_STEP = 0.5, 3, 25
"""Half of a banner's row is its one colour, within so many greys; the micrograph beside it differs by so much."""

DARK, DARK_MOST = 0.15, 0.4
"""A mounting's cell: mean and brightest pixel, relative to the bright end of the picture."""

RIM_OPENING, RIM_LEAST_CELLS = 7, 250
"""Cells: mounting is thicker than 56 px, so that no wide boundary is taken for it, and larger than 126 px square."""

MOST_DARK_ELSEWHERE, MOST_LINES = 0.1, 0.1
"""Where so much of the rest is as dark, or so much of the dark is crossed by lines, it is metal in a dark field."""

WHITE, WHITE_OPENING, WHITE_LEAST_CELLS = 253, 5, 400
"""A reflection is larger than 160 px square."""

MOST_REFLECTIONS, MOST_WHITE_ELSEWHERE = 4, 0.05
"""More white patches, or white all over, are an overexposed picture of grains; its tiles stay."""


def find_not_metal(overview: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Return the cells of a picture (rows, cols[, 3]) that are not metal, (rows / 8, cols / 8) rounded up; or None."""
    rows, cols = overview.shape[:2]
    whole = rows % CELL_PX == cols % CELL_PX == 0
    margin = ((0, -rows % CELL_PX), (0, -cols % CELL_PX), (0, 0))[: overview.ndim]
    cells = overview if whole else np.pad(overview, margin, mode="symmetric")
    marked = find_surround(cells, CELL_PX)
    grey = overview if overview.ndim == 2 else overview[:, :, 1]
    for top, bottom in _banners(grey):
        marked[top // CELL_PX : -(-bottom // CELL_PX)] = True
    for bar in find_scale_bars(overview):
        for top, bottom, left, right in _bar_and_label(overview, bar):
            marked[top // CELL_PX : bottom // CELL_PX + 1, left // CELL_PX : right // CELL_PX + 1] = True
    marked |= find_drawn_lines(overview, marked, CELL_PX)
    marked |= _mounting(cells, marked) | _reflections(cells if cells.ndim == 2 else cells[:, :, 1])
    return marked if marked.any() else None


def not_metal_within(overview: NDArray[np.uint8], step: int, crop: CropRule | None) -> NDArray[np.bool_] | None:
    """Return the cells that are not metal, of a picture of which a rule may leave out px at the sides.

    `overview` is every `step`-th pixel of every `step`-th row. Raises `MicrographError` where the rule leaves no cell.
    """
    if crop is None:
        return find_not_metal(overview)
    rows, cols = (-(-side // CELL_PX) for side in overview.shape[:2])
    top, bottom, left, right = (-(-px // (CELL_PX * step)) for px in (crop.top, crop.bottom, crop.left, crop.right))
    if top + bottom >= rows or left + right >= cols:
        raise MicrographError(f"the crop of gdest.toml for {crop.glob!r} leaves nothing of it")
    found = np.ones((rows, cols), bool)
    field = np.s_[top : rows - bottom, left : cols - right]
    inside = overview[top * CELL_PX : (rows - bottom) * CELL_PX, left * CELL_PX : (cols - right) * CELL_PX]
    marked = find_not_metal(inside)
    found[field] = False if marked is None else marked
    return found


def _banners(grey: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Return the rows (top, bottom) of the banners, one at the lower and one at the upper rim at most."""
    found = []
    height = _banner_height(grey[::-1])
    if height:
        found.append((grey.shape[0] - height, grey.shape[0]))
    height = _banner_height(grey)
    if height:
        found.append((0, height))
    return found


def _banner_height(grey: NDArray[np.uint8]) -> int:
    """Return the height of the banner at the upper rim: rows of one colour with writing in it; 0 without one."""
    most = int(BANNER_MOST * grey.shape[0])
    colour = int(np.median(grey[: BANNER_LEAST_PX // 2]))
    if not (_share_of(colour, grey[: BANNER_LEAST_PX + 1]) >= 0.97).any():
        return 0
    part = grey[: most + 8]
    share = _share_of(colour, part)
    inside = share >= BANNER_SHARE
    ends = np.flatnonzero(~inside)
    height = int(ends[0]) if len(ends) else len(share)
    if not BANNER_LEAST_PX <= height <= most:
        return 0
    beyond = part[height + 1 : height + 8]
    return height if abs(float(np.median(beyond)) - colour) >= BANNER_STEP and share[height + 1] < 0.3 else 0


def _share_of(colour: int, part: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the share of each row that has the given grey, within `BANNER_GREYS`."""
    return np.asarray(np.mean(np.abs(part.astype(np.int16) - colour) <= BANNER_GREYS, axis=1))


def _bar_and_label(overview: NDArray[np.uint8], bar: ScaleBar) -> list[tuple[int, int, int, int]]:
    """Return the boxes (top, bottom, left, right) of a bar and of the solid patches and letters beside it."""
    from scipy import ndimage

    boxes = [(max(bar.top - 3, 0), bar.bottom + 3, max(bar.left - 3, 0), bar.right + 3)]
    zone_rows, zone_cols = label_zone(bar, overview.shape)
    for mask in overlay_masks(overview[zone_rows, zone_cols]):
        labels, _ = ndimage.label(mask)
        for rows, cols in ndimage.find_objects(labels):
            high, wide = rows.stop - rows.start, cols.stop - cols.start
            filled = mask[rows, cols].mean()
            top, left = zone_rows.start + rows.start, zone_cols.start + cols.start
            crosses = top <= bar.bottom and top + high > bar.top and left <= bar.right and left + wide > bar.left
            is_label = high >= 10 and wide >= 20 and filled >= 0.5
            if is_label or (crosses and wide <= bar.length_px + 8):
                boxes.append((top, top + high, left, left + wide))
    last_row, last_col = overview.shape[0] - 1, overview.shape[1] - 1
    return [(top, min(bottom, last_row), left, min(right, last_col)) for top, bottom, left, right in boxes]


def _mounting(cells: NDArray[np.uint8], marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the large dark parts that touch the rim: resin, or the shadow round a field of view."""
    if cells.ndim == 2:
        return _dark_at_rim(cells, marked)
    found = _dark_at_rim(cells[:, :, 1], marked)
    # a violet etch is dark in green alone
    return _dark_at_rim(cells.max(axis=2), marked) if found.any() else found


def _dark_at_rim(cells: NDArray[np.uint8], marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy import ndimage

    bright = float(np.percentile(cells[::4, ::4], 95))
    dark: NDArray[np.bool_] = per_cell(np.add, cells, CELL_PX, np.uint16) <= DARK * bright * CELL_PX**2
    if dark.any():
        dark &= per_cell(np.maximum, cells, CELL_PX, np.uint8) <= DARK_MOST * bright
    if not dark.any():
        return dark
    reach = RIM_OPENING
    # the mounting continues beyond the rim; without padding the opening would take a strip along it for thin
    wide = np.pad(dark, reach, mode="edge")
    opened = ndimage.binary_opening(ndimage.binary_closing(wide, np.ones((3, 3))), np.ones((reach, reach)))
    labels, count = ndimage.label(opened[reach:-reach, reach:-reach])
    at_rim = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    kept = [label for label in at_rim if label and sizes[label] >= RIM_LEAST_CELLS]
    found = np.isin(labels, kept)
    rest = ~ndimage.binary_dilation(found, iterations=3)
    has_lines = found.any() and np.mean(~dark[found]) > MOST_LINES
    if has_lines or (rest.any() and dark[rest].mean() > MOST_DARK_ELSEWHERE):
        return np.zeros_like(dark)
    return np.asarray(found & ~marked, np.bool_)


def _reflections(cells: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the large patches that are white throughout; nothing where white is spread all over the picture."""
    from scipy import ndimage

    first = cells[::CELL_PX, ::CELL_PX]  # pixel of each cell: at most as many cells are white
    nothing: NDArray[np.bool_] = np.zeros(first.shape, np.bool_)
    if np.count_nonzero(first >= WHITE) < WHITE_LEAST_CELLS:
        return nothing
    white = per_cell(np.minimum, cells, CELL_PX, np.uint8) >= WHITE
    opened = ndimage.binary_opening(white, np.ones((WHITE_OPENING, WHITE_OPENING)))
    labels, count = ndimage.label(opened)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    kept = [label for label in range(1, count + 1) if sizes[label] >= WHITE_LEAST_CELLS]
    patches = np.isin(labels, kept)
    around = ndimage.binary_dilation(patches, iterations=3)
    elsewhere = white[~around].mean() if not around.all() else 0.0
    if not kept or len(kept) > MOST_REFLECTIONS or elsewhere > MOST_WHITE_ELSEWHERE:
        return nothing
    return np.asarray(patches, np.bool_)
