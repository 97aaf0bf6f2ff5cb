"""Draw by how much the rescale augmentation changes G: the paper's four ranges."""

from __future__ import annotations

import numpy as np

from gdest.grading import COARSE_G, FINE_G, G_PER_HALVING
from gdest.training.settings import TrainSettings

USUAL_SHARE = 0.6
"""This share of the crops that may change size shows grains of the sizes at which a scan keeps the answer."""

Range = tuple[float, float]


def change_of_g(
    g_seen: float,
    settings: TrainSettings,
    g_range: Range,
    classes: tuple[float, ...],
    rng: np.random.Generator,
    *,
    exact: bool,
) -> float:
    """Return by how much G changes: up to the limit, to another class, or for an exact crop by a scan's whole steps."""
    whole_image, limit = settings.input == "image", settings.shift_limit
    if classes:
        steps = () if exact or not limit else (-1.0,) if whole_image else (-1.0, 1.0)
        return float(rng.choice([0.0, *(step for step in steps if np.isclose(classes, g_seen + step).any())]))
    if exact:
        return 0.0 if whole_image else _as_a_scan(g_seen, limit, g_range, rng)
    return _within(g_seen, limit, g_range, rng, coarser_only=whole_image)


def _within(g_seen: float, limit: float, g_range: Range, rng: np.random.Generator, *, coarser_only: bool) -> float:
    """Return a change evenly drawn within the limit and `g_range`, more often to the sizes a scan keeps."""
    low, high = max(-limit, min(g_range[0] - g_seen, 0.0)), min(limit, max(g_range[1] - g_seen, 0.0))
    high = 0.0 if coarser_only else high
    usual = max(low, COARSE_G - g_seen), min(high, FINE_G - g_seen)
    if limit >= G_PER_HALVING and usual[0] < usual[1] and rng.random() < USUAL_SHARE:
        low, high = usual
    return float(rng.uniform(low, high))


def _as_a_scan(g_seen: float, limit: float, g_range: Range, rng: np.random.Generator) -> float:
    """Return the change of G by halving, by enlarging fine or nearly fine grains, or by neither, where allowed."""
    if limit < G_PER_HALVING:
        return 0.0
    changes = [0.0]
    if g_seen + G_PER_HALVING <= g_range[1]:
        changes.append(G_PER_HALVING)
    if g_seen >= FINE_G - 1.0:
        changes.append(-G_PER_HALVING)
    usual = [change for change in changes if COARSE_G <= g_seen + change <= FINE_G]
    return float(rng.choice(usual if usual and rng.random() < USUAL_SHARE else changes))
