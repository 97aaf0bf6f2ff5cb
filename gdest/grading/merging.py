"""Merge the regions of a picture across their weakest common edges, until only edges that stand out are left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_EDGE = 1e-3
"""Length in cells that an edge has at least, where particles cover all of it."""

FLOOR_SHARE = 0.8
"""How much of what a region shows of a boundary inside is taken off its edges: half a boundary all over is none."""

NEVER = 9.0
"""Floor of a region that is no grain: whatever its edges are, it is merged."""


@dataclass(frozen=True)
class Partition:
    """Hold the regions 0..n-1 of a picture and the edges between them.

    `first` and `second` (edges,) are the regions of each edge, `strength` the sum of boundary probability along it
    and `length` its cells. `floor` (n,) is the least probability inside each region, `root` (n,) the region that each
    region of the beginning belongs to now.
    """

    first: Indices
    second: Indices
    strength: Floats
    length: Floats
    floor: Floats
    root: Indices

    @property
    def contrast(self) -> Floats:
        """Return how far the mean probability of each edge stands out from the inside of its regions, (edges,)."""
        inside = np.maximum(self.floor[self.first], self.floor[self.second])
        return np.asarray(self.strength / self.length - FLOOR_SHARE * inside)


def find_edges(labels: NDArray[np.int32], probability: NDArray[np.float32], weight: NDArray[np.float32]) -> Partition:
    """Return the regions of a label map (rows, cols) with their edges; each pair of touching cells is one of length.

    `weight` (rows, cols), 0..1, is what each cell of an edge counts for. Floors are 0 until they are set.
    """
    count = int(labels.max()) + 1
    keys, strengths, weights = [], [], []
    for here, there in (np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:]):
        at = labels[here] != labels[there]
        a, b = labels[here][at].astype(np.int64), labels[there][at].astype(np.int64)
        keys.append(np.minimum(a, b) * count + np.maximum(a, b))
        counted = np.minimum(weight[here][at], weight[there][at])
        strengths.append(counted * np.maximum(probability[here][at], probability[there][at]))
        weights.append(counted)
    return _joined(
        np.concatenate(keys), np.concatenate(strengths), np.concatenate(weights), np.zeros(count), np.arange(count)
    )


def _joined(keys: Indices, strength: Floats, length: Floats, floor: Floats, root: Indices) -> Partition:
    """Return the regions with one edge for each different key."""
    count = len(floor)
    pairs, at = np.unique(keys, return_inverse=True)
    lengths = np.asarray(np.maximum(np.bincount(at, length, len(pairs)), LEAST_EDGE), np.float64)
    return Partition(
        pairs // count,
        pairs % count,
        np.asarray(np.bincount(at, strength, len(pairs)), np.float64),
        lengths,
        floor,
        root,
    )


def merge_weak(regions: Partition, threshold: float) -> Partition:
    """Merge regions until the contrast of every edge is at least the threshold.

    An edge goes when it is the weakest of both its regions. The mean along a joined edge is never below its parts, so
    that this gives the same as always taking the weakest edge of all (the reducibility of average linkage).
    """
    while len(regions.first):
        contrast = regions.contrast
        rank = np.empty(len(contrast), np.int64)
        rank[np.argsort(contrast, kind="stable")] = np.arange(len(contrast))
        weakest = np.full(len(regions.floor), len(contrast))
        np.minimum.at(weakest, regions.first, rank)
        np.minimum.at(weakest, regions.second, rank)
        go = (contrast < threshold) & (rank == weakest[regions.first]) & (rank == weakest[regions.second])
        if not go.any():
            break
        regions = _without_edges(regions, go)
    return regions


def _without_edges(regions: Partition, go: NDArray[np.bool_]) -> Partition:
    """Join the two regions of each edge that goes; no region has two of them."""
    count = len(regions.floor)
    kept, gone = regions.first[go], regions.second[go]
    to = np.arange(count)
    to[gone] = kept
    floor = regions.floor.copy()
    floor[kept] = np.minimum(floor[kept], floor[gone])
    a, b = to[regions.first], to[regions.second]
    apart = a != b
    keys = np.minimum(a, b)[apart] * count + np.maximum(a, b)[apart]
    return _joined(keys, regions.strength[apart], regions.length[apart], floor, to[regions.root])
