"""Find from the errors of held-out micrographs how wide intervals must be: at each G, over materials, by the spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gdest.core import GrainCount
from gdest.grading import factor_of, way_to_count
from gdest.training.measuring import Measured
from gdest.training.over_materials import ESTIMATE_COVERAGE, Curve, unseen_half_width

NEIGHBOURS = 40
"""Micrographs of similar G whose errors make one point of a curve."""


def interval_curve(measured: Sequence[Measured]) -> Curve:
    """Return (G_seen, half-width) of the 90 % interval: what fields of similar G need, or more for unseen materials."""
    return _interval_of([one.error for one in measured], measured)


def informed_curves(measured: Sequence[Measured]) -> tuple[Curve, Curve]:
    """Return a card's `informed_interval` and `informed_scale`, of estimates that their counts have moved.

    Errors grow with the spread of a count: where boundaries hardly stand out, neither opinion is sure. So the interval
    is that of errors divided by the scale (normalised conformal prediction: Papadopoulos, Vovk and Gammerman 2011,
    Journal of Artificial Intelligence Research 40). Both are empty where nothing was counted.
    """
    pairs = [(one, one.count) for one in measured if one.count is not None and one.count.led_by_lines > 0.0]
    if not pairs:
        return (), ()
    counted, spreads = [one for one, _ in pairs], [count.spread for _, count in pairs]
    errors = [informed_error(one) for one in counted]
    scale = spread_scale(errors, spreads)
    scaled = [error / factor_of(spread, scale) for error, spread in zip(errors, spreads, strict=True)]
    return _interval_of(scaled, counted), scale


def informed_error(one: Measured) -> float:
    """Return by how much an estimate is off once its count has moved it."""
    count = one.count or GrainCount()
    return one.error + way_to_count(one.g, count.g, count.led_by_lines)


def spread_scale(errors: Sequence[float], spreads: Sequence[float]) -> Curve:
    """Return (spread, factor) of how errors grow with the spread of a count: 1 at its median, a straight line.

    The line is that of the absolute errors by least squares. Few fields, or errors that do not grow, show none.
    """
    if len(errors) < NEIGHBOURS:
        return ()
    slope, least = np.polyfit(spreads, np.abs(errors), 1)
    middle = least + slope * float(np.median(spreads))
    if slope <= 0.0 or least <= 0.0:
        return ()
    return tuple((round(at, 3), round(float((least + slope * at) / middle), 4)) for at in (0.0, float(np.max(spreads))))


def _interval_of(errors: Sequence[float], measured: Sequence[Measured]) -> Curve:
    """Return the interval of answers for micrographs that were off by these errors (n,)."""
    unseen = unseen_half_width(errors, [one.item.material for one in measured])
    curve = curve_of_neighbours([one.row.g_seen for one in measured], errors, conformal_half_width)
    return tuple((g, max(half, unseen)) for g, half in curve)


def conformal_half_width(errors: NDArray[np.float64]) -> float:
    """Return the ceil((n + 1) 0.9)-th smallest of n absolute errors, the largest where n is below 9.

    This finite-sample quantile holds an exchangeable further error with a probability of at least 0.9
    (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005); the plain quantile holds it less often.
    """
    rank = int(np.ceil((len(errors) + 1) * ESTIMATE_COVERAGE))
    return float(np.sort(np.abs(errors))[min(rank, len(errors)) - 1])


def curve_of_neighbours(
    grades: Sequence[float], errors: Sequence[float], statistic: Callable[[NDArray[np.float64]], float]
) -> Curve:
    """Return (mean grade, statistic of the errors) of groups of neighbours in grade, half overlapping."""
    order = np.argsort(grades, kind="stable")
    size = min(NEIGHBOURS, len(order))
    curve = []
    for start in range(0, len(order) - size + 1, max(1, size // 2)):
        group = order[start : start + size]
        mean = float(np.mean(np.array(grades)[group]))
        curve.append((round(mean, 3), round(statistic(np.array(errors)[group]), 4)))
    return tuple(curve)
