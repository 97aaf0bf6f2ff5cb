"""Tell how grades of a mixed steel lie in a grade map: in a region, in bands, as a slope, or in patches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gdest.grading.spans import span_words

FEWEST_FOR_PATTERNS = 16
"""With fewer tiles chance arranges them in any pattern; their scatter alone must decide."""

MOST_PER_SIDE = 12
"""Larger maps are averaged to this many cells a side: a pattern is large, or it is none."""

SHUFFLES = 199
CHANCE = 0.05
"""How rarely shuffled tiles may show a pattern as clear as the one that is found."""

SMALLEST_REGION = 2
SMALLEST_REGION_SHARE = 0.05
"""Cells, and share of the cells: one odd tile is dirt as likely as it is coarse."""

ONE_WAY_SHARE = 0.7
TWO_LEVELS_SHARE = 0.8
SLOPE_SHARE = 0.8
"""Shares of what is beyond uniform scatter that a pattern must explain to give the mixture its name."""

ISOLATED_AREA = 0.2
"""A coarse region of more than this share of the area is one of two grades, not an exception."""


class Mixture(StrEnum):
    """Name how the grades of a duplex steel lie; suggestions, not ratings by ASTM E1181.

    A map of tiles shows no necklace: its rings are as narrow as the fine grains (size_classes.py finds them).
    """

    BANDING_HORIZONTAL = "banding-horizontal"
    BANDING_VERTICAL = "banding-vertical"
    GRADIENT = "gradient"
    BIMODAL = "bimodal"
    ISOLATED_COARSE = "isolated-coarse"
    WIDE_RANGE = "wide-range"
    NECKLACE = "necklace"


@dataclass(frozen=True)
class Pattern:
    """Hold a suggested type of mixture, the words for it, and the coarsest and finest G that they name, if they do."""

    kind: Mixture
    words: str
    span: tuple[float, ...] = ()


def cells_of(grades: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a grade map (rows, cols) without gaps, NaN as the mean, at most `MOST_PER_SIDE` cells a side."""
    known = np.isfinite(grades)
    cells = np.where(known, grades, grades[known].mean())
    for axis in (0, 1):
        parts = np.array_split(cells, min(MOST_PER_SIDE, cells.shape[axis]), axis=axis)
        cells = np.stack([part.mean(axis=axis) for part in parts], axis=axis)
    return cells


def shared_variance(cells: NDArray[np.float64]) -> float:
    """Return the variance (G squared) that one region, or the rows, or the columns share: scatter that has a place.

    Tiles that differ at random share little: of 30 about a third of their variance.
    """
    return float(_best_shares(cells[None])[0] * cells.var())


def is_coherent(cells: NDArray[np.float64]) -> bool:
    """Return whether a region, rows, columns or neighbours go together more than in almost any shuffled map.

    Too few cells always do, since their shuffled maps would as well.
    """
    if cells.size < FEWEST_FOR_PATTERNS:
        return True
    rng = np.random.default_rng(0)
    shuffled = rng.permuted(np.broadcast_to(cells.ravel(), (SHUFFLES, cells.size)), axis=1)
    maps = np.concatenate([cells[None], shuffled.reshape(SHUFFLES, *cells.shape)])
    for shares in (_best_shares(maps), _neighbour_shares(maps)):
        if np.mean(shares[1:] >= shares[0] - 1e-12) <= CHANCE:
            return True
    return False


def suggest(grades: NDArray[np.float64], areas: NDArray[np.float64], uniform_variance: float) -> Pattern:
    """Return the type that a mixed grade map (rows, cols) suggests.

    What varies in one direction only is a band, a slope or two parts side by side, whichever its profile is
    nearest to. `areas` (rows, cols) weighs the tiles for the shares that are told; `uniform_variance` is
    the scatter of single tiles that uniform steel shows as well.
    """
    cells = cells_of(grades)
    noise = uniform_variance * cells.size / max(np.isfinite(grades).sum(), cells.size)
    beyond = max(float(cells.var()) - noise, 1e-12)
    profiles = {"horizontal": cells.mean(axis=1), "vertical": cells.mean(axis=0)}
    direction = max(profiles, key=lambda name: float(profiles[name].var()))
    profile = profiles[direction]
    if float(profile.var()) - noise * len(profile) / cells.size >= ONE_WAY_SHARE * beyond:
        if _turns(profile) >= 2:
            return Pattern(Mixture(f"banding-{direction}"), f"{direction} bands")
        if len(profile) > 3 and _rest_of_slope(profile) < _rest_of_step(profile):
            return _gradient(profile)
        return _two_levels(grades, cells, areas)
    plane = float(_slope_shares(cells[None])[0] * cells.var())
    region = float(_region_shares(cells[None])[0] * cells.var())
    if plane >= SLOPE_SHARE * beyond and plane > region:
        return _gradient(cells)
    levels = _explained(cells, cells <= _otsu(cells)) * float(cells.var())
    if max(region, levels) >= TWO_LEVELS_SHARE * beyond:
        return _two_levels(grades, cells, areas)
    return _between(Mixture.WIDE_RANGE, "patches", cells)


def _gradient(cells: NDArray[np.float64]) -> Pattern:
    return _between(Mixture.GRADIENT, "a slope", cells)


def _between(kind: Mixture, what: str, cells: NDArray[np.float64]) -> Pattern:
    span = (float(cells.min()), float(cells.max()))
    return Pattern(kind, f"{what} {span_words(span, seen=True)}", span)


def _two_levels(grades: NDArray[np.float64], cells: NDArray[np.float64], areas: NDArray[np.float64]) -> Pattern:
    """Return `isolated-coarse` for one small coarse region, otherwise `bimodal`.

    The levels are the medians of two groups. A tile between them shows both, in proportion: counted as one or
    the other, the rim of a small region would double its area.
    """
    known = np.isfinite(grades)
    coarse = known & (grades <= _otsu(grades[known]))
    low, high = float(np.median(grades[coarse])), float(np.median(grades[known & ~coarse]))
    parts = np.clip((high - grades[known]) / max(high - low, 1e-6), 0.0, 1.0)
    share = float((parts * areas[known]).sum() / areas[known].sum())
    words = f"{share:.0%} of the area is {high - low:.1f} G coarser than the rest"
    is_one = int(ndimage.label(cells <= _otsu(cells), np.ones((3, 3)))[1]) == 1
    return Pattern(Mixture.ISOLATED_COARSE if share <= ISOLATED_AREA and is_one else Mixture.BIMODAL, words)


def _best_shares(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each map (n, rows, cols) the share of variance that its best region, rows or columns explain."""
    return np.maximum(_region_shares(maps), _line_shares(maps))


def _region_shares(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each map (n, rows, cols) the share of variance that its best rectangle and the rest explain."""
    count, rows, cols = maps.shape
    smallest = max(SMALLEST_REGION, SMALLEST_REGION_SHARE * rows * cols)
    centred = maps - maps.mean(axis=(1, 2), keepdims=True)
    total = (centred**2).sum(axis=(1, 2))
    sums = np.zeros((count, rows + 1, cols + 1))
    sums[:, 1:, 1:] = centred.cumsum(axis=1).cumsum(axis=2)
    best = np.zeros(count)
    for height in range(1, rows + 1):
        for width in range(1, cols + 1):
            size, rest = height * width, rows * cols - height * width
            if min(size, rest) >= smallest:
                inside = sums[:, height:, width:] - sums[:, :-height, width:]
                inside = inside - sums[:, height:, :-width] + sums[:, :-height, :-width]
                explained = (inside**2).max(axis=(1, 2)) * (1.0 / size + 1.0 / rest)
                best = np.maximum(best, explained / np.maximum(total, 1e-12))
    return best


def _line_shares(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each map (n, rows, cols) the share of variance between its rows, or columns if more."""
    total = np.maximum(maps.var(axis=(1, 2)), 1e-12)
    return np.asarray(np.maximum(maps.mean(axis=2).var(axis=1), maps.mean(axis=1).var(axis=1)) / total)


def _neighbour_shares(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each map (n, rows, cols) how alike neighbours are: products of their deviations over the variance."""
    centred = maps - maps.mean(axis=(1, 2), keepdims=True)
    below, beside = centred[:, 1:] * centred[:, :-1], centred[..., 1:] * centred[..., :-1]
    total = np.maximum((centred**2).sum(axis=(1, 2)), 1e-12)
    return np.asarray((below.sum(axis=(1, 2)) + beside.sum(axis=(1, 2))) / total)


def _slope_shares(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each map (n, rows, cols) the share of variance that a plane explains."""
    y, x = np.mgrid[0 : maps.shape[1], 0 : maps.shape[2]].astype(float)
    centred = maps - maps.mean(axis=(1, 2), keepdims=True)
    total = np.maximum((centred**2).sum(axis=(1, 2)), 1e-12)
    explained = np.zeros(len(maps))
    for axis in (y - y.mean(), x - x.mean()):
        if (axis**2).sum() > 0:
            explained += (centred * axis).sum(axis=(1, 2)) ** 2 / (axis**2).sum()
    return np.asarray(explained / total)


def _turns(profile: NDArray[np.float64]) -> int:
    """Return how often a profile crosses the middle between its ends."""
    middle = (profile.max() + profile.min()) / 2.0
    return int(np.sum(np.diff((profile > middle).astype(int)) != 0))


def _rest_of_slope(profile: NDArray[np.float64]) -> float:
    """Return the sum of squares that a straight line leaves of a profile, per degree of freedom left."""
    at = np.arange(len(profile))
    rest = float(((profile - np.polyval(np.polyfit(at, profile, 1), at)) ** 2).sum())
    return rest / (len(profile) - 2)


def _rest_of_step(profile: NDArray[np.float64]) -> float:
    """Return the same of two levels; the one line of tiles between them may show both, and counts as fitted."""
    ends = range(1, len(profile))
    parts = [(profile[:end], profile[start:]) for end in ends for start in (end, end + 1) if start < len(profile)]
    rest = min(float(sum(((part - part.mean()) ** 2).sum() for part in pair)) for pair in parts)
    return rest / max(len(profile) - 4, 1)


def _otsu(grades: NDArray[np.float64]) -> float:
    """Return the finest grade of the coarser of two groups, split where they are furthest apart (Otsu)."""
    ordered = np.sort(grades.ravel())
    count = len(ordered)
    first = np.arange(1, count)
    sums = np.cumsum(ordered)
    low, high = sums[:-1] / first, (sums[-1] - sums[:-1]) / (count - first)
    return float(ordered[int(np.argmax(first * (count - first) * (high - low) ** 2))])


def _explained(grades: NDArray[np.float64], group: NDArray[np.bool_]) -> float:
    """Return the share of variance between a group of tiles and the rest."""
    share = float(group.mean())
    if share in (0.0, 1.0):
        return 0.0
    contrast = float(grades[group].mean() - grades[~group].mean())
    return share * (1.0 - share) * contrast**2 / max(float(grades.var()), 1e-12)
