"""Tell the even ground of clean steel, whose boundaries have gaps, from what surrounds a field of view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FEWEST_CROSSINGS, LONGEST_CLEAR = 8, 0.15
"""Where grains are seen, so many boundaries at least reach the rim, and no more of it lies between two of them. A
turned scan touches it in four places, with a quarter of it between, an eyepiece leaves a fifth at each corner."""

OUTSIDE_SHARE, OUTSIDE_PART = 0.08, 0.5
"""Corners that surround a field lie outside the convex hull of all else: of the picture 0.1 for a scan turned by three
degrees, 0.15 and more for an eyepiece, and all of them if the turn is less. Grains in two corners hang together with
others inside it, and of the picture 0.01 to 0.07 lies outside."""

LEAST_LINE_CELLS = 6
"""Fewer cells side by side are a speck, as mounting has, not a boundary."""

Cells = NDArray[np.bool_]


def is_crossed_all_round(rest: Cells) -> bool:
    """Return whether lines reach the rim of the picture on all sides, as the boundaries of grains on an even ground do.

    What surrounds a field keeps it away from the rim, or lets it touch that in a few places far apart.
    """
    rest = _without_specks(rest)
    rim = np.concatenate([rest[0], rest[1:, -1], rest[-1, -2::-1], rest[-2:0:-1, 0]])
    at = np.flatnonzero(rim)
    clear = np.diff(at, append=at[:1] + len(rim)) - 1
    return bool(np.count_nonzero(clear) >= FEWEST_CROSSINGS and clear.max() <= LONGEST_CLEAR * len(rim))


def lies_outside(rest: Cells) -> bool:
    """Return whether a surround lies outside the convex hull of the rest of the picture, more or less."""
    from skimage.morphology import convex_hull_image

    lines = _without_specks(rest)
    outside = 1.0 - float(np.mean(convex_hull_image(lines))) if lines.any() else 1.0  # type: ignore[no-untyped-call]
    return outside >= min(OUTSIDE_SHARE, OUTSIDE_PART * (1.0 - float(rest.mean())))


def _without_specks(rest: Cells) -> Cells:
    from scipy import ndimage

    parts, _ = ndimage.label(rest, np.ones((3, 3)))
    return np.asarray(rest & (np.bincount(parts.ravel()) >= LEAST_LINE_CELLS)[parts])
