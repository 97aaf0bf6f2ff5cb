"""Count intercepts by ASTM E112: Heyn's straight test lines in four directions, and Abrams' three circles.

Test lines run over the grains that all possible boundaries would close. A crossing counts as much as its boundary is
likely to be there, so that boundaries found in doubt and boundaries missed in doubt cancel on average.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gdest.core import INTERCEPT_DEGREES, grain_size, student_t
from gdest.grading.grains import Grains

ABRAMS_DIAMETERS = (79.58, 53.05, 26.53)
"""Of the three circles in mm, 500 mm of line together (E112); drawn as large as a part allows."""

CIRCLE_SHARE = 0.95
"""Of the part's shorter side that the largest circle spans."""

TRIPLE, TANGENT, END = 1.5, 1.0, 0.5
"""What a test line counts for through a triple point, along a boundary that it only touches, and where it ends on one
(E112, FIELD.md 3.3)."""


@dataclass(frozen=True)
class TestLine:
    """Hold one test line: its direction (-1 a circle), its cells as flat indices, and the length of a step in cells."""

    __test__ = False

    direction: int
    cells: NDArray[np.int64]
    step: float


@dataclass(frozen=True)
class Hits:
    """Hold what test lines met: per line its direction, length in um, and weighed hits, all (lines,)."""

    direction: NDArray[np.int64]
    length_um: NDArray[np.float64]
    hits: NDArray[np.float64]


@dataclass(frozen=True)
class Intercepts:
    """Hold an intercept count: the weighed number, the mean in um, the means along 0, 45, 90 and 135 degrees.

    `deviation` is the standard deviation of a line's hits per length over their mean, `relative_accuracy` the relative
    half-width of the 95 % interval of the mean.
    """

    count: float
    mean_um: float
    by_direction_um: tuple[float, ...]
    deviation: float
    relative_accuracy: float

    @property
    def g(self) -> float:
        """Return G from the mean lineal intercept (E112: -6.643856 log10(l in mm) - 3.288).

        E112's constant is that of circles. Grains that fill a plane have longer outlines for their area and read finer:
        hexagons by 0.14 G, sections of a Poisson-Voronoi tessellation by 0.2.
        """
        return float(grain_size.g_from_mean_intercept_um(self.mean_um)) if self.count > 0 else float("nan")

    @property
    def anisotropy(self) -> float:
        """Return the longest over the shortest mean intercept of the four directions."""
        known = [mean for mean in self.by_direction_um if np.isfinite(mean)]
        return max(known) / min(known) if len(known) == len(INTERCEPT_DEGREES) else float("nan")


def test_lines(shape: tuple[int, int], spacing: float) -> list[TestLine]:
    """Return straight lines in four directions, `spacing` cells apart, and three circles, on a map (rows, cols)."""
    rows, cols = shape
    apart = max(round(spacing), 1)
    slanted = max(round(spacing * math.sqrt(2.0)), 1)
    flat = np.arange(rows * cols).reshape(shape)
    lines = [TestLine(0, flat[y], 1.0) for y in range(apart // 2, rows, apart)]
    lines += [TestLine(2, flat[:, x], 1.0) for x in range(apart // 2, cols, apart)]
    for direction, turned in (3, flat), (1, flat[::-1]):
        offsets = range(-rows + slanted // 2 + 1, cols, slanted)
        lines += [TestLine(direction, np.diagonal(turned, offset), math.sqrt(2.0)) for offset in offsets]
    return [*lines, *_circles(flat)]


test_lines.__test__ = False  # type: ignore[attr-defined]


def _circles(flat: NDArray[np.int64]) -> list[TestLine]:
    """Return Abrams' circles around the middle of a map of flat indices, closed: the first cell is also the last."""
    rows, cols = flat.shape
    found = []
    for diameter in ABRAMS_DIAMETERS:
        radius = CIRCLE_SHARE * (min(rows, cols) - 1) / 2.0 * diameter / ABRAMS_DIAMETERS[0]
        steps = max(round(2.0 * math.pi * radius), 8)
        angle = 2.0 * math.pi * np.arange(steps + 1) / steps
        down = np.rint((rows - 1) / 2.0 + radius * np.sin(angle)).astype(int)
        right = np.rint((cols - 1) / 2.0 + radius * np.cos(angle)).astype(int)
        down[-1], right[-1] = down[0], right[0]
        found.append(TestLine(-1, flat[down, right], 2.0 * math.pi * radius / steps))
    return found


def meet(grains: Grains, lines: Sequence[TestLine], cell_um: float) -> tuple[Hits, NDArray[np.int64]]:
    """Return what each line meets, and the cells of the hits as flat indices.

    Boundaries crossed within a cell of each other are one hit: a triple point if a third grain touches it, a tangent
    if the line comes back to the grain that it left. Lines end at the rim and where cells are left out; a circle has
    no end.
    """
    cells = np.concatenate([line.cells for line in lines])
    owner = np.repeat(np.arange(len(lines)), [len(line.cells) for line in lines])
    label, edge = grains.possible.ravel()[cells], grains.edge.ravel()[cells]
    junction = _junctions(grains.possible).ravel()[cells]
    inside = (owner[1:] == owner[:-1]) & (label[1:] > 0) & (label[:-1] > 0)
    at = np.flatnonzero(inside & (label[1:] != label[:-1]))
    straight = np.array([line.direction >= 0 for line in lines])
    first = np.concatenate([[True], ~inside])  # cells at which a stretch of line begins
    last = np.concatenate([~inside, [True]])
    ends = (first[at] | last[at + 1]) & straight[owner[at]]
    begins = np.flatnonzero(np.concatenate([[True], (np.diff(at) > 1) | (np.diff(owner[at]) > 0)])[: len(at)])
    worth = _worth(at, begins, label, junction[at] & junction[at + 1], ends)
    slanted = np.array([line.step > 1.2 for line in lines])[owner[at]]  # one cell of a slanted step may lie apart
    weight = np.where(slanted, np.maximum(edge[at], edge[at + 1]), np.minimum(edge[at], edge[at + 1]))
    value = worth * (np.maximum.reduceat(weight, begins) if len(begins) else weight)
    stretches = np.bincount(owner[first & (label > 0)], minlength=len(lines))
    lengths = np.bincount(owner[:-1], inside, len(lines)) + straight * stretches
    step = np.array([line.step for line in lines])
    hits = np.asarray(np.bincount(owner[at[begins]], value, len(lines)), np.float64)
    found = Hits(np.array([line.direction for line in lines]), lengths * step * cell_um, hits)
    return found, cells[at[begins]][value > END / 2.0]


def _worth(
    at: NDArray[np.int64],
    begins: NDArray[np.int64],
    label: NDArray[np.int32],
    junction: NDArray[np.bool_],
    ends: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return what each hit counts for, a group of crossings `at` steps, groups beginning at `begins`."""
    if not len(begins):
        return np.zeros(0)
    stops = np.append(begins[1:], len(at)) - 1
    crossings = (stops - begins + 1).astype(np.float64)
    worth = crossings.copy()
    worth[(crossings == 2) | ((crossings == 1) & np.logical_or.reduceat(junction, begins))] = TRIPLE
    worth[(crossings == 2) & (label[at[begins]] == label[at[stops] + 1])] = TANGENT
    worth[np.logical_or.reduceat(ends, begins)] = END
    return worth


def _junctions(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return the cells (rows, cols) of every square of two by two cells in which three grains or more meet."""
    a, b, c, d = labels[:-1, :-1], labels[:-1, 1:], labels[1:, :-1], labels[1:, 1:]
    kinds = 1 + (b != a).astype(int) + ((c != a) & (c != b)) + ((d != a) & (d != b) & (d != c))
    found = np.zeros(labels.shape, bool)
    meets = (kinds >= 3) & (a > 0) & (b > 0) & (c > 0) & (d > 0)
    for part in np.s_[:-1, :-1], np.s_[:-1, 1:], np.s_[1:, :-1], np.s_[1:, 1:]:
        found[part] |= meets
    return found


def count_lineal(parts: Sequence[Hits]) -> Intercepts:
    """Return the intercept count over parts: hits and lengths add, circles count for the mean but have no direction.

    The interval is Student's t over the lines of a direction (FIELD.md 3.2), since lines of other directions meet
    the same grains.
    """
    direction = np.concatenate([part.direction for part in parts])
    length = np.concatenate([part.length_um for part in parts])
    hits = np.concatenate([part.hits for part in parts])
    total = float(hits.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        ways = range(len(INTERCEPT_DEGREES))
        means = tuple(float(length[direction == k].sum() / hits[direction == k].sum()) for k in ways)
        mean = float(length.sum() / total) if total > 0 else float("nan")
    straight = direction >= 0
    long = straight & (length > 0.5 * length[straight].max(initial=0.0))
    density = hits[long] / length[long]
    n = int(np.count_nonzero(long)) / len(INTERCEPT_DEGREES)
    if n < 2 or total <= 0:
        return Intercepts(total, mean, means, float("nan"), float("nan"))
    deviation = float(density.std(ddof=1) * mean)
    return Intercepts(total, mean, means, deviation, student_t(n) * deviation / math.sqrt(n))
