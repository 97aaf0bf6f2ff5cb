"""Close the grains of a boundary map: a label for each cell, from the probability that boundaries run there.

A watershed cuts the map into too many regions; what separates a grain from its neighbour is then a matter of their
whole common edge, so that a line with gaps is closed and a loose one dropped (merging.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gdest.core import NEIGHBOURS, BoundaryField, rim_shares
from gdest.grading.merging import NEVER, Partition, find_edges, merge_weak

EDGE_CONTRASTS = (0.35, 0.45, 0.6)
"""How far an edge must stand out to be a grain's: to be possible, to be as likely as not, to be sure."""

LINE_CELLS = 1.5
"""Width of the boundaries that the decoder is taught: 3 px at half the picture's resolution."""

EDGE_BLUR_CELLS = 0.8
"""A boundary whose place is not sure by a cell or two is wide and faint; blurred, it is as strong as a sharp one."""

INSIDE = 0.2
"""Cells less likely a boundary than this are the inside of grains, from whose middles the watershed begins."""

NO_GAP = 0.3
"""Cells as likely a boundary as this close a gap."""

TWIN_DOUBT = 0.8
"""How much of the probability of a twin boundary is taken off that of a grain boundary at the same place."""

SEED_BLUR_CELLS = 0.5
FARTHEST_CELLS = 25.0
HEIGHT, BED, SLOPE = 200.0, 50.0, 2.0
"""The watershed's relief in 256 steps: so many for a sure boundary, and so many less per cell away from one."""

SPECK_SHARE = 0.02
"""Of the median area: what is smaller is dirt or a corner of a boundary, as hand counts leave it out."""

SURE = 128
"""Half of 255: a cell is more likely a twin boundary, or a particle, than not."""


@dataclass(frozen=True)
class Grains:
    """Hold the grains of one boundary field: `labels` (rows, cols) int32, 1..n, 0 what is left out.

    `areas` (n + 1,) are in cells; `shares` (n + 1,) what each grain counts for by Saltikov: 1 inside, 1/2 where the
    rim or what is left out cuts it, 1/4 in a corner. `possible` (rows, cols) int32 are the grains if every possible
    boundary held, and `edge` (rows, cols) float32, 0..1, is how surely the cells before one of these lie before a real
    one; 0 elsewhere. `fewest` and `most` are the planimetric count if only sure boundaries hold, and if all possible
    ones do.
    """

    labels: NDArray[np.int32]
    areas: NDArray[np.int64]
    shares: NDArray[np.float64]
    possible: NDArray[np.int32]
    edge: NDArray[np.float32]
    fewest: float
    most: float

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Return which labels (n + 1,) are grains that lie whole in the picture."""
        return np.asarray(self.shares == 1.0)


def close_grains(field: BoundaryField) -> Grains:
    """Return the grains of a boundary field; particles belong to the grains around them, twins split none."""
    possible, likely, sure = EDGE_CONTRASTS
    labels, regions = _first_regions(field)
    regions = _without_specks(labels, merge_weak(regions, possible))
    loose = _label_map(labels, regions)
    edge = _edge_map(labels, regions)
    regions = _without_specks(labels, merge_weak(regions, likely))
    closed = _label_map(labels, regions)
    strict = _label_map(labels, _without_specks(labels, merge_weak(regions, sure)))
    most, fewest = (float(saltikov_shares(found).sum()) for found in (loose, strict))
    return Grains(closed, np.bincount(closed.ravel()), saltikov_shares(closed), loose, edge, fewest, most)


def grain_labels(field: BoundaryField) -> NDArray[np.int32]:
    """Return the label map of the closed grains of a boundary field, (rows, cols), 1..n; 0 is what is left out."""
    return close_grains(field).labels


def _first_regions(field: BoundaryField) -> tuple[NDArray[np.int32], Partition]:
    """Return a label map of too many regions, 0 what is left out, and the regions with their edges."""
    from skimage import segmentation

    probability = grain_probability(field)
    particle = field.particle >= SURE
    inside = ndimage.gaussian_filter(ndimage.distance_transform_edt(probability < INSIDE), SEED_BLUR_CELLS)
    relief = HEIGHT * ndimage.gaussian_filter(probability, SEED_BLUR_CELLS) - SLOPE * np.minimum(inside, FARTHEST_CELLS)
    if field.usable is not None:
        relief = np.where(field.usable, relief, np.inf)  # so that the part of a grain that is seen has a lowest cell
    seeds, count = ndimage.label((ndimage.minimum_filter(relief, 3) == relief) & np.isfinite(relief), np.ones((3, 3)))
    steps = np.clip(relief + BED, 0, 255).astype(np.uint8)
    flooded = segmentation.watershed(steps, seeds, mask=field.usable)  # type: ignore[no-untyped-call]
    labels = np.asarray(flooded, np.int32)
    away = ndimage.distance_transform_edt(probability < NO_GAP).astype(np.float32)
    floor, radius = np.zeros(count + 1), np.zeros(count + 1)
    at = np.flatnonzero(seeds)
    floor[seeds.ravel()[at]] = probability.ravel()[at]
    radius[seeds.ravel()[at]] = away.ravel()[at]
    covered = np.bincount(labels.ravel(), particle.ravel(), count + 1)
    floor[covered > np.bincount(labels.ravel(), minlength=count + 1) / 2.0] = NEVER
    peak = math.erf(LINE_CELLS / 2.0 / EDGE_BLUR_CELLS / math.sqrt(2.0))
    strength = np.minimum(ndimage.gaussian_filter(probability, EDGE_BLUR_CELLS) / np.float32(peak), 1.0)
    regions = find_edges(labels, strength, (~particle).astype(np.float32), away, floor, radius)
    return labels, _apart_from_left_out(regions)


def grain_probability(field: BoundaryField) -> NDArray[np.float32]:
    """Return how likely each cell (rows, cols) lies on a grain boundary, 0..1, less where a twin is as likely."""
    doubtful = np.float32(TWIN_DOUBT) * field.twin.astype(np.float32)
    return np.asarray(np.maximum(field.grain.astype(np.float32) - doubtful, 0.0) / np.float32(255.0))


def _apart_from_left_out(regions: Partition) -> Partition:
    """Return the regions without edges to label 0, with which nothing is merged."""
    kept = regions.first > 0
    return replace(
        regions,
        first=regions.first[kept],
        second=regions.second[kept],
        strength=regions.strength[kept],
        length=regions.length[kept],
        neck=regions.neck[kept],
    )


def _without_specks(labels: NDArray[np.int32], regions: Partition) -> Partition:
    """Return the regions, those too small for a grain merged with the neighbour across their weakest edge."""
    areas = np.bincount(regions.root, np.bincount(labels.ravel(), minlength=len(regions.root)), len(regions.root))
    areas[0] = 0
    grains = areas[areas > 0]
    if not len(grains):
        return regions
    small = (areas > 0) & (areas < SPECK_SHARE * np.median(grains))
    merged = merge_weak(replace(regions, floor=np.where(small, NEVER, -NEVER)), -1.0)
    return replace(merged, floor=regions.floor)


def _label_map(labels: NDArray[np.int32], regions: Partition) -> NDArray[np.int32]:
    """Return the label map of merged regions, 1..n without gaps."""
    numbers = np.zeros(len(regions.root), np.int32)
    left = np.unique(regions.root[1:])
    numbers[left] = np.arange(1, len(left) + 1)
    return np.asarray(numbers[regions.root][labels])


def _edge_map(labels: NDArray[np.int32], regions: Partition) -> NDArray[np.float32]:
    """Return for each cell before a boundary how surely there is one, from its edge's contrast; 0 elsewhere."""
    possible, _, sure = EDGE_CONTRASTS
    count = len(regions.root)
    weights = np.clip((regions.contrast - possible) / (sure - possible), 0.0, 1.0)
    keys = regions.first * count + regions.second  # sorted, as they come from unique
    merged = regions.root[labels]
    edge = np.zeros(labels.shape, np.float32)
    if not len(keys):
        return edge
    for here, there in NEIGHBOURS:
        a, b = merged[here], merged[there]
        at = (a != b) & (a > 0) & (b > 0)
        key = np.minimum(a[at], b[at]) * count + np.maximum(a[at], b[at])
        weight = weights[np.searchsorted(keys, key)].astype(np.float32)
        for side in (here, there):
            edge[side][at] = np.maximum(edge[side][at], weight)
    return edge


def saltikov_shares(labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return what each label (n + 1,) counts for by Saltikov, label 0 nothing (FIELD.md 3.2; E112, planimetric)."""
    shares = rim_shares(labels)
    out = labels == 0
    if out.any():
        beside = labels[ndimage.binary_dilation(out)]
        shares[beside] = np.minimum(shares[beside], 0.5)
    shares[0] = 0.0
    return shares
