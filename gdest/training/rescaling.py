"""Draw by how much the rescale augmentation changes G: the paper's four ranges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gdest.grading import COARSE_G, FINE_G, G_PER_HALVING
from gdest.training.settings import TrainSettings

USUAL_SHARE = 0.6
"""This share of the crops that may change size shows grains of the sizes at which a scan keeps the answer."""

Range = tuple[float, float]
Numbers = NDArray[np.float64]
Marks = NDArray[np.bool_]


def changes_of_g(
    g_seen: Numbers,
    settings: TrainSettings,
    g_range: Range,
    classes: tuple[float, ...],
    rng: np.random.Generator,
    exact: Marks,
) -> Numbers:
    """Return by how much G of each picture changes, (n,) for `g_seen` (n,).

    That is up to the limit, to another class, or for those marked in `exact` (n,) by a scan's whole steps.
    """
    whole_image, limit = settings.input == "image", settings.shift_limit
    if classes:
        steps = np.array([0.0, -1.0] if whole_image else [0.0, -1.0, 1.0])
        is_class = np.isclose(np.array(classes), (g_seen[:, None] + steps)[..., None]).any(axis=2)
        return _one_of(steps, is_class & ~exact[:, None] & bool(limit) | (steps == 0.0), rng)
    drawn = _within(g_seen, limit, g_range, rng, coarser_only=whole_image)
    return np.where(exact, 0.0 if whole_image else _as_a_scan(g_seen, limit, g_range, rng), drawn)


def _one_of(steps: Numbers, allowed: Marks, rng: np.random.Generator) -> Numbers:
    """Return one of the steps (k,) for each row of `allowed` (n, k), each that is allowed as often as any other."""
    number = rng.random(len(allowed)) * allowed.sum(axis=1)
    return np.asarray(steps[(allowed.cumsum(axis=1) > number[:, None]).argmax(axis=1)])


def _within(g_seen: Numbers, limit: float, g_range: Range, rng: np.random.Generator, *, coarser_only: bool) -> Numbers:
    """Return changes evenly drawn within the limit and `g_range`, more often to the sizes a scan keeps."""
    low = np.maximum(-limit, np.minimum(g_range[0] - g_seen, 0.0))
    high = np.minimum(limit, np.maximum(g_range[1] - g_seen, 0.0)) * (not coarser_only)
    usual_low, usual_high = np.maximum(low, COARSE_G - g_seen), np.minimum(high, FINE_G - g_seen)
    usual = (rng.random(len(g_seen)) < USUAL_SHARE) & (usual_low < usual_high) & (limit >= G_PER_HALVING)
    return rng.uniform(np.where(usual, usual_low, low), np.where(usual, usual_high, high))


def _as_a_scan(g_seen: Numbers, limit: float, g_range: Range, rng: np.random.Generator) -> Numbers:
    """Return the changes of G by halving, by enlarging fine or nearly fine grains, or by neither, where allowed."""
    steps = np.array([0.0, G_PER_HALVING, -G_PER_HALVING])
    shown = g_seen[:, None] + steps
    can = limit >= G_PER_HALVING
    allowed = np.stack([shown[:, 0] == g_seen, can & (shown[:, 1] <= g_range[1]), can & (g_seen >= FINE_G - 1.0)], 1)
    usual = allowed & (shown >= COARSE_G) & (shown <= FINE_G)
    as_usual = usual.any(axis=1) & (rng.random(len(g_seen)) < USUAL_SHARE)
    return _one_of(steps, np.where(as_usual[:, None], usual, allowed), rng)
