"""Cut a plane through a three-dimensional Laguerre tessellation: grains of known G."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import cKDTree

Floats = NDArray[Any]
"""Arrays of float32; numpy widens some to float64 on the way, which nothing depends on."""

Labels = NDArray[np.int32]

SLAB_DEPTH = 1.8
"""Seeds further than this many cell spacings from the plane never reach it (checked: < 0.1 %)."""


MARGIN = 2
"""Seeds reach so many cell spacings beyond the picture."""

LARGEST_LOG_DENSITY = 2.0
"""Fine patches have at most e^4 times the cells of coarse ones; beyond it `SLAB_DEPTH` is too small."""

COARSEST_GRID_PX = 4
"""The nodes of which the cell is asked for, before that of the pixels between, are no further apart."""


@dataclass(frozen=True)
class GrainShape:
    """Say how the grains of one micrograph vary; lengths are in mean cell spacings.

    `relaxation` 0 leaves the seeds random, 1 pushes them apart to a hard core; `size_spread` is
    the sigma of the log-normal cell radii; `elongation` stretches the section along `angle`
    (radians); `waviness` is the amplitude of the boundaries' curvature, `jaggedness` that of their
    kinks, which are `kink` spacings long; `unevenness` is the sigma of the log density, which varies over
    `patch` spacings, smoothly or, where `bimodal`, between two values; `giants` is the share of cells that
    have grown at the cost of their neighbours; cells whose section is smaller than `sliver` mean areas
    are given to their neighbours, since an etched line swallows them and nobody counts them.
    """

    relaxation: float = 0.6
    size_spread: float = 0.2
    elongation: float = 1.0
    angle: float = 0.0
    waviness: float = 0.05
    jaggedness: float = 0.0
    kink: float = 0.2
    unevenness: float = 0.0
    patch: float = 2.5
    bimodal: bool = False
    giants: float = 0.0
    sliver: float = 0.03


def random_shape(rng: np.random.Generator) -> GrainShape:
    """Draw the grain shape of one micrograph.

    Compared with hand-drawn boundaries of real steel: their areas have a coefficient of variation of
    0.5 to 1.3 and 7 to 16 % below a quarter of the mean, annealed austenite more; their intercepts differ by
    less than 7 % between directions, rolled steel more, and log2(N_L^2 / N_A) is 0.55 to 0.7 (kinks and stretching
    raise it). A third are uneven, one in seven has coarse and fine patches.
    """
    kind = rng.random()
    bimodal, uneven = kind < 0.14, kind < 0.45
    return GrainShape(
        relaxation=float(rng.uniform(0.4, 1.0)),
        size_spread=float(rng.uniform(0.03, 0.3) if rng.random() < 0.7 else rng.uniform(0.3, 0.55)),
        elongation=float(rng.uniform(1.0, rng.choice([1.12, 1.3, 1.8, 3.0], p=[0.55, 0.2, 0.15, 0.1]))),
        angle=float(rng.uniform(0.0, np.pi)),
        waviness=float(rng.uniform(0.02, 0.14)),
        jaggedness=float(rng.uniform(0.0, rng.choice([0.0, 0.03, 0.08], p=[0.25, 0.4, 0.35]))),
        kink=float(np.exp(rng.uniform(np.log(0.08), np.log(0.35)))),
        unevenness=float(rng.uniform(0.7, 1.3) if bimodal else rng.uniform(0.1, 1.2) if uneven else 0.0),
        patch=float(np.exp(rng.uniform(np.log(1.2), np.log(6.0)))),
        bimodal=bimodal,
        giants=float(rng.uniform(0.002, 0.04) if rng.random() < 0.25 else 0.0),
        sliver=float(rng.uniform(0.03, 0.12) if rng.random() < 0.8 else rng.uniform(0.01, 0.03)),
    )


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], period_px: float) -> Floats:
    """Return Gaussian noise of unit variance that varies over about `period_px`, shape (rows, cols)."""
    rows, cols = shape
    period_px = max(period_px, 1.0)
    coarse_rows, coarse_cols = (int(np.ceil(side / period_px)) + 3 for side in (rows, cols))
    coarse = Image.fromarray(rng.standard_normal((coarse_rows, coarse_cols), dtype=np.float32))
    top, left = rng.uniform(0.0, 1.0, 2)
    box = (left, top, left + cols / period_px, top + rows / period_px)
    field = np.asarray(coarse.resize((cols, rows), Image.Resampling.BICUBIC, box=box))
    # bicubic interpolation of white noise keeps about 0.6 of its variance between the nodes
    return field * np.float32(1.25)


def _seeds(
    rng: np.random.Generator, low: Floats, high: Floats, spacing: float, shape: GrainShape
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return seeds (n, 3) over the plane from `low` to `high` (y, x), and the spacing at each (n,)."""
    step = 0.5 * spacing
    relief = smooth_noise(rng, tuple(np.ceil((high - low) / step).astype(int)), 2 * shape.patch)
    if shape.bimodal:
        relief = np.tanh(4.0 * relief)
    density = np.exp(np.clip(shape.unevenness * relief, -LARGEST_LOG_DENSITY, LARGEST_LOG_DENSITY))
    # a section shows density^(2/3) grains per area: their mean is to stay what was asked for
    rim = round(MARGIN * spacing / step)
    density /= np.mean(density[rim:-rim, rim:-rim] ** (2 / 3)) ** 1.5
    most = float(density.max())
    depth = SLAB_DEPTH * spacing
    count = max(rng.poisson(most * np.prod(high - low) * 2 * depth / spacing**3), 8)
    points = rng.uniform([*low, -depth], [*high, depth], (count, 3))
    at = np.minimum(((points[:, :2] - low) / step).astype(int), np.array(density.shape) - 1)
    here = density[at[:, 0], at[:, 1]]
    kept = rng.random(count) * most <= here
    return points[kept], spacing / np.cbrt(here[kept])


def _relaxed(points: NDArray[np.float64], spacing: NDArray[np.float64], relaxation: float) -> NDArray[np.float64]:
    """Push each of the points (n, 3) away from neighbours nearer than the hard core."""
    core = spacing[:, None] * relaxation * 0.95
    _, neighbour = cKDTree(points).query(points, k=8)
    for _ in range(3):
        away = points[:, None, :] - points[neighbour[:, 1:]]
        reach = np.sqrt(np.einsum("nkd,nkd->nk", away, away))
        push = np.clip(core - reach, 0.0, None) / np.maximum(reach, 1e-9)
        points = points + 0.4 * np.einsum("nk,nkd->nd", push, away)
    return points


def _query_points(rng: np.random.Generator, rows: int, cols: int, spacing: float, shape: GrainShape) -> Floats:
    """Return where each pixel of the section lies in the tessellation, (rows * cols, 2), (y, x)."""
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    stretch = np.sqrt(shape.elongation)
    cos, sin = np.cos(shape.angle), np.sin(shape.angle)
    along, across = (x * cos + y * sin) / stretch, (y * cos - x * sin) * stretch
    x, y = along * cos - across * sin, along * sin + across * cos
    for axis in (y, x):
        axis += shape.waviness * spacing * smooth_noise(rng, (rows, cols), spacing * 0.7)
        if shape.jaggedness:
            kinks = np.clip(smooth_noise(rng, (rows, cols), spacing * shape.kink), -2.0, 2.0)
            axis += min(shape.jaggedness, 0.3 * shape.kink) * spacing * kinks
    return np.stack([y.ravel(), x.ravel()], axis=1).astype(np.float32)


def section(rng: np.random.Generator, rows: int, cols: int, grains_per_px: float, shape: GrainShape) -> Labels:
    """Return a label map (rows, cols), int32, grains numbered 0..n-1 without gaps.

    `grains_per_px` is the intended density; the true one is whatever `count_grains` finds. The
    power diagram of seeds with weights w is the nearest-neighbour diagram of the seeds lifted by
    sqrt(z^2 + w_max - w) out of the plane, so one k-d tree query labels every pixel.
    """
    # measured: so many grains in spacing^2 are left once slivers are dissolved
    left = 1.23 * 2.0 ** (0.24 - 0.85 * shape.size_spread - 3.0 * shape.giants - 2.1 * shape.sliver)
    spacing = float(np.sqrt(left / grains_per_px))
    query = _query_points(rng, rows, cols, spacing, shape)
    low, high = query.min(axis=0) - MARGIN * spacing, query.max(axis=0) + MARGIN * spacing
    points, around = _seeds(rng, low, high, spacing, shape)
    points = _relaxed(points, around, shape.relaxation)
    radius = 0.5 * around * np.exp(shape.size_spread * rng.standard_normal(len(points)))
    radius = np.where(rng.random(len(points)) < shape.giants, around * rng.uniform(1.0, 1.5, len(points)), radius)
    weight = np.minimum(radius, 1.5 * spacing) ** 2
    lifted = np.column_stack([points[:, :2], np.sqrt(points[:, 2] ** 2 + weight.max() - weight)])
    cell = _cells(lifted, query.reshape(rows, cols, 2), spacing).ravel()
    area = np.bincount(cell, minlength=len(lifted))
    big = area >= max(shape.sliver / grains_per_px, 2.0)
    homeless = ~big[cell]
    if big.any() and homeless.any():
        cell[homeless] = np.flatnonzero(big)[_nearest(lifted[big], query[homeless])]
    _, labels = np.unique(cell, return_inverse=True)
    return labels.reshape(rows, cols).astype(np.int32)


def _cells(seeds: NDArray[np.float64], query: Floats, spacing: float) -> NDArray[np.int64]:
    """Return the cell of each pixel (rows, cols); `query` (rows, cols, 2) are their places in the plane.

    The cells are found on a grid of nodes first. Cells are convex, up to the bends that the query has, so a pixel whose
    four nodes agree is theirs; any other gets the nearest of their seeds. A cell between nodes is a sliver.
    """
    rows, cols = query.shape[:2]
    step = int(np.clip(spacing / 6.0, 1, COARSEST_GRID_PX))
    if step == 1:
        return _nearest(seeds, query.reshape(-1, 2)).reshape(rows, cols)
    down, right = (np.unique(np.append(np.arange(0, side, step), side - 1)) for side in (rows, cols))
    nodes = _nearest(seeds, query[np.ix_(down, right)].reshape(-1, 2)).reshape(len(down), len(right))
    corners = np.stack([nodes[:-1, :-1], nodes[1:, :-1], nodes[:-1, 1:], nodes[1:, 1:]], axis=2)
    above = np.minimum(np.arange(rows) // step, len(down) - 2)
    left = np.minimum(np.arange(cols) // step, len(right) - 2)
    cell = corners[..., 0][np.ix_(above, left)]
    row, col = np.nonzero((corners != corners[..., :1]).any(axis=2)[np.ix_(above, left)])
    candidates = corners[above[row], left[col]]
    lifted = seeds.astype(np.float32)[candidates]
    away = ((lifted[..., :2] - query[row, col, None]) ** 2).sum(axis=2) + lifted[..., 2] ** 2
    cell[row, col] = candidates[np.arange(len(row)), away.argmin(axis=1)]
    return np.asarray(cell, np.int64)


def _nearest(seeds: NDArray[np.float64], query: Floats) -> NDArray[np.int64]:
    """Return the index of the nearest lifted seed (n, 3) for each point (m, 2) of the plane."""
    flat = np.column_stack([query, np.zeros(len(query), np.float32)])
    _, index = cKDTree(seeds, balanced_tree=False, compact_nodes=False).query(flat)
    return cast("NDArray[np.int64]", index)
