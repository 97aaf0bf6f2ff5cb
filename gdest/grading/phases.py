"""Tell two phases by the grey of the counted grains: pearlite among ferrite, or particles, with no greys between."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gdest.core import NEIGHBOURS
from gdest.grading.greys import GreyField
from gdest.grading.two_groups import two_groups

FEWEST_GRAINS = 10

TWO_GREYS, CLEAR_GREYS, SMALL_GREYS = 0.72, 0.9, 0.76
"""Share of the variance of the grains' grey, by area, that two greys explain: 0.74 to 0.97 in seven real fields of two
phases; 43 single-phase ones have 0.5 to 0.7, tint etches up to 0.80, and of 220 drawn ones the first has 0.86. From the
second on nothing lies between the two. The third is asked of small regions: 0.83 and 0.87 where large particles lie on
the boundaries, at most 0.70 in single-phase fields whose darker or brighter grains are small."""

LEAST_STEP = 30.0
"""Grey levels between the two: 37 to 163 there."""

LEAST_SHARE, MOST_SHARE = 0.05, 0.42
"""Share of the area that is of the other grey, 0.07 to 0.35 there: less are pores, more leaves no matrix."""

MOST_BESIDE = (0.78, 0.85)
"""Length of boundary between two such grains, over what there would be by chance: 0.08 to 0.74 there, since two regions
of pearlite side by side are one; 0.82 to 1.7 in single-phase steel, whatever the greys of its grains, and from 0.55 in
drawn etches without lines, whose neighbours are pushed apart in grey: one of 220 drawn fields is called. The second
where nothing lies between the two greys."""

LEAST_SURE = (2.5, 1.5)
"""Standard deviations of what there would be by chance (Poisson) by which there must be less; the second where nothing
lies between the two greys."""

MOST_SMALLER = 0.45
"""Mean and median area of such regions over those of the rest: 0.13 to 0.35 for large particles on boundaries, 0.51 and
more in single-phase fields whose greys fall in two as clearly."""

PAIRS_PER_GRAIN = 3.0
"""Boundaries of a plane section, of which each grain has six and shares each with another."""


@dataclass(frozen=True)
class TwoGreys:
    """Hold how the grey of the grains of some fields falls in two; the two part above the grey `darkest`.

    `explained` is the share of variance that this explains, `step` how far the two lie apart. Of the one with less
    area, the dark one or not, `share` is that of the area, and `smaller` how much smaller its grains are, by their mean
    or their median area, whichever says less. How they lie is only found out when it is asked for, since it takes a
    look at every cell.
    """

    explained: float
    step: float
    darkest: float
    is_dark: bool
    share: float
    smaller: float
    fields: Sequence[GreyField] = field(repr=False)

    @property
    def beside(self) -> float:
        """Return the length of boundary between two such grains over what there would be if greys lay by chance."""
        return self._lie[0]

    @property
    def sure(self) -> float:
        """Return by how many standard deviations it is less."""
        return self._lie[1]

    @property
    def lie_apart(self) -> bool:
        """Return whether such grains lie side by side seldom, as regions of a second phase do."""
        clear = self.explained >= CLEAR_GREYS
        return self.beside <= MOST_BESIDE[clear] and self.sure >= LEAST_SURE[clear]

    @cached_property
    def _lie(self) -> tuple[float, float]:
        return _beside(self.fields, [self._are_such(one) for one in self.fields])

    def _are_such(self, one: GreyField) -> NDArray[np.bool_]:
        return np.asarray((one.areas > 0) & ((one.greys <= self.darkest) == self.is_dark))


def second_phase(fields: Sequence[GreyField]) -> Iterator[str]:
    """Yield why a micrograph may show two phases, if its counted grains have two greys."""
    found = two_greys(fields)
    if found is None or found.explained < TWO_GREYS or found.step < LEAST_STEP or found.share < LEAST_SHARE:
        return
    shade = "darker" if found.is_dark else "brighter"
    told = f"regions on {found.share:.0%} of the area are {shade} than the rest by {found.step:.0f} grey levels"
    if found.explained >= SMALL_GREYS and found.smaller <= MOST_SMALLER:
        yield f"small {told}: if they are particles or a second phase, G is not that of the grains"
    elif found.share <= MOST_SHARE and found.lie_apart:
        yield (
            f"{told} and seldom side by side: if that is a second phase, such as pearlite, G is not that of the grains"
        )


def two_greys(fields: Sequence[GreyField]) -> TwoGreys | None:
    """Return how the grey of the grains falls in two (Otsu, by area); None for few grains."""
    greys = np.concatenate([one.greys[one.areas > 0] for one in fields] or [np.zeros(0)])
    if len(greys) < FEWEST_GRAINS:
        return None
    areas = np.concatenate([one.areas[one.areas > 0] for one in fields])
    order = np.argsort(greys)
    grey, weight = greys[order], areas[order] / areas.sum()
    split = two_groups(grey, weight)
    variance = float((weight * (grey - float((weight * grey).sum())) ** 2).sum())
    explained = split.explained / max(variance, 1e-12)
    dark, bright = weight[: split.lower], weight[split.lower :]
    is_dark = split.share <= 0.5
    such, rest = (dark, bright) if is_dark else (bright, dark)
    smaller = max(such.mean() / rest.mean(), float(np.median(such) / np.median(rest)))
    darkest = float(grey[split.lower - 1])
    return TwoGreys(explained, split.apart, darkest, is_dark, float(such.sum()), float(smaller), fields)


def _beside(fields: Sequence[GreyField], such: Sequence[NDArray[np.bool_]]) -> tuple[float, float]:
    """Return `beside` and `sure` of some of the grains (n + 1,) of each field.

    By chance the share of the boundaries between two such grains is the square of the share of sides that they have.
    """
    sides, grains = np.zeros(3), 0
    for one, are_such in zip(fields, such, strict=True):
        row, col = ndimage.distance_transform_edt(one.labels == 0, return_distances=False, return_indices=True)
        whole = one.labels[row, col]
        grains += int(np.count_nonzero(one.areas))
        for here, there in NEIGHBOURS:
            at = whole[here] != whole[there]
            both = are_such[whole[here][at]].astype(np.int64) + are_such[whole[there][at]]
            sides += np.bincount(both, minlength=3)
    if not sides.any():
        return 1.0, 0.0
    chance = (float(sides[1] / 2.0 + sides[2]) / float(sides.sum())) ** 2
    beside = float(sides[2] / sides.sum()) / max(chance, 1e-12)
    return beside, (1.0 - beside) * math.sqrt(chance * PAIRS_PER_GRAIN * grains)
