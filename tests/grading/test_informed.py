"""A count moves an estimate towards itself: by a share of the way, by little at most, and only with an interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.predictors import CARD

from gdest.core import GrainCount
from gdest.core.counted import LINES
from gdest.core.records import GradeStatistics
from gdest.grading.informed import MOST_BY, SHARE_OF_WAY, informed, way_to_count

STATISTICS = GradeStatistics(7.0, 6.1, 7.9, 7.2, 0.3, 6.0, 8.0, 0.9, "uniform")
INFORMED = replace(CARD, informed_interval=((5.0, 0.3), (9.0, 0.7)))


@pytest.mark.parametrize("far", [-0.5, -0.1, 0.0, 0.2])
def test_an_estimate_goes_a_share_of_the_way_to_a_near_count(far):
    assert way_to_count(7.0, 7.0 + far) == pytest.approx(SHARE_OF_WAY * far)


def test_a_far_count_moves_it_by_little_and_no_count_not_at_all():
    assert (way_to_count(7.0, 9.0), way_to_count(7.0, 3.0)) == (MOST_BY, -MOST_BY)
    assert way_to_count(7.0, float("nan")) == 0.0


def test_a_count_leads_as_far_as_lines_are_seen_and_where_nobody_looked():
    few, many = LINES
    for share, led in ((0.0, 0.0), (few, 0.0), ((few + many) / 2, 0.5), (many, 1.0), (1.0, 1.0), (np.nan, 1.0)):
        count = GrainCount(g=6.0, line_share=share)
        assert count.led_by_lines == pytest.approx(led)
        assert informed(STATISTICS, count, 1.0, INFORMED).g == pytest.approx(7.0 - 0.3 * led)


def test_an_estimate_that_no_lines_move_keeps_its_own_interval():
    for share, half in ((0.0, 0.9), (0.9, 0.47), (sum(LINES) / 2, (0.9 + 0.485) / 2)):
        found = informed(STATISTICS, GrainCount(g=6.0, line_share=share), 1.0, INFORMED)
        assert found.g_high - found.g == pytest.approx(half)
        assert found.g - found.g_low == pytest.approx(half)


def test_all_g_of_a_micrograph_move_alike_and_the_interval_is_that_of_moved_answers():
    found = informed(STATISTICS, GrainCount(g=6.0), 1.0, INFORMED)
    moved = [found.g, found.g_from_density, found.g_min, found.g_max]
    assert moved == pytest.approx([6.7, 6.9, 5.7, 7.7])
    assert found.g - found.g_low == found.g_high - found.g == pytest.approx(0.3 + 0.4 * 1.7 / 4)
    assert (found.g_sd, found.within_half_g) == (STATISTICS.g_sd, STATISTICS.within_half_g)


def test_the_interval_is_read_at_the_g_that_the_model_would_see():
    """At 2 um per px, G 7 looks like G 9."""
    found = informed(STATISTICS, GrainCount(g=7.0), 2.0, INFORMED)
    assert found.g_high - found.g == pytest.approx(0.7)


def test_the_interval_is_wider_where_the_count_is_less_sure():
    scaled = replace(INFORMED, informed_scale=((0.0, 0.5), (1.0, 2.5)))
    for spread, factor in ((0.0, 0.5), (0.25, 1.0), (1.0, 2.5), (3.0, 2.5), (np.nan, 2.5)):
        found = informed(STATISTICS, GrainCount(g=7.0, spread=spread), 1.0, scaled)
        assert found.g_high - found.g == found.g - found.g_low == pytest.approx(0.5 * factor)


def test_without_a_count_or_by_weights_that_were_not_calibrated_for_it_nothing_moves():
    assert informed(STATISTICS, GrainCount(g=np.nan), 1.0, INFORMED) is STATISTICS
    assert informed(STATISTICS, GrainCount(g=6.0), 1.0, CARD) is STATISTICS


def test_a_mixed_field_keeps_no_interval():
    mixed = replace(STATISTICS, homogeneity="duplex:bimodal")
    assert np.isnan(informed(mixed, GrainCount(g=6.0), 1.0, INFORMED).g_low)
