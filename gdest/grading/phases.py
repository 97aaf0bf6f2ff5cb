"""Tell two phases by the grey of the counted grains: pearlite lies dark among bright ferrite, and nothing between."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import ndimage

from gdest.core import NEIGHBOURS
from gdest.grading.greys import GreyField
from gdest.grading.two_groups import two_groups

FEWEST_GRAINS = 10

TWO_GREYS = 0.72
"""Share of the variance of the grains' grey, by area, that two greys explain: 0.74 to 0.97 in five real fields of two
phases; 43 single-phase ones have 0.5 to 0.7, tint etches up to 0.80."""

LEAST_STEP = 30.0
"""Grey levels between the two: 37 to 163 there."""

DARK_SHARE = (0.05, 0.42)
"""Share of the area that is dark, 0.13 to 0.30 there: less are pores, more leaves no bright matrix."""

MOST_BESIDE = 0.78
"""Length of boundary between two dark grains, over what there would be by chance: 0.08 to 0.74 there, since two regions
of pearlite side by side are one; 0.82 to 1.7 in single-phase steel, whatever the greys of its grains, and from
0.76 in drawn etches without lines, whose neighbours are pushed apart in grey; of 32 drawn ones none is called."""

LEAST_SURE = 2.5
"""Standard deviations of what there would be by chance (Poisson) by which there must be less."""

PAIRS_PER_GRAIN = 3.0
"""Boundaries of a plane section, of which each grain has six and shares each with another."""


@dataclass(frozen=True)
class TwoGreys:
    """Hold how the grey of the grains of some fields falls in two, up to the grey `darkest` and above.

    `explained` is the share of variance that this explains, `dark_share` that of the area that is dark, `step` how far
    the two lie apart. How dark grains lie is only found out when it is asked for, since it takes a look at every cell.
    """

    explained: float
    dark_share: float
    step: float
    darkest: float
    fields: Sequence[GreyField] = field(repr=False)

    @property
    def beside(self) -> float:
        """Return the length of boundary between two dark grains over what there would be if greys lay by chance."""
        return self._lie[0]

    @property
    def sure(self) -> float:
        """Return by how many standard deviations it is less."""
        return self._lie[1]

    @cached_property
    def _lie(self) -> tuple[float, float]:
        return _beside(self.fields, self.darkest)


def second_phase(fields: Sequence[GreyField]) -> Iterator[str]:
    """Yield why a micrograph may show two phases, if its counted grains have two greys."""
    found = two_greys(fields)
    least, most = DARK_SHARE
    if (
        found is not None
        and found.explained >= TWO_GREYS
        and found.step >= LEAST_STEP
        and least <= found.dark_share <= most
        and found.beside <= MOST_BESIDE
        and found.sure >= LEAST_SURE
    ):
        yield (
            f"regions on {found.dark_share:.0%} of the area are darker than the rest by {found.step:.0f} grey levels "
            "and seldom side by side: if that is a second phase, such as pearlite, G is not that of the grains"
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
    return TwoGreys(explained, split.share, split.apart, float(grey[split.lower - 1]), fields)


def _beside(fields: Sequence[GreyField], darkest: float) -> tuple[float, float]:
    """Return `beside` and `sure` of the grains up to a grey.

    By chance the share of the boundaries between two such grains is the square of the share of sides that they have.
    """
    sides, grains = np.zeros(3), 0
    for one in fields:
        row, col = ndimage.distance_transform_edt(one.labels == 0, return_distances=False, return_indices=True)
        whole = one.labels[row, col]
        dark = (one.areas > 0) & (one.greys <= darkest)
        grains += int(np.count_nonzero(one.areas))
        for here, there in NEIGHBOURS:
            at = whole[here] != whole[there]
            both = dark[whole[here][at]].astype(np.int64) + dark[whole[there][at]]
            sides += np.bincount(both, minlength=3)
    if not sides.any():
        return 1.0, 0.0
    chance = (float(sides[1] / 2.0 + sides[2]) / float(sides.sum())) ** 2
    beside = float(sides[2] / sides.sum()) / max(chance, 1e-12)
    return beside, (1.0 - beside) * math.sqrt(chance * PAIRS_PER_GRAIN * grains)
