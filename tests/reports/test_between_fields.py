from __future__ import annotations

import math

import numpy as np
import pytest

from gdest.reports.between_fields import NOTABLE_SD, OwnScatter, are_scattered, excess_sd


def fields(grades, sd=0.1):
    return [OwnScatter(g, sd) for g in grades]


def test_equally_sure_fields_are_an_analysis_of_variance():
    # mean square between 0.155 / 0.01 = 15.5 with 4 degrees of freedom; 0.155 - 0.01 is left
    assert excess_sd(fields([7.1, 7.4, 7.6, 7.9, 8.1])) == pytest.approx(math.sqrt(0.157 - 0.01))
    assert np.var([7.1, 7.4, 7.6, 7.9, 8.1], ddof=1) == pytest.approx(0.157)


def test_fields_drawn_from_one_grain_size_are_seldom_scattered_and_those_of_two_are(rng):
    def share(spread):
        drawn = [fields(rng.normal(7.0, math.hypot(0.2, spread), 6), 0.2) for _ in range(300)]
        return np.mean([are_scattered(one) for one in drawn])

    assert share(0.0) <= 0.02
    assert share(1.0) >= 0.95


def test_a_difference_that_is_sure_but_small_is_not_notable():
    small = fields([7.0, 7.1, 7.2, 7.3, 7.4], 0.01)
    assert 0.0 < excess_sd(small) < NOTABLE_SD
    assert not are_scattered(small)


def test_an_unsure_field_weighs_little():
    outlier = [*fields([7.0] * 5, 0.05), OwnScatter(9.0, 1.5)]
    assert excess_sd(outlier) == 0.0
    assert excess_sd([*fields([7.0] * 5, 0.05), OwnScatter(9.0, 0.05)]) > 0.5


@pytest.mark.parametrize("few", [[], fields([7.0]), [OwnScatter(7.0, 0.1), OwnScatter(9.0, math.nan)]])
def test_where_nothing_can_be_compared_nothing_is_known(few):
    assert math.isnan(excess_sd(few))
    assert not are_scattered(few)


def test_what_chance_arranges_once_in_thirty_is_no_scatter():
    # Q = 0.9 squared / (2 x 0.3 squared) = 4.5 with one degree of freedom: p = 0.034; with 0.2 instead 10.1, p = 0.001
    assert excess_sd(fields([7.0, 7.9], 0.3)) == 0.0
    assert excess_sd(fields([7.0, 7.9], 0.2)) == pytest.approx(math.sqrt(0.405 - 0.04))
