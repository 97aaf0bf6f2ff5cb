"""Draw over a boundary map what was counted on it, so that a person can check it by eye."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gdest.core import BoundaryField, Mark, Overlay, boundary_mask
from gdest.grading.grains import SURE, Grains
from gdest.grading.lineal import TestLine


def draw_overlay(field: BoundaryField, grains: Grains, lines: Sequence[TestLine], hits: NDArray[np.int64]) -> Overlay:
    """Return the overlay of a field, one cell per cell of its map, without the largest grain.

    Of the test lines only Abrams' circles are drawn, with their hits: all lines would cover the grains. `hits` are
    flat indices of cells.
    """
    marks = np.full(field.grain.shape, Mark.NOTHING, np.uint8)
    circles = np.zeros(marks.size, bool)
    for line in lines:
        if line.direction < 0:
            circles[line.cells] = True
    on_circles = np.zeros(marks.size, bool)
    on_circles[hits[circles[hits]]] = True
    marks.ravel()[circles] = Mark.LINE
    marks[field.twin >= SURE] = Mark.TWIN
    marks[field.particle >= SURE] = Mark.PARTICLE
    marks[boundary_mask(grains.labels)] = Mark.GRAIN
    marks.ravel()[on_circles] = Mark.HIT
    marks[grains.labels == 0] = Mark.LEFT_OUT
    return Overlay(marks, field.cell_px, field.top, field.left)


def outline_of_largest(grains: Grains) -> NDArray[np.int64]:
    """Return the cells along the rim of the largest grain of a field, as flat indices; none without a grain.

    Of each part of a picture this is kept until it is known which part has the largest grain of all.
    """
    if len(grains.areas) < 2:
        return np.zeros(0, np.int64)
    return np.flatnonzero(_rim_of(grains.labels == 1 + int(np.argmax(grains.areas[1:]))))


def with_largest(overlay: Overlay, outline: NDArray[np.int64]) -> Overlay:
    """Return the overlay with the outline of the largest grain below the hits of the test lines."""
    marks = overlay.marks.copy()
    free = outline[marks.ravel()[outline] != Mark.HIT]
    marks.ravel()[free] = Mark.LARGEST
    return replace(overlay, marks=marks)


def _rim_of(grain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cells of one grain that touch what is not of it, or the rim of the map."""
    inner = np.zeros_like(grain)
    inner[1:-1, 1:-1] = grain[:-2, 1:-1] & grain[2:, 1:-1] & grain[1:-1, :-2] & grain[1:-1, 2:]
    return grain & ~inner
