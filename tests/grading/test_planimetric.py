import numpy as np
import pytest
from helpers.boundary_fields import field_of, squares

from gdest.core import grain_size
from gdest.grading.grains import close_grains
from gdest.grading.planimetric import Planimetric, count_planimetric, joined


def test_cut_squares_count_half_and_corners_a_quarter():
    grains = close_grains(field_of(squares(120, 160, 20, shift=10)))

    counted = count_planimetric(grains, 1.0)

    assert counted.grains == 5 * 7 + (2 * 5 + 2 * 7) / 2 + 4 / 4 == 120 * 160 / 20**2


def test_squares_have_the_g_of_their_area():
    counted = count_planimetric(close_grains(field_of(squares(120, 160, 20, shift=10))), 2.0)

    assert counted.g == pytest.approx(grain_size.g_from_mean_area_um2(40.0**2))


def test_parts_add_as_densities_not_as_g():
    coarse, fine = Planimetric(100, 1e6, np.ones(3)), Planimetric(500, 1e6, np.ones(2))

    both = joined([coarse, fine])

    assert both.g == pytest.approx(grain_size.g_from_grains_per_mm2(300.0))
    assert len(both.areas_um2) == 5


def test_relative_accuracy_is_students_interval_of_the_mean_area():
    counted = Planimetric(5, 1e6, np.array([80.0, 90.0, 100.0, 110.0, 120.0]))

    assert counted.relative_accuracy == pytest.approx(2.776 * 15.811 / np.sqrt(5) / 100, rel=1e-3)


def test_nothing_counted_has_no_g():
    assert np.isnan(Planimetric(0, 0.0, np.zeros(0)).g)
