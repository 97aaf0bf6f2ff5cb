"""Tell from fields of several materials how far those of a further one may be off: each material counts once.

What the fields of one material share, all read too fine or too coarse, is no less an error than what they differ by.
The quantile is taken of all their errors together (Dunn, Wasserman and Ramdas 2018, distribution-free prediction sets
with random effects: pooled distributions).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gdest.core import interpolate
from gdest.grading import METHOD_HALF_WIDTH, chance_of_count
from gdest.training.measuring import Measured

Curve = tuple[tuple[float, float], ...]
"""Points (G or spread, value), ascending, between which a card is interpolated."""

ESTIMATE_COVERAGE, COUNT_COVERAGE = 0.9, 0.95
"""What the two intervals hold: DESIGN's nine in ten, and E112's interval of a count."""

FEWEST_MATERIALS = 5
"""Of fewer materials the errors say nothing of how the next one is read."""


def unseen_half_width(errors: Sequence[float], materials: Sequence[str]) -> float:
    """Return the half-width that holds nine in ten fields of a material that was not measured; 0 for few materials."""
    groups = _by_name(np.abs(errors).tolist(), materials)
    return round(pooled_quantile(groups, ESTIMATE_COVERAGE), 4) if len(groups) >= FEWEST_MATERIALS else 0.0


def _by_name(numbers: Sequence[float], names: Sequence[str]) -> dict[str, list[float]]:
    groups: dict[str, list[float]] = {}
    for number, name in zip(numbers, names, strict=True):
        groups.setdefault(name, []).append(number)
    return groups


def own_scatter(errors: Sequence[float], specimens: Sequence[str]) -> tuple[float, float]:
    """Return what fields of one specimen differ by about their own mean (sd), and its degrees of freedom; 0 of none."""
    groups = _by_name(errors, specimens).values()
    degrees = sum(len(group) - 1 for group in groups)
    squares = sum(float(np.var(group)) * len(group) for group in groups)
    return (round(math.sqrt(squares / degrees), 4), float(degrees)) if degrees else (0.0, 0.0)


def counting_curves(measured: Sequence[Measured]) -> dict[str, Curve]:
    """Return a card's `counting`: half-widths by the spread of a count; empty for few materials.

    The method's own half-widths are widened by one factor, such that with the chance of the grains' number they hold
    nineteen of twenty fields of a material that was not measured.
    """
    groups: dict[str, list[float]] = {}
    for one in measured:
        count = one.row.count
        if count is not None and math.isfinite(count.g):
            beyond = (count.g_planimetric - one.item.g) ** 2 - chance_of_count(count.relative_accuracy) ** 2
            needed = math.sqrt(max(beyond, 0.0)) / interpolate(METHOD_HALF_WIDTH, count.spread)
            groups.setdefault(one.item.material, []).append(needed)
    if len(groups) < FEWEST_MATERIALS:
        return {}
    factor = pooled_quantile(groups, COUNT_COVERAGE)
    return {"interval": tuple((spread, round(half * factor, 4)) for spread, half in METHOD_HALF_WIDTH)}


def pooled_quantile(groups: Mapping[str, Sequence[float]], share: float) -> float:
    """Return the number that `share` of all numbers do not exceed, those of each group weighing 1 together."""
    pooled = sorted((number, 1.0 / len(group)) for group in groups.values() for number in group)
    reached = np.cumsum([weight for _, weight in pooled]) / len(groups)
    first = int(np.searchsorted(reached, share - 1e-9))
    return pooled[min(first, len(pooled) - 1)][0]
