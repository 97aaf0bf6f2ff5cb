"""Find how unlike grades lie in a grade map: in patches, in bands, as a slope, or anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]

FEWEST_FOR_PATTERNS = 16
"""With fewer tiles chance arranges them in any pattern; their scatter alone must decide."""

MOST_PER_SIDE = 12
"""Larger maps are averaged to this many cells a side: a pattern is large, or it is none."""

SHUFFLES = 199
CHANCE = 0.05
"""How rarely shuffled tiles may show a pattern as clear as the one that is found."""

SMALLEST_REGION = 2
"""Cells: one odd tile is dirt as likely as it is coarse."""

TWO_GROUPS_SHARE = 0.8
TWO_GROUPS_CONTRAST = 1.0
SMALLEST_GROUP = 0.08
ISOLATED_AREA = 0.2
SLOPE_SHARE = 0.6
BANDS_SHARE = 0.7


@dataclass(frozen=True)
class Pattern:
    """Hold a suggested type and the words for it."""

    kind: str
    words: str


def suggest(grades: Floats, areas: Floats) -> Pattern | None:
    """Return the suggested type of a scattered grade map (rows, cols); None when no pattern is seen.

    NaN cells count as the mean. `areas` (rows, cols) weighs the tiles for the shares that are told.
    """
    known = np.isfinite(grades)
    filled = np.where(known, grades, grades[known].mean())
    cells = _coarser(filled)
    if cells.size >= FEWEST_FOR_PATTERNS and not _is_coherent(cells):
        return None
    bands = _bands(cells)
    slope = _slope_share(cells)
    coarse = _coarse_group(filled)
    if bands is not None:
        return Pattern(f"banding-{bands}", f"{bands} bands")
    if slope >= SLOPE_SHARE and (coarse is None or slope > _explained(filled, coarse)):
        return Pattern("gradient", f"a slope from {filled.min():.1f} to {filled.max():.1f} G as seen")
    if coarse is None:
        return Pattern("wide-range", "a wide range of grades in patches")
    contrast = float(filled[~coarse].mean() - filled[coarse].mean())
    share = float(areas[coarse & known].sum() / areas[known].sum())
    words = f"{share:.0%} of the area is {contrast:.1f} G coarser than the rest"
    is_one = int(ndimage.label(coarse, np.ones((3, 3)))[1]) == 1
    return Pattern("isolated-coarse" if share <= ISOLATED_AREA and is_one else "bimodal", words)


def _coarser(grades: Floats) -> Floats:
    """Return the map averaged over blocks to at most `MOST_PER_SIDE` cells a side."""
    for axis in (0, 1):
        parts = np.array_split(grades, min(MOST_PER_SIDE, grades.shape[axis]), axis=axis)
        grades = np.stack([part.mean(axis=axis) for part in parts], axis=axis)
    return grades


def _is_coherent(cells: Floats) -> bool:
    """Return whether a region, bands or a slope stand out more than in almost any shuffled map."""
    rng = np.random.default_rng(0)
    shuffled = rng.permuted(np.broadcast_to(cells.ravel(), (SHUFFLES, cells.size)), axis=1)
    maps = np.concatenate([cells[None], shuffled.reshape(SHUFFLES, *cells.shape)])
    measures: tuple[Callable[[Floats], Floats], ...] = (_region_shares, _line_shares, _slope_shares, _neighbour_shares)
    for measure in measures:
        values = measure(maps)
        if np.mean(values[1:] >= values[0] - 1e-12) <= CHANCE:
            return True
    return False


def _region_shares(maps: Floats) -> Floats:
    """Return for each map (n, rows, cols) the share of variance that its best rectangle and the rest explain."""
    count, rows, cols = maps.shape
    centred = maps - maps.mean(axis=(1, 2), keepdims=True)
    total = (centred**2).sum(axis=(1, 2))
    sums = np.zeros((count, rows + 1, cols + 1))
    sums[:, 1:, 1:] = centred.cumsum(axis=1).cumsum(axis=2)
    best = np.zeros(count)
    for height in range(1, rows + 1):
        for width in range(1, cols + 1):
            size, rest = height * width, rows * cols - height * width
            if SMALLEST_REGION <= size <= rest or (rest >= SMALLEST_REGION and size > rest):
                inside = sums[:, height:, width:] - sums[:, :-height, width:]
                inside = inside - sums[:, height:, :-width] + sums[:, :-height, :-width]
                explained = (inside**2).max(axis=(1, 2)) * (1.0 / size + 1.0 / rest)
                best = np.maximum(best, explained / np.maximum(total, 1e-12))
    return best


def _line_shares(maps: Floats) -> Floats:
    """Return for each map (n, rows, cols) the share of variance between its rows, or columns if more."""
    total = np.maximum(maps.var(axis=(1, 2)), 1e-12)
    return np.asarray(np.maximum(maps.mean(axis=2).var(axis=1), maps.mean(axis=1).var(axis=1)) / total)


def _slope_shares(maps: Floats) -> Floats:
    """Return for each map (n, rows, cols) the share of variance that a plane explains."""
    y, x = np.mgrid[0 : maps.shape[1], 0 : maps.shape[2]].astype(float)
    centred = maps - maps.mean(axis=(1, 2), keepdims=True)
    total = np.maximum((centred**2).sum(axis=(1, 2)), 1e-12)
    explained = np.zeros(len(maps))
    for axis in (y - y.mean(), x - x.mean()):
        if (axis**2).sum() > 0:
            explained += (centred * axis).sum(axis=(1, 2)) ** 2 / (axis**2).sum()
    return np.asarray(explained / total)


def _neighbour_shares(maps: Floats) -> Floats:
    """Return for each map (n, rows, cols) how alike neighbours are: mean product of deviations over the variance."""
    centred = maps - maps.mean(axis=(1, 2), keepdims=True)
    along = (centred[:, 1:] * centred[:, :-1]).sum(axis=(1, 2)) + (centred[..., 1:] * centred[..., :-1]).sum(
        axis=(1, 2)
    )
    return np.asarray(along / np.maximum((centred**2).sum(axis=(1, 2)), 1e-12))


def _slope_share(cells: Floats) -> float:
    return float(_slope_shares(cells[None])[0])


def _bands(cells: Floats) -> str | None:
    """Return `horizontal` or `vertical` when rows or columns differ, back and forth rather than once."""
    total = max(float(cells.var()), 1e-12)
    for name, means in (("horizontal", cells.mean(axis=1)), ("vertical", cells.mean(axis=0))):
        if means.var() / total >= BANDS_SHARE and len(means) >= 3:
            middle = (means.max() + means.min()) / 2.0
            if int(np.sum(np.diff((means > middle).astype(int)) != 0)) >= 2:
                return name
    return None


def _coarse_group(grades: Floats) -> NDArray[np.bool_] | None:
    """Return which tiles (rows, cols) are the coarse of two well separated groups (Otsu); None without two."""
    ordered = np.sort(grades.ravel())
    count = len(ordered)
    first = np.arange(1, count)
    sums = np.cumsum(ordered)
    low, high = sums[:-1] / first, (sums[-1] - sums[:-1]) / (count - first)
    best = int(np.argmax(first * (count - first) * (high - low) ** 2))
    coarse = grades <= ordered[best]
    share = float(coarse.mean())
    separated = _explained(grades, coarse) >= TWO_GROUPS_SHARE and high[best] - low[best] >= TWO_GROUPS_CONTRAST
    return coarse if separated and SMALLEST_GROUP <= share <= 1.0 - SMALLEST_GROUP else None


def _explained(grades: Floats, group: NDArray[np.bool_]) -> float:
    """Return the share of variance between a group of tiles and the rest."""
    share = float(group.mean())
    if share in (0.0, 1.0):
        return 0.0
    contrast = float(grades[group].mean() - grades[~group].mean())
    return share * (1.0 - share) * contrast**2 / max(float(grades.var()), 1e-12)
