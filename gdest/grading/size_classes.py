"""Tell from the grains themselves whether a steel is duplex, and of which kind: E1181's classes with their areas.

First what has a place, as on a map of tiles: bands, regions, slopes. Then what lies mixed grain by grain, which no
map of tiles can show: two sizes, rings of fine grains round coarse ones, single coarse grains, a wide range.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gdest.core import grain_size
from gdest.grading import spatial_patterns as patterns
from gdest.grading.grain_table import FINER_AREA, GrainTable
from gdest.grading.homogeneity import CHANCE_TILES, NOTABLE_SHARE, NOTABLE_VARIANCE, Assessment
from gdest.grading.spatial_patterns import ISOLATED_AREA, MOST_PER_SIDE, Mixture

Floats = NDArray[np.float64]

FEWEST_GRAINS = 50.0
"""E112 asks for as many in a field; with fewer nothing is said of classes."""

GRAINS_PER_BLOCK = 12.0
"""Of a block that is compared with others; the grade of a block of twelve scatters by 0.4 G."""

TWO_SIZES_G = 3.2
"""Difference of the mean G, by area, of the coarse and the fine half: 80 uniform drawn fields show 1.3 to 2.6, sizes
four G apart (E1181's bimodal, FIELD.md 3.6) more than 3.5."""

TWO_PEAKS_SHARE = 0.78
"""Of the variance of G, by area, that two sizes explain: an even spread over any range leaves a quarter unexplained."""

RINGED_SHARE = 0.6
"""Of the outline of coarse grains that fine ones surround in a necklace."""

NECKLACE_AREA = 0.3
"""Share of the coarse grains from which rings are the rule; fewer are single grains among fine ones."""

COARSE_SHARE = 0.06
"""Share of the area of grains that are 3 G coarser than the mean (E930). Of uniform drawn fields 97 % have less than
0.02, real ones where a boundary was missed up to 0.05; a smaller share is told by the largest grain's G alone."""

WIDE_RANGE_G = 5.5
"""Between the sizes that 5 % and 95 % of the area do not reach: 80 uniform drawn fields show 2.3 to 4.7 (E1181 says 5
between the extremes, which single small sections exceed in any steel)."""

EXTREME_SHARE = 0.05


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
    if shared <= max(NOTABLE_VARIANCE, NOTABLE_SHARE * expected, CHANCE_TILES / count * expected):
        return None
    if not patterns.is_coherent(cells):
        return None
    found = patterns.suggest(grades, areas, expected)
    return Assessment(f"duplex:{found.kind}", found.words)


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
    order = np.argsort(table.area_um2)
    areas, share = table.area_um2[order], table.share[order]
    grades = grain_size.g_from_mean_area_um2(areas)
    apart, explained, split = _two_sizes(areas, grades)
    if apart >= TWO_SIZES_G and explained >= TWO_PEAKS_SHARE:
        coarse = float(areas[split:].sum() / areas.sum())
        ringed = float(np.average(table.ringed[order][split:], weights=areas[split:]))
        words = f"{coarse:.0%} of the area is {apart:.1f} G coarser than the rest"
        if coarse >= NECKLACE_AREA and ringed >= RINGED_SHARE:
            return Assessment(f"duplex:{Mixture.NECKLACE}", f"{words}, in rings of fine grains")
        kind = Mixture.ISOLATED_COARSE if coarse <= ISOLATED_AREA else Mixture.BIMODAL
        return Assessment(f"duplex:{kind}", words)
    large = areas >= FINER_AREA * float(areas.sum() / share.sum())
    coarse = float(areas[large].sum() / areas.sum())
    if COARSE_SHARE <= coarse <= ISOLATED_AREA:
        words = f"{np.count_nonzero(large)} grains 3 G coarser than the mean on {coarse:.0%} of the area"
        return Assessment(f"duplex:{Mixture.ISOLATED_COARSE}", words)
    reached = np.cumsum(areas) / areas.sum()
    fine, rough = (float(grades[np.searchsorted(reached, part)]) for part in (EXTREME_SHARE, 1.0 - EXTREME_SHARE))
    if fine - rough >= WIDE_RANGE_G:
        return Assessment(f"duplex:{Mixture.WIDE_RANGE}", f"nine tenths of the area from G {rough:.1f} to {fine:.1f}")
    return None


def _two_sizes(areas: Floats, grades: Floats) -> tuple[float, float, int]:
    """Return how far two groups are apart in G by area, the share of variance that they explain, and their split.

    The split is where the coarse group begins, such that they explain most (Otsu). `areas` (n,) are sorted, the
    finest first.
    """
    weight = np.cumsum(areas)[:-1] / areas.sum()
    sums = np.cumsum(areas * grades) / areas.sum()
    fine, coarse = sums[:-1] / weight, (sums[-1] - sums[:-1]) / (1.0 - weight)
    between = weight * (1.0 - weight) * (fine - coarse) ** 2
    best = int(np.argmax(between))
    variance = float(np.average((grades - sums[-1]) ** 2, weights=areas))
    return float(fine[best] - coarse[best]), float(between[best]) / max(variance, 1e-12), best + 1
