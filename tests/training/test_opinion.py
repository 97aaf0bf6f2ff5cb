"""The errors of a lab's own fields: what they prove, what interval they leave, what more of them would bring."""

from __future__ import annotations

import numpy as np
import pytest

from gdest.training.opinion import Opinion, half_width, proven_bias


def test_a_mean_error_within_two_standard_errors_is_chance_and_a_far_one_is_nearly_whole():
    scattered = np.array([-0.3, 0.4, -0.2, 0.3, 0.1])
    assert proven_bias(scattered) == 0.0
    assert proven_bias(scattered + 2.0) == pytest.approx(2.06, abs=0.05)
    assert proven_bias(scattered - 2.0) < -1.8


def test_the_half_width_holds_nine_in_ten_further_errors():
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(4000):
        errors = rng.normal(0.0, 0.2, 9)
        inside.append(abs(errors[8] - errors[:8].mean()) <= half_width(errors[:8] - errors[:8].mean(), 0.9))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.015)


def test_fields_that_agree_by_chance_make_no_interval_narrower_than_any_steels():
    """Five of a steel that scatters as others do, one of ten of which by chance hardly: the two are pooled."""
    rng = np.random.default_rng(1)
    inside, narrowest = [], {True: 9.0, False: 9.0}
    for _ in range(4000):
        errors = rng.normal(0.0, 0.2, 6)
        left = errors[:5] - errors[:5].mean()
        for known in (True, False):
            narrowest[known] = min(narrowest[known], half_width(left, 0.9, (0.2, 6.0) if known else (0.0, 0.0)))
        inside.append(abs(errors[5] - errors[:5].mean()) <= half_width(left, 0.9, (0.2, 6.0)))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.015)
    assert narrowest[True] > 0.25 > 0.1 > narrowest[False]


def test_other_steels_weigh_no_more_than_a_few_fields_of_ones_own():
    left = np.array([0.4, -0.4] * 5)
    assert half_width(left, 0.9, (0.1, 1e5)) == half_width(left, 0.9, (0.1, 8.0)) > 0.55
    assert half_width(left, 0.9, (0.1, 0.0)) == half_width(left, 0.9)


def test_the_share_inside_is_that_of_the_fields_that_had_an_interval():
    errors = np.array([0.1, 0.9, 0.1])
    assert Opinion("estimate", errors, np.array([0.5, 0.5, np.nan])).before == (pytest.approx(1.1 / 3), 0.5)
    assert np.isnan(Opinion("count", errors, np.full(3, np.nan)).before[1])
    assert (Opinion("estimate", errors, errors).coverage, Opinion("count", errors, errors).coverage) == (0.9, 0.95)


def test_more_fields_that_scatter_alike_narrow_the_interval():
    one = Opinion("estimate", np.array([0.1, 0.3, 0.2, 0.3, 0.1, 0.2]), np.full(6, 0.5))
    assert one.half_width_of(6) == pytest.approx(one.half_width)
    assert one.half_width_of(12) < one.half_width_of(8) < one.half_width
    assert one.before == pytest.approx((0.2, 1.0))


@pytest.mark.parametrize("others", [(0.02, 6.0), (0.2, 6.0), (0.6, 8.0), (0.2, 1e5)])
@pytest.mark.parametrize("fields", [5, 9])
def test_more_fields_are_never_forecast_to_widen_the_interval(others, fields):
    """Also where these scatter more than other steels: what the few scatter by chance is not taken for the steel's."""
    errors = np.array([0.3, -0.25, 0.2, -0.3, 0.05, 0.1, -0.2, 0.25, -0.15])[:fields]
    one = Opinion("count", errors, np.full(fields, 0.5), others=others)
    assert one.half_width_of(fields) == pytest.approx(one.half_width)
    assert one.half_width_of(4 * fields) < one.half_width_of(2 * fields) < one.half_width


def test_the_forecast_is_what_nine_further_fields_of_such_steels_bring():
    """Of steels that scatter as differently as the pooling presumes, as many narrow more than forecast as less."""
    rng = np.random.default_rng(3)
    came_of_it = []
    for _ in range(4000):
        errors = rng.normal(0.0, 0.2 * np.sqrt(6.0 / rng.chisquare(6.0)), 18)
        nine, both = (Opinion("count", part - part.mean(), part, others=(0.2, 6.0)) for part in (errors[:9], errors))
        came_of_it.append(both.half_width / nine.half_width_of(18))
    assert np.median(came_of_it) == pytest.approx(1.0, abs=0.02)


def test_after_is_measured_on_the_field_that_was_left_out():
    """Five fields agree and one lies apart: the five calibrate it away from its truth, and it lies outside."""
    errors = np.array([0.5, 0.52, 0.48, 0.5, 0.51, -0.5])
    mae, inside = Opinion("estimate", errors, np.full(6, 0.5)).after
    assert inside == pytest.approx(5 / 6)
    assert mae > 0.15


def test_an_informed_opinion_is_measured_before_and_after_as_a_scan_tells_it():
    errors, counted = np.array([0.3, 0.5, 0.4, 0.3, 0.5]), np.array([0.1, 0.3, 0.2, 0.1, 0.3])
    one = Opinion("estimate", errors, np.full(5, 0.3), counted)
    assert one.before == (pytest.approx(np.mean(errors - 0.5 * 0.2)), 2 / 5)
    left, _ = one.calibrated_by(np.arange(5))
    assert left == pytest.approx(errors - proven_bias(errors), abs=0.02)
    assert Opinion("estimate", errors, np.full(5, 0.3)).before[0] == pytest.approx(0.4)
