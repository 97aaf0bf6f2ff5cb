"""Measure each grain of a label map: place, area, shape, twins, and how much of it lies in a ring of fine grains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from gdest.core import NEIGHBOURS, BoundaryField
from gdest.grading.grains import SURE, Grains

Floats = NDArray[np.float64]

FINER_AREA = 8.0
"""Three G in area: what E1181 and E930 take for another size (FIELD.md 3.6)."""

TWIN_SHARE = 0.5
"""Of the side of a square as large as the grain: as many cells of twin boundary inside make it a twinned grain."""


@dataclass(frozen=True)
class GrainTable:
    """Hold one row per grain, (n,) each.

    `row_px` and `col_px` are its middle in px of the file, `area_um2` what of it is seen, `share` what it counts for
    by Saltikov, `aspect` the ratio of the axes of the ellipse with its second moments, `twinned` whether twin
    boundaries run in it, `ringed` the share of its outline beyond which lie grains finer by three G.
    """

    row_px: Floats
    col_px: Floats
    area_um2: Floats
    share: Floats
    aspect: Floats
    twinned: NDArray[np.bool_]
    ringed: Floats

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Return which grains no rim cuts."""
        return np.asarray(self.share == 1.0)


def measure_grains(field: BoundaryField, grains: Grains, cell_um: float) -> GrainTable:
    """Return the table of a field's grains, in the order of their labels."""
    labels, areas = grains.labels.ravel(), grains.areas.astype(np.float64)
    rows, cols = grains.labels.shape
    count, safe = len(areas), np.maximum(areas, 1.0)
    down = np.repeat(np.arange(rows, dtype=np.float64), cols)
    right = np.tile(np.arange(cols, dtype=np.float64), rows)

    def mean(values: Floats) -> Floats:
        return np.asarray(np.bincount(labels, values, count) / safe, np.float64)

    y, x = mean(down), mean(right)
    return GrainTable(
        row_px=(field.top + (y + 0.5) * field.cell_px)[1:],
        col_px=(field.left + (x + 0.5) * field.cell_px)[1:],
        area_um2=areas[1:] * cell_um**2,
        share=grains.shares[1:],
        aspect=_aspect(mean(down * down) - y * y, mean(right * right) - x * x, mean(down * right) - y * x)[1:],
        twinned=_twinned(field, grains)[1:],
        ringed=_ringed(grains)[1:],
    )


def joined_tables(tables: Sequence[GrainTable]) -> GrainTable:
    """Return the rows of all tables."""
    names = [part.name for part in fields(GrainTable)]
    return GrainTable(**{name: np.concatenate([getattr(table, name) for table in tables]) for name in names})


def _aspect(yy: Floats, xx: Floats, yx: Floats) -> Floats:
    """Return the longer over the shorter axis of ellipses with these second moments, a cell's own 1/12 added."""
    yy, xx = yy + 1.0 / 12.0, xx + 1.0 / 12.0
    middle, apart = (yy + xx) / 2.0, np.hypot((yy - xx) / 2.0, yx)
    return np.asarray(np.sqrt((middle + apart) / np.maximum(middle - apart, 1.0 / 12.0)))


def _twinned(field: BoundaryField, grains: Grains) -> NDArray[np.bool_]:
    """Return which labels (n + 1,) have twin boundaries inside, beyond the cells at their own boundary."""
    inside = (field.twin >= SURE) & (grains.edge == 0.0)
    cells = np.bincount(grains.labels[inside], minlength=len(grains.areas))
    return np.asarray(cells >= TWIN_SHARE * np.sqrt(grains.areas))


def _ringed(grains: Grains) -> Floats:
    """Return the share of each label's outline (n + 1,) that it has in common with grains finer by three G."""
    count = len(grains.areas)
    outline, ring = np.zeros(count), np.zeros(count)
    for here, there in NEIGHBOURS:
        a, b = grains.labels[here], grains.labels[there]
        at = (a != b) & (a > 0) & (b > 0)
        for own, other in (a[at], b[at]), (b[at], a[at]):
            outline += np.bincount(own, minlength=count)
            finer = grains.areas[other] * FINER_AREA <= grains.areas[own]
            ring += np.bincount(own, finer, count)
    return np.asarray(ring / np.maximum(outline, 1.0))
