"""What every label map (rows, cols) of grains tells, whoever made it: where grains meet, and which the rim cuts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:]))
"""Slices of a map that lay each cell beside its right neighbour, then above its lower one."""


def boundary_mask(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the pixels (rows, cols) whose right or lower neighbour belongs to another grain."""
    edge = np.zeros(labels.shape, bool)
    for here, there in NEIGHBOURS:
        edge[here] |= labels[here] != labels[there]
    return edge


def rim_shares(labels: NDArray[Any]) -> NDArray[np.float64]:
    """Return what each label (n,) counts for by Saltikov: 1 inside, 1/2 when cut by the rim, 1/4 at a corner."""
    shares = np.ones(int(labels.max()) + 1)
    for rim in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        shares[rim] = 0.5
    shares[[labels[0, 0], labels[0, -1], labels[-1, 0], labels[-1, -1]]] = 0.25
    return shares


def beyond_both(line: NDArray[Any], here: NDArray[Any], there: NDArray[Any]) -> NDArray[Any]:
    """Return by how much a line is brighter (-: darker) than the ground on both its sides; 0 between the two."""
    darker, brighter = np.minimum(here, there), np.maximum(here, there)
    return np.asarray(np.maximum(line - brighter, 0.0) - np.maximum(darker - line, 0.0))


def signs_above(difference: NDArray[Any], least: float) -> NDArray[Any]:
    """Return 1 and -1 where a difference is above `least` and below -`least`, else 0."""
    return np.asarray(np.sign(difference) * (np.abs(difference) > least))
