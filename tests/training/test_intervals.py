"""How wide intervals must be: at each G, over materials, and by how sure a count is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from helpers.measured_fields import fields_of, measured_field

from gdest.core import GrainCount
from gdest.training.intervals import (
    conformal_half_width,
    informed_curves,
    informed_error,
    interval_curve,
    spread_scale,
)


@pytest.mark.parametrize("count", [*range(1, 12), 19, 20, 28, 29, 30, 39, 40, 41])
def test_the_half_width_is_the_smallest_error_that_holds_nine_in_ten_of_the_ranks_of_one_more(count):
    """Among n + 1 exchangeable errors the next is equally likely to take each of the n + 1 ranks."""
    errors = np.random.default_rng(count).permutation(np.arange(1.0, count + 1)) * [(-1) ** i for i in range(count)]
    ranks = [rank for rank in range(1, count + 1) if Fraction(rank, count + 1) >= Fraction(9, 10)]
    assert conformal_half_width(errors) == min(ranks, default=count)


def test_a_further_error_lies_inside_the_interval_of_few_nine_times_in_ten():
    """With ten errors the plain quantile, the ninth of them, would hold 9 / 11 = 0.82."""
    draws = np.random.default_rng(0).standard_normal((20000, 11))
    inside = [abs(one[10]) <= conformal_half_width(one[:10]) for one in draws]
    assert np.mean(inside) == pytest.approx(10 / 11, abs=0.01)


def test_each_point_of_the_interval_is_the_37th_error_of_40_neighbours_and_half_of_them_are_shared():
    fields = [measured_field(error=i + 1.0, g_seen=3.0 + 0.1 * i) for i in range(80)]
    order = np.random.default_rng(1).permutation(80)
    assert interval_curve([fields[i] for i in order]) == ((4.95, 37.0), (6.95, 57.0), (8.95, 77.0))
    assert interval_curve(fields[:59]) == ((4.95, 37.0),)
    assert interval_curve(fields[:3]) == ((3.1, 3.0),)


def test_the_interval_is_that_of_unseen_materials_where_that_is_wider():
    errors = {f"{i}": [0.3] for i in range(6)}
    assert interval_curve(fields_of(errors)) == ((6.0, 0.3),)
    assert interval_curve(fields_of({**errors, "5": [0.2, 0.9]}))[0][1] == 0.9


def counted(error, spread, count_error=None, **known):
    """Return a field whose estimate and count (the same, unless told) are off by so much."""
    field = measured_field(error, **known)
    field.row.count = GrainCount(g=field.item.g + (error if count_error is None else count_error), spread=spread)
    return field


def test_fields_in_which_no_lines_are_seen_say_nothing_of_moved_estimates():
    field = counted(0.4, 0.1, 0.2)
    for share, error in ((0.02, 0.4), (0.9, 0.3), (np.nan, 0.3)):
        field.row.count = replace(field.row.count, line_share=share)
        assert informed_error(field) == pytest.approx(error)
        ((_, half),) = informed_curves([field, counted(0.1, 0.1)])[0]
        assert half == pytest.approx(0.1 if share == 0.02 else 0.3)


def test_an_estimate_that_its_count_moves_has_an_interval_of_its_own():
    fields = [counted(0.4, 0.1, count_error) for count_error in (0.2, 0.4, np.nan)]
    assert [informed_error(one) for one in fields] == pytest.approx([0.4 - 0.5 * 0.2, 0.4, 0.4])
    interval, scale = informed_curves(fields)
    assert (interval[0][1], scale) == (pytest.approx(0.4), ())
    fields[0].row.count = None
    assert informed_curves(fields[::2]) == ((), ())


def test_errors_that_grow_with_the_spread_make_narrow_intervals_where_a_count_is_sure():
    """The sd of the errors is 0.1 + 0.4 of the spread, which is 0 to 1."""
    rng = np.random.default_rng(0)
    spreads = rng.uniform(0.0, 1.0, 4000)
    fields = [counted(rng.normal(0.0, 0.1 + 0.4 * spread), spread) for spread in spreads]
    ((_, half), *_), scale = informed_curves(fields)
    (least, narrow), (most, wide) = scale
    assert (least, most) == (0.0, pytest.approx(1.0, abs=0.01))
    assert (narrow, wide) == (pytest.approx(0.1 / 0.3, abs=0.05), pytest.approx(0.5 / 0.3, abs=0.1))
    for low in (0.0, 0.25, 0.5, 0.75):
        inside = [
            abs(one.error) <= half * np.interp(one.count.spread, *zip(*scale, strict=True))
            for one in fields
            if low <= one.count.spread < low + 0.25
        ]
        assert np.mean(inside) == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize(
    ("errors", "spreads"),
    [([0.1, 0.5] * 10, [0.1, 0.5] * 10), (np.linspace(0.5, 0.1, 50), np.linspace(0, 1, 50)),
     (np.linspace(0.0, 0.5, 50), np.linspace(0.3, 1, 50))],
    ids=["few", "errors that fall", "no error left where the count is sure"],
)  # fmt: skip
def test_an_interval_that_the_errors_do_not_ask_to_be_scaled_is_not(errors, spreads):
    assert spread_scale(errors, spreads) == ()
