"""Say what a grade map means for its micrograph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gdest import grain_size
from gdest.records import GradeMap, GradeStatistics, ModelCard

FEWEST_TILES = 4
"""With fewer tiles nothing is said of homogeneity."""

NOTABLE_EXCESS_SD = 0.35
"""G: scatter beyond a uniform micrograph's that is too small to matter is not called duplex."""

BIMODAL_SHARE = 0.8
BIMODAL_CONTRAST = 1.0
BIMODAL_AREA = 0.1


def summarize(grade_map: GradeMap, card: ModelCard) -> GradeStatistics:
    """Return the statistics of a grade map; the map needs at least one finite tile.

    `g` is the mean of the tile grades; `g_from_density` the G of their mean density, since E112
    averages grains per area, never G. The interval is the card's calibrated 90 %.
    """
    tiles = grade_map.g_seen[np.isfinite(grade_map.g_seen)].astype(np.float64)
    g = float(tiles.mean())
    half = interpolate(card.interval, g)
    density = float(np.mean(grain_size.grains_per_mm2(tiles)))
    return GradeStatistics(
        g=g,
        g_low=g - half,
        g_high=g + half,
        g_from_density=float(grain_size.g_from_grains_per_mm2(density)),
        g_sd=float(tiles.std(ddof=1)) if len(tiles) > 1 else float("nan"),
        g_min=float(tiles.min()),
        g_max=float(tiles.max()),
        within_half_g=float(np.mean(np.abs(tiles - g) <= 0.5)),
        homogeneity=homogeneity(tiles, grade_map.zoom, card),
    )


def homogeneity(tiles: NDArray[np.float64], zoom: float, card: ModelCard) -> str:
    """Return `uniform`, `duplex:<suggested type>` or `unknown` for tile grades G_seen (n,).

    The scatter a uniform micrograph of the same G shows, which the card knows, is subtracted
    first: a tile of six grains scatters by half a G even in uniform steel. What remains must be
    both notable and more than chance would give (three deviations of a variance from n tiles).
    """
    count = len(tiles)
    if count < FEWEST_TILES or not card.tile_scatter:
        return "unknown"
    expected = interpolate(card.tile_scatter, float(grain_size.g_after_zoom(float(tiles.mean()), zoom))) ** 2
    variance = float(tiles.var(ddof=1))
    excess = variance - expected
    chance = 3.0 * expected * np.sqrt(2.0 / (count - 1))
    if excess <= max(NOTABLE_EXCESS_SD**2, chance):
        return "uniform"
    return "duplex:bimodal" if _is_bimodal(tiles) else "duplex:wide-range"


def _is_bimodal(tiles: NDArray[np.float64]) -> bool:
    """Return whether two well separated groups explain most of the scatter (Otsu's criterion)."""
    ordered = np.sort(tiles)
    count = len(ordered)
    first = np.arange(1, count)
    sums = np.cumsum(ordered)
    low, high = sums[:-1] / first, (sums[-1] - sums[:-1]) / (count - first)
    between = first * (count - first) / count**2 * (high - low) ** 2
    best = int(np.argmax(between))
    share = min(first[best], count - first[best]) / count
    explained = between[best] / max(float(ordered.var()), 1e-12)
    return bool(explained >= BIMODAL_SHARE and high[best] - low[best] >= BIMODAL_CONTRAST and share >= BIMODAL_AREA)


def interpolate(curve: tuple[tuple[float, float], ...], g: float) -> float:
    """Return a card's curve at G_seen, constant beyond its ends; NaN for an empty curve."""
    if not curve:
        return float("nan")
    grades, values = zip(*curve, strict=True)
    return float(np.interp(g, grades, values))


def at_pixel_size(statistics: GradeStatistics, um_per_px: float, card: ModelCard) -> GradeStatistics:
    """Return the statistics with every G moved from the model's pixel size to the micrograph's."""

    def moved(seen: float) -> float:
        return float(grain_size.g_from_seen(seen, um_per_px, card.um_per_px))

    return replace(
        statistics,
        g=moved(statistics.g),
        g_low=moved(statistics.g_low),
        g_high=moved(statistics.g_high),
        g_from_density=moved(statistics.g_from_density),
        g_min=moved(statistics.g_min),
        g_max=moved(statistics.g_max),
    )
