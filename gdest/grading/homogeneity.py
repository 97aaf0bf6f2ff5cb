"""Tell a uniform grade map from a mixed one, and suggest of which kind the mixture is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gdest.core import GradeMap, ModelCard, grain_size, interpolate, tile_areas
from gdest.grading import spatial_patterns as patterns

FEWEST_TILES = 4
"""With fewer tiles nothing is said of homogeneity."""

NOTABLE_VARIANCE = 0.10
"""G squared: two grades 2 G apart, the coarser on a tenth of the area, have more than three times as much."""

NOTABLE_SHARE = 1.2
"""Variance that has a place, in variances of single tiles of uniform steel."""

CHANCE_TILES = 20.0
"""The best of many regions explains by chance up to the variance of this many tiles, spread over all."""

FEWEST_GRAINS_PER_TILE = 15.0
"""With fewer grains in a tile, its grade scatters by half a G and says little of where it lies."""


@dataclass(frozen=True)
class Assessment:
    """Hold `uniform`, `duplex:<a Mixture>` or `unknown`, and one sentence on why."""

    verdict: str
    note: str


def assess(grade_map: GradeMap, card: ModelCard) -> Assessment:
    """Return `uniform`, `duplex:<a Mixture>` or `unknown` for a grade map, and why.

    Only scatter that has a place counts: what one region, the rows or the columns share. It must be notable,
    beyond what single tiles of uniform steel of the same G scatter by, which the card knows (a tile of six
    grains scatters by half a G), and rarer than chance would arrange. Where halving left too few tiles to show
    a place, those of the larger picture are looked at: each says less, but there are more.
    """
    shown = grade_map.closer or grade_map
    tiles = shown.g_seen[np.isfinite(shown.g_seen)].astype(np.float64)
    count = len(tiles)
    if count < FEWEST_TILES or not card.tile_scatter:
        return Assessment("unknown", f"fewer than {FEWEST_TILES} tiles" if card.tile_scatter else "")
    in_picture = float(grain_size.g_after_zoom(float(tiles.mean()), shown.zoom))
    expected = uniform_scatter(card, in_picture) ** 2
    caution = _few_grains(in_picture, card)
    grades = shown.g_seen.astype(np.float64)
    cells = patterns.cells_of(grades)
    shared = patterns.shared_variance(cells)
    excess = max(float(tiles.var(ddof=1)) - expected, 0.0)
    if shared <= max(NOTABLE_VARIANCE, NOTABLE_SHARE * expected, CHANCE_TILES / count * expected):
        placeless = excess > max(NOTABLE_VARIANCE, 2.0 * expected)
        why = f"tiles scatter by {np.sqrt(excess):.1f} G beyond uniform steel, but without a spatial pattern"
        return Assessment("uniform", f"{why if placeless else 'no more scatter than uniform steel shows'}{caution}")
    beyond = f"tiles scatter by {np.sqrt(excess):.1f} G beyond uniform steel"
    if not patterns.is_coherent(cells):
        return Assessment("uniform", f"{beyond}, but without a spatial pattern{caution}")
    found = patterns.suggest(grades, tile_areas(shown.grid), expected)
    return Assessment(f"duplex:{found.kind}", f"{found.words}; {beyond}{caution}")


def uniform_scatter(card: ModelCard, g_in_picture: float) -> float:
    """Return the standard deviation of tile grades in uniform steel.

    Below the card's coarsest grade it grows as one over the root of the number of grains, but at most twofold:
    of nearly grainless tiles the network says about the same.
    """
    coarsest = min((g for g, sd in card.tile_scatter if np.isfinite(sd)), default=g_in_picture)
    growth = min(math.exp2((coarsest - g_in_picture) / 2.0), 2.0)
    return interpolate(card.tile_scatter, g_in_picture) * max(growth, 1.0)


def _few_grains(in_picture: float, card: ModelCard) -> str:
    side_mm = card.tile_px * card.um_per_px * 1e-3
    grains = float(grain_size.grains_per_mm2(in_picture)) * side_mm**2
    return f"; too few grains per tile (about {grains:.0f})" if grains < FEWEST_GRAINS_PER_TILE else ""
