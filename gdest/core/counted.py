"""The nouns of counting: what the network sees of boundaries, and what is counted on it.

Lengths are in um, areas in um2 and G is true where the pixel size is known; until then a px of the file counts as the
model's reference pixel size, as with `g_seen`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

BOUNDARY_CLASSES = ("grain", "twin", "particle")
"""What each channel of a boundary map is the probability of, in their order: a grain boundary, a twin boundary, and
a particle or pore with its inside."""


INTERCEPT_DEGREES = (0, 45, 90, 135)
"""The directions of straight test lines, degrees that they rise from the rows, to the right and up."""


class Mark(IntEnum):
    """Say what one cell of an overlay shows."""

    NOTHING = 0
    GRAIN = 1
    TWIN = 2
    PARTICLE = 3
    LARGEST = 4
    LINE = 5
    HIT = 6
    LEFT_OUT = 7


@dataclass(frozen=True)
class BoundaryField:
    """Hold the boundary map of one part of a micrograph: each of `BOUNDARY_CLASSES`, (rows, cols) uint8, 255 is sure.

    A cell is `cell_px` px of the file wide. `top` and `left` are the part's place in the file in px. `usable` marks
    the cells that show metal; None means that all do.
    """

    grain: NDArray[np.uint8]
    twin: NDArray[np.uint8]
    particle: NDArray[np.uint8]
    cell_px: float
    top: float = 0.0
    left: float = 0.0
    usable: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Overlay:
    """Hold what is drawn over a part of a micrograph: a `Mark` per cell (rows, cols) uint8, placed as its map."""

    marks: NDArray[np.uint8]
    cell_px: float
    top: float = 0.0
    left: float = 0.0


LINES = (0.15, 0.3)
"""Up to the first share of the boundaries that shows a line (`GrainCount.line_share`) a count does not move the
estimate, from the second on it does so fully. Real and drawn etches with lines have 0.33 to 0.95, those that part
grains by their grey alone at most 0.13; there the count of drawn etches is 0.4 too coarse, the estimate 0.1."""


@dataclass(frozen=True)
class GrainCount:
    """Hold what was counted on one micrograph by ASTM E112; NaN where it cannot be said, and `note` says why.

    `g` is the number that reports lead with, `g_low`..`g_high` its 95 % interval. `grains` is Saltikov's planimetric
    count, `intercepts` the weighed number of intercepts, `relative_accuracy` half the 95 % interval of the mean over
    the mean, a share. `by_direction_um` holds the mean intercepts along test lines at 0, 45, 90 and 135 degrees to the
    rows, `anisotropy` their longest over their shortest. `g_largest_grain` is the G of the largest grain found (E930).
    `areas_um2` (n,) holds the areas of the grains that lie whole in the picture. `homogeneity` is `uniform`,
    `duplex:<class of E1181>` or `unknown`, from the grains; empty without closed ones. `homogeneity_span` holds the
    coarsest and the finest G where `homogeneity_note` names them. `overlays` are the pictures of the parts, one unless
    the micrograph was counted in several. `spread` is by how many G counts of the sure boundaries only and of all
    possible ones differ: how far the boundaries are from closed. `line_share` is along which share of the boundaries a
    line is seen, not two greys side by side alone; NaN where nobody looked.
    """

    g: float = np.nan
    g_low: float = np.nan
    g_high: float = np.nan
    g_planimetric: float = np.nan
    g_intercepts: float = np.nan
    grains: float = np.nan
    intercepts: float = np.nan
    relative_accuracy: float = np.nan
    mean_intercept_um: float = np.nan
    by_direction_um: tuple[float, ...] = ()
    anisotropy: float = np.nan
    aspect_ratio: float = np.nan
    g_largest_grain: float = np.nan
    twinned_share: float = np.nan
    particle_share: float = np.nan
    spread: float = np.nan
    line_share: float = np.nan
    areas_um2: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    homogeneity: str = ""
    homogeneity_note: str = ""
    homogeneity_span: tuple[float, ...] = ()
    note: str = ""
    overlays: tuple[Overlay, ...] = ()

    @property
    def led_by_lines(self) -> float:
        """Return which part of its way, 0..1, an estimate moves to this count; all where nobody looked for lines."""
        return 1.0 if np.isnan(self.line_share) else float(np.interp(self.line_share, LINES, (0.0, 1.0)))
