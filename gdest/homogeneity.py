"""Tell a uniform grade map from a mixed one, and suggest of which kind the mixture is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gdest import grain_size, patterns
from gdest.records import GradeMap, ModelCard, TileGrid

FEWEST_TILES = 4
"""With fewer tiles nothing is said of homogeneity."""

NOTABLE_EXCESS_SD = 0.35
"""G: scatter beyond a uniform micrograph's that is too small to matter is not called duplex."""

NOTABLE_EXCESS_SHARE = 2.5
"""The same in variances of an average uniform micrograph: single ones, unevenly grown, reach three times that."""

FEWEST_GRAINS_PER_TILE = 15.0
"""With fewer grains in a tile, its grade scatters by half a G and says little of where it lies."""


@dataclass(frozen=True)
class Homogeneity:
    """Hold `uniform`, `duplex:<suggested type>` or `unknown`, and one sentence on why."""

    verdict: str
    note: str


def assess(grade_map: GradeMap, card: ModelCard) -> Homogeneity:
    """Return `uniform`, `duplex:<suggested type>` or `unknown` for a grade map, and why.

    The scatter a uniform micrograph of the same G shows, which the card knows, is subtracted
    first: a tile of six grains scatters by half a G even in uniform steel. What remains must be
    notable, beyond what single uniform micrographs show, and lie in patches, bands or a slope rather
    than anywhere.
    """
    tiles = grade_map.g_seen[np.isfinite(grade_map.g_seen)].astype(np.float64)
    count = len(tiles)
    if count < FEWEST_TILES or not card.tile_scatter:
        return Homogeneity("unknown", f"fewer than {FEWEST_TILES} tiles" if card.tile_scatter else "")
    in_picture = float(grain_size.g_after_zoom(float(tiles.mean()), grade_map.zoom))
    expected = interpolate(card.tile_scatter, in_picture) ** 2
    excess = float(tiles.var(ddof=1)) - expected
    caution = _few_grains(in_picture, card)
    if excess <= max(NOTABLE_EXCESS_SD**2, NOTABLE_EXCESS_SHARE * expected):
        return Homogeneity("uniform", f"no more scatter than uniform steel shows{caution}")
    found = patterns.suggest(grade_map.g_seen.astype(np.float64), tile_areas(grade_map.grid))
    beyond = f"tiles scatter by {np.sqrt(excess):.1f} G beyond uniform steel"
    if found is None:
        return Homogeneity("uniform", f"{beyond}, but without a spatial pattern{caution}")
    return Homogeneity(f"duplex:{found.kind}", f"{found.words}; {beyond}{caution}")


def _few_grains(in_picture: float, card: ModelCard) -> str:
    side_mm = card.tile_px * card.um_per_px * 1e-3
    grains = float(grain_size.grains_per_mm2(in_picture)) * side_mm**2
    return f"; too few grains per tile (about {grains:.0f})" if grains < FEWEST_GRAINS_PER_TILE else ""


def interpolate(curve: tuple[tuple[float, float], ...], g: float) -> float:
    """Return a card's curve at G_seen, constant beyond its ends; NaN for an empty curve."""
    if not curve:
        return float("nan")
    grades, values = zip(*curve, strict=True)
    return float(np.interp(g, grades, values))


def tile_areas(grid: TileGrid) -> NDArray[np.float64]:
    """Return each tile's area in px, (rows, cols) of the grid; where tiles overlap they share alike."""
    return np.outer(_lengths(grid.tops, grid.tile_px), _lengths(grid.lefts, grid.tile_px))


def _lengths(starts: tuple[int, ...], side: int) -> NDArray[np.float64]:
    cover = np.zeros(starts[-1] + side)
    for start in starts:
        cover[start : start + side] += 1.0
    share = 1.0 / np.maximum(cover, 1.0)
    return np.array([share[start : start + side].sum() for start in starts])


def area_by_half_grade(grade_map: GradeMap, shift: float = 0.0) -> list[tuple[float, float]]:
    """Return (G to a half grade, share of the graded area), coarsest first; `shift` moves every G first."""
    grades, areas = grade_map.g_seen.astype(np.float64) + shift, tile_areas(grade_map.grid)
    known = np.isfinite(grades)
    steps = np.floor(grades[known] * 2.0 + 0.5) / 2.0
    total = float(areas[known].sum())
    return [(float(g), float(areas[known][steps == g].sum()) / total) for g in np.unique(steps)]
