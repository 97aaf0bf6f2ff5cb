"""Tell a uniform grade map from a mixed one, and suggest of which kind the mixture is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gdest.core import GradeMap, ModelCard, covered_px, grain_size, interpolate, is_duplex, tile_areas, told_apart
from gdest.grading import spatial_patterns as patterns

FEWEST_TILES = 4
"""With fewer tiles nothing is said of homogeneity."""

NOTABLE_VARIANCE = 0.10
"""G squared: two grades 2 G apart, the coarser on a tenth of the area, have more than three times as much."""

NOTABLE_SHARE = 1.2
"""Variance that has a place, in variances of single tiles of uniform steel."""

CHANCE_TILES = 20.0
"""The best of many regions explains by chance up to the variance of this many tiles, spread over all."""

SMALLEST_MIXTURE = 0.36
"""G squared: the variance of two grades 2 G apart, the coarser on a tenth of the area. Nothing is called uniform whose
tiles may vary by as much: of 84 uniform drawn fields 21 are left open so, none above G 7, and of 85 mixed ones that
were spliced from them all that the rules miss but one."""

SURE = 0.95
"""The probability with which the variance of so many tiles is below the bound that is compared with it."""

FEWEST_GRAINS = 50.0
"""In all tiles: E112 asks for as many in a field."""


DIRECTED = tuple(
    f"duplex:{kind}"
    for kind in (patterns.Mixture.BANDING_HORIZONTAL, patterns.Mixture.BANDING_VERTICAL, patterns.Mixture.GRADIENT)
)
"""Mixtures that lie along a direction."""


@dataclass(frozen=True)
class Assessment:
    """Hold `uniform`, `duplex:<a Mixture>` or `unknown`, one sentence on why, and the G as seen that it names."""

    verdict: str
    note: str
    span: tuple[float, ...] = ()


def assess(grade_map: GradeMap, card: ModelCard) -> Assessment:
    """Return `uniform`, `duplex:<a Mixture>` or `unknown` for a grade map, and why.

    Only scatter that has a place counts: what one region, the rows or the columns share. It must be notable,
    beyond what single tiles of uniform steel of the same G scatter by, which the card knows (a tile of six
    grains scatters by half a G), and rarer than chance would arrange. Where halving left too few tiles to show
    a place, those of the larger picture are looked at: each says less, but there are more. What scatters
    notably without a place is `unknown`, as is a map that could hide `SMALLEST_MIXTURE`, or has too few grains.
    """
    shown = grade_map.closer or grade_map
    tiles = shown.g_seen[np.isfinite(shown.g_seen)].astype(np.float64)
    count = len(tiles)
    if count < FEWEST_TILES or not card.tile_scatter:
        return Assessment("unknown", f"fewer than {FEWEST_TILES} tiles" if card.tile_scatter else "")
    in_picture = float(grain_size.g_after_zoom(float(tiles.mean()), shown.zoom))
    expected = uniform_scatter(card, in_picture) ** 2
    grades = shown.g_seen.astype(np.float64)
    cells = patterns.cells_of(grades)
    notable = max(NOTABLE_VARIANCE, NOTABLE_SHARE * expected, CHANCE_TILES / count * expected)
    beyond = f"tiles scatter by {_excess_sd(tiles, expected):.1f} G beyond uniform steel"
    if patterns.shared_variance(cells) > notable and patterns.is_coherent(cells):
        found = patterns.suggest(grades, tile_areas(shown.grid), expected)
        return Assessment(f"duplex:{found.kind}", f"{found.words}; {beyond}", found.span)
    each = _grains_in_tile(grade_map, shown, card)
    grains = each * covered_px(shown.grid, np.isfinite(shown.g_seen)) / shown.grid.tile_px**2
    if grains < FEWEST_GRAINS:
        held, needed = told_apart(grains, FEWEST_GRAINS, digits=0)
        return Assessment("unknown", f"too few grains to tell: about {held} in all tiles, {needed} are needed")
    if _excess_sd(tiles, expected) ** 2 > max(NOTABLE_VARIANCE, 2.0 * expected):
        return Assessment("unknown", f"{beyond}, without a spatial pattern")
    if _most_variance(tiles) > SMALLEST_MIXTURE:
        scatter = f"{count} tiles of about {each:.0f} grains scatter by {tiles.std(ddof=1):.1f} G"
        return Assessment("unknown", f"{scatter}, too much to tell")
    return Assessment("uniform", "no more scatter than uniform steel shows")


def joined_opinions(tiles: Assessment, grains: Assessment) -> Assessment:
    """Return what tiles and counted grains say together; `grains` without a verdict were not counted.

    The grains themselves decide the class, and what the tiles leave open. Where they alone see one size only, the tiles
    still may see two: single coarse patches in which too few boundaries were found, say. Bands and slopes are named
    by the tiles, which are more: 11 of 13 drawn slopes, where blocks of grains named 7.
    """
    if not grains.verdict or grains.verdict == "unknown" or (grains.verdict == "uniform" and is_duplex(tiles.verdict)):
        return tiles
    if tiles.verdict in DIRECTED:
        return tiles
    return Assessment(grains.verdict, f"by the counted grains: {grains.note}")


def _most_variance(tiles: NDArray[np.float64]) -> float:
    """Return the upper end of the one-sided interval of the variance of tile grades (n,)."""
    from scipy.special import chdtri

    free = len(tiles) - 1
    return float(tiles.var(ddof=1)) * free / float(chdtri(free, SURE))


def _excess_sd(tiles: NDArray[np.float64], expected: float) -> float:
    """Return by how much tiles scatter beyond an expected variance, as a standard deviation."""
    return math.sqrt(max(float(tiles.var(ddof=1)) - expected, 0.0))


def uniform_scatter(card: ModelCard, g_in_picture: float) -> float:
    """Return the standard deviation of tile grades in uniform steel.

    Below the card's coarsest grade it grows as one over the root of the number of grains, but at most twofold:
    of nearly grainless tiles the network says about the same.
    """
    coarsest = min((g for g, sd in card.tile_scatter if np.isfinite(sd)), default=g_in_picture)
    growth = min(math.exp2((coarsest - g_in_picture) / 2.0), 2.0)
    return interpolate(card.tile_scatter, g_in_picture) * max(growth, 1.0)


def _grains_in_tile(grade_map: GradeMap, shown: GradeMap, card: ModelCard) -> float:
    """Return how many grains a tile of the map that is looked at holds, by the G that the micrograph is given."""
    g = float(grade_map.g_seen[np.isfinite(grade_map.g_seen)].mean())
    side_mm = card.tile_px * card.um_per_px * 1e-3
    return float(grain_size.grains_per_mm2(grain_size.g_after_zoom(g, shown.zoom))) * side_mm**2
