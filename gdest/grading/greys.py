"""Lay the greys of a picture under the grains that were counted on it: the grey of each, and lines between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from gdest.core import Mark, Overlay, Regions, beyond_both, signs_above

BORDERS = (Mark.GRAIN, Mark.LARGEST, Mark.HIT, Mark.LEFT_OUT)
"""What separates grains in an overlay; the hits of test lines lie on boundaries."""

MOST_PARTS = 6
"""Of a picture that is read by regions so many parts, all over it, are looked at: each has its rows read anew."""

BAND_CELLS = 64
"""Rows of cells whose px are read at a time: those of a whole part, as wide as the picture, would fill the memory."""

FEWEST_CELLS = 6
"""Of a grain whose grey is looked at."""

BESIDE_CELLS = 3
"""How far from a boundary the ground on its two sides is looked at."""

FAR_CELLS = 2 * BESIDE_CELLS + 2
"""From the ground on one side to that on the other, both included."""

GROUND_CELLS = 3
"""Over so many cells the ground is averaged, since a single one is noise."""

LEAST_LINE = 0.05
"""Of the picture's greys: what a line must differ by from the ground on both sides."""

FEWEST_GREYS = 20.0
"""A picture of less contrast is looked at as if it had so much."""


@dataclass(frozen=True)
class GreyField:
    """Hold the grains of an overlay: numbers 1..n in `labels` (rows, cols), 0 between them, over the `grey` of a part.

    `greys` and `areas` (n + 1,) are of each grain: its mean grey and its area in px; small ones have no area.
    """

    labels: NDArray[np.int32]
    grey: NDArray[np.float32]
    greys: NDArray[np.float64]
    areas: NDArray[np.float64]


def grey_fields(picture: NDArray[np.uint8] | Regions, overlays: Sequence[Overlay]) -> list[GreyField]:
    """Return the grains of each overlay of a micrograph of grey pixels (rows, cols); of some if it is read by regions.

    Raises `MicrographError` where the file cannot be read any more.
    """
    if isinstance(picture, Regions) and len(overlays) > MOST_PARTS:
        overlays = [overlays[at] for at in np.linspace(0, len(overlays) - 1, MOST_PARTS).round().astype(int)]
    return [_grey_field(_grey_of_cells(picture, overlay), overlay) for overlay in overlays]


def _grey_of_cells(picture: NDArray[np.uint8] | Regions, overlay: Overlay) -> NDArray[np.float32]:
    """Return the mean grey of the px in each cell of an overlay (rows, cols)."""
    rows, cols = overlay.marks.shape
    across = slice(round(overlay.left), round(overlay.left) + round(cols * overlay.cell_px))
    bands = []
    for first in range(0, rows, BAND_CELLS):
        last = min(first + BAND_CELLS, rows)
        top, bottom = (round(overlay.top) + round(cell * overlay.cell_px) for cell in (first, last))
        band = Image.fromarray(picture[top:bottom][:, across])
        bands.append(np.asarray(band.resize((cols, last - first), Image.Resampling.BOX)))
    return np.concatenate(bands).astype(np.float32)


def _grey_field(grey: NDArray[np.float32], overlay: Overlay) -> GreyField:
    labels, count = ndimage.label(~np.isin(overlay.marks, BORDERS))
    cells = np.bincount(labels.ravel(), minlength=count + 1)
    sums = np.bincount(labels.ravel(), grey.ravel(), count + 1)
    cells[0] = 0
    areas = np.where(cells >= FEWEST_CELLS, cells * overlay.cell_px**2, 0.0)
    return GreyField(labels, grey, sums / np.maximum(cells, 1), areas)


def line_share(fields: Sequence[GreyField]) -> float:
    """Return along which share of the boundaries a line is seen, darker or brighter than the ground on both its sides.

    Where two grains differ in grey alone, the boundary lies between the two. Places where it is darker and where it is
    brighter count against each other, so that noise makes no line. NaN where no two grains meet.
    """
    signs = np.concatenate([np.zeros(0), *(sign for one in fields for sign in _signs(one))])
    return abs(float(signs.mean())) if len(signs) else float("nan")


def _signs(one: GreyField) -> list[NDArray[np.float32]]:
    """Return 1 and -1 where two grains meet, along rows and along columns, and a line is seen, 0 where none is."""
    shown = one.grey[::4, ::4][one.labels[::4, ::4] > 0]  # a frame, which is left out, has greys of its own
    low, high = np.percentile(shown, [1.0, 99.0]) if len(shown) else (0.0, 0.0)
    least = LEAST_LINE * max(float(high - low), FEWEST_GREYS)
    ground = ndimage.uniform_filter(one.grey, GROUND_CELLS)
    found = []
    for labels, grey, beside in ((one.labels, one.grey, ground), (one.labels.T, one.grey.T, ground.T)):
        row, col = np.nonzero(labels[:, BESIDE_CELLS : BESIDE_CELLS - FAR_CELLS + 1] == 0)
        first, second = labels[row, col], labels[row, col + FAR_CELLS - 1]
        parted = (first > 0) & (second > 0) & (first != second)
        row, col = row[parted], col[parted]
        here, there = beside[row, col], beside[row, col + FAR_CELLS - 1]
        beyond = np.zeros(len(row), np.float32)
        for at in range(BESIDE_CELLS - 1, BESIDE_CELLS + 2):  # the line may lie a cell beside where it is drawn
            above = beyond_both((grey[row, col + at] + grey[row, col + at + 1]) / 2.0, here, there)
            beyond = np.where(np.abs(above) > np.abs(beyond), above, beyond)
        found.append(signs_above(beyond, least))
    return found
