"""Summarize a grade map in the statistics of its micrograph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gdest.core import GradeMap, GradeStatistics, ModelCard, grain_size, interpolate, is_duplex
from gdest.grading.homogeneity import assess
from gdest.grading.spans import words_at_pixel_size


def summarize(grade_map: GradeMap, card: ModelCard) -> GradeStatistics:
    """Return the statistics of a grade map; the map needs at least one finite tile.

    `g` is the mean of the tile grades; `g_from_density` the G of their mean density, since E112
    averages grains per area, never G. The interval is the card's calibrated 90 %, NaN where the map is duplex: one G
    says little of a mixed field.
    """
    tiles = grade_map.g_seen[np.isfinite(grade_map.g_seen)].astype(np.float64)
    g = float(tiles.mean())
    found = assess(grade_map, card)
    half = float("nan") if is_duplex(found.verdict) else interpolate(card.interval, g)
    return GradeStatistics(
        g=g,
        g_low=g - half,
        g_high=g + half,
        g_from_density=grain_size.g_of_mean_density(tiles),
        g_sd=float(tiles.std(ddof=1)) if len(tiles) > 1 else float("nan"),
        g_min=float(tiles.min()),
        g_max=float(tiles.max()),
        within_half_g=float(np.mean(np.abs(tiles - g) <= 0.5)),
        homogeneity=found.verdict,
        homogeneity_note=found.note,
        homogeneity_span=found.span,
    )


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
        homogeneity_note=words_at_pixel_size(statistics.homogeneity_note, statistics.homogeneity_span, moved),
        homogeneity_span=tuple(map(moved, statistics.homogeneity_span)),
    )
