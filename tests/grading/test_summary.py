from __future__ import annotations

import warnings

import numpy as np
import pytest
from helpers.predictors import CARD

from gdest.core.grid import tile_grid
from gdest.core.records import GradeMap
from gdest.grading.summary import at_pixel_size, summarize


def grade_map(values, zoom=1.0):
    values = np.asarray(values, np.float32)
    grid = tile_grid(224 * values.shape[0], 224 * values.shape[1], 224, 224)
    return GradeMap(values, grid, zoom, values.size)


def test_density_is_averaged_before_it_becomes_g():
    statistics = summarize(grade_map([[4.0, 8.0]]), CARD)
    assert statistics.g == 6.0
    # (124 + 1984) / 2 = 1054 grains per mm2
    assert statistics.g_from_density == pytest.approx(7.0875, abs=1e-3)
    assert (statistics.g_min, statistics.g_max) == (4.0, 8.0)
    assert statistics.within_half_g == 0.0


def test_interval_is_the_cards_at_this_g_and_empty_tiles_do_not_count():
    statistics = summarize(grade_map([[7.0, np.nan], [7.0, 7.0]]), CARD)
    half = 0.6 + (0.2 - 0.6) * 6 / 12
    assert statistics.g_low == pytest.approx(7.0 - half)
    assert statistics.g_high == pytest.approx(7.0 + half)
    assert statistics.g_sd == 0.0


def test_pixel_size_moves_every_g_and_no_scatter():
    seen = summarize(grade_map([[5.0, 6.0], [5.0, 6.0]]), CARD)
    true = at_pixel_size(seen, 0.5, CARD)
    for name in ("g", "g_low", "g_high", "g_from_density", "g_min", "g_max"):
        assert getattr(true, name) == pytest.approx(getattr(seen, name) + 2.0)
    assert true.g_sd == seen.g_sd


def test_scatter_and_share_are_those_of_the_tiles():
    statistics = summarize(grade_map([[5.0, 6.0, 7.0]]), CARD)
    assert statistics.g_sd == pytest.approx(1.0)  # of a sample: 2 / (3 - 1)
    assert statistics.within_half_g == pytest.approx(1 / 3)
    assert summarize(grade_map([[6.0, 7.0]]), CARD).within_half_g == 1.0  # half a G away is within
    assert summarize(grade_map([[6.0, 7.1]]), CARD).within_half_g == 0.0


def test_one_tile_has_no_scatter():
    with warnings.catch_warnings(action="error"):  # as numpy gives for the deviation of one number
        statistics = summarize(grade_map([[6.0]]), CARD)
    assert np.isnan(statistics.g_sd)
    assert (statistics.g, statistics.g_min, statistics.g_max) == (6.0, 6.0, 6.0)
    assert statistics.homogeneity == "unknown"


def test_what_is_said_of_homogeneity_stands_beside_the_numbers():
    statistics = summarize(grade_map([[4.0] * 4, [4.0] * 3 + [np.nan]]), CARD)
    assert statistics.homogeneity == "unknown"
    assert "too few grains to tell: about 44 in all tiles" in statistics.homogeneity_note
    assert at_pixel_size(statistics, 2.0, CARD).homogeneity_note == statistics.homogeneity_note


def test_a_mixed_field_claims_no_interval():
    mixed = summarize(grade_map([[6.0] * 4 + [9.0] * 4] * 6), CARD)
    assert mixed.homogeneity.startswith("duplex")
    assert mixed.g == 7.5
    assert np.isnan([mixed.g_low, mixed.g_high]).all()
    moved = at_pixel_size(mixed, 0.5, CARD)
    assert np.isnan([moved.g_low, moved.g_high]).all()
    assert summarize(grade_map([[7.5] * 8] * 6), CARD).g_low < 7.5
