"""Tell from the grains themselves whether a steel is duplex, and of which kind: E1181's classes with their areas.

First what has a place, as on a map of tiles: bands, regions, slopes. Then what lies mixed grain by grain, which no
map of tiles can show: two sizes, rings of fine grains round coarse ones, single coarse grains, a wide range.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gdest.core import grain_size, how_many
from gdest.grading import spatial_patterns as patterns
from gdest.grading.grain_table import GrainTable
from gdest.grading.homogeneity import CHANCE_TILES, NOTABLE_SHARE, NOTABLE_VARIANCE, Assessment
from gdest.grading.spatial_patterns import MOST_PER_SIDE, Mixture
from gdest.grading.two_groups import two_groups

Floats = NDArray[np.float64]

FEWEST_GRAINS = 50.0
"""E112 asks for as many in a field; with fewer nothing is said of classes."""

GRAINS_PER_BLOCK = 12.0
"""Of a block that is compared with others; the grade of a block of twelve scatters by 0.4 G."""

BEYOND_LIMIT = 1.5
"""By so much the variance that blocks share must be above the limit for tiles: single large grains move a block's mean
more than a tile's grade. Of 120 uniform drawn fields five have 1.01 to 1.41 times that limit; so have three of 60 that
are mixed by region, and the tiles tell these."""

SPREAD_G = 1.53
"""Standard deviation of G by area from which there is more than one size. 60 uniform drawn fields show 0.8 to 1.52, of
55 that are mixed grain by grain 46 more."""

TWO_SIZES_G = 3.1
"""Difference of the mean G, by area, of the coarse and the fine group (Otsu): 3.0 where sizes spread evenly over five G
(E1181's wide range). Two sizes four G apart (its bimodal) show more in 10 of 14 drawn fields, four sizes over that
range in 1 of 13."""

COARSER_G, COARSE_AREA, ONE_SIZE_G = 2.5, (0.07, 0.24), 1.37
"""Single coarse grains: what is so much coarser than the median covers such a share of the area, and G of the rest has
no larger standard deviation. Of 60 uniform drawn fields none has both."""

RINGED = 1.0
"""Necklace: the share of the coarse grains' outline that fine ones surround, over the share of the area that is fine.
Among each other at random, 0.3 to 0.9; in rings, which need less area, up to 2.2."""

NECKLACE_AREA = 0.3
"""Share of the coarse grains from which rings are the rule; fewer are single grains among fine ones."""


def size_class(table: GrainTable) -> Assessment:
    """Return `uniform`, `duplex:<a Mixture>` or `unknown` for the grains of a micrograph, and why."""
    if float(table.share.sum()) < FEWEST_GRAINS:
        return Assessment("unknown", f"fewer than {FEWEST_GRAINS:.0f} grains")
    return _with_a_place(table) or _grain_by_grain(table) or Assessment("uniform", "one size of grains")


def _with_a_place(table: GrainTable) -> Assessment | None:
    """Return the mixture that a map of block grades shows, by the rules for maps of tiles; None without one."""
    grades, areas, expected = block_grades(table)
    count = int(np.isfinite(grades).sum())
    if count < patterns.FEWEST_FOR_PATTERNS / 4:
        return None
    cells = patterns.cells_of(grades)
    shared = patterns.shared_variance(cells)
    limit = max(NOTABLE_VARIANCE, NOTABLE_SHARE * expected, CHANCE_TILES / count * expected)
    if shared <= BEYOND_LIMIT * limit:
        return None
    if not patterns.is_coherent(cells):
        return None
    found = patterns.suggest(grades, areas, expected)
    return Assessment(f"duplex:{found.kind}", found.words, found.span)


def block_grades(table: GrainTable) -> tuple[Floats, Floats, float]:
    """Return G of the mean area of grains in blocks of the picture (rows, cols), their areas, and a variance.

    The variance is that of a block's G in uniform steel, CV^2 / n of its areas in units of G squared. A grain belongs
    to the block of its middle. Blocks without grains are NaN.
    """
    height, width = (np.ptp(at) + 1e-9 for at in (table.row_px, table.col_px))
    wanted = float(table.share.sum()) / GRAINS_PER_BLOCK
    rows = int(np.clip(round(math.sqrt(wanted * height / width)), 1, MOST_PER_SIDE))
    cols = int(np.clip(round(wanted / rows), 1, MOST_PER_SIDE))
    y = np.minimum((table.row_px - table.row_px.min()) / height * rows, rows - 1e-6).astype(int)
    x = np.minimum((table.col_px - table.col_px.min()) / width * cols, cols - 1e-6).astype(int)
    block, count = y * cols + x, rows * cols

    def per_block(values: Floats) -> Floats:
        return np.asarray(np.bincount(block, values, count), np.float64)

    areas, shares = per_block(table.area_um2), per_block(table.share)
    known = shares > 0
    mean = areas / np.where(known, shares, 1.0)
    grades = np.where(known, grain_size.g_from_mean_area_um2(np.where(known, mean, 1.0)), np.nan)
    relative = (table.area_um2 / table.share / mean[block] - 1.0) ** 2
    cv2 = float(np.average(relative, weights=table.share))
    expected = cv2 / math.log(2.0) ** 2 * float(np.mean(1.0 / np.maximum(shares[known], 1.0)))
    return grades.reshape(rows, cols), areas.reshape(rows, cols), expected


def _grain_by_grain(table: GrainTable) -> Assessment | None:
    """Return the mixture of grains that lie among each other; None for one size."""
    order = np.argsort(-table.area_um2)
    areas, ringed = table.area_um2[order], table.ringed[order]
    grades, weights = grain_size.g_from_mean_area_um2(areas), areas / areas.sum()
    median = float(grades[np.searchsorted(np.cumsum(weights), 0.5)])
    rest = grades >= median - COARSER_G
    coarse = float(weights[~rest].sum())
    least, most = COARSE_AREA
    if least <= coarse <= most and _sd(grades[rest], weights[rest]) <= ONE_SIZE_G:
        grains = how_many(int(np.count_nonzero(~rest)), "grain")
        words = f"{grains} {COARSER_G:g} G and more coarser than the median on {coarse:.0%}"
        return Assessment(f"duplex:{Mixture.ISOLATED_COARSE}", f"{words} of the area")
    spread = _sd(grades, weights)
    if spread < SPREAD_G:
        return None
    sizes = two_groups(grades, weights)
    split, apart, coarse = sizes.lower, sizes.apart, sizes.share
    in_rings = float(np.average(ringed[:split], weights=weights[:split]))
    words = f"{coarse:.0%} of the area is {apart:.1f} G coarser than the rest"
    if coarse >= NECKLACE_AREA and in_rings >= RINGED * (1.0 - coarse):
        return Assessment(f"duplex:{Mixture.NECKLACE}", f"{words}, in rings of fine grains")
    if apart >= TWO_SIZES_G:
        return Assessment(f"duplex:{Mixture.BIMODAL}", words)
    return Assessment(f"duplex:{Mixture.WIDE_RANGE}", f"G scatters by {spread:.1f} over the area, around no two sizes")


def _sd(grades: Floats, weights: Floats) -> float:
    """Return the standard deviation of grades (n,), each weighing as much as its area."""
    mean = float(np.average(grades, weights=weights))
    return math.sqrt(float(np.average((grades - mean) ** 2, weights=weights)))
