from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from gdest.core import grain_size as gs

# ASTM E112, table of grain size relationships: G, N_A per mm2, mean area um2, mean intercept um
TABLE = [
    (0.0, 7.75, 129032, 320.0),
    (1.0, 15.5, 64516, 226.3),
    (2.5, 43.84, 22810, 134.5),
    (4.0, 124.0, 8065, 80.0),
    (5.0, 248.0, 4032, 56.6),
    (8.0, 1984.0, 504.0, 20.0),
    (10.0, 7936.0, 126.0, 10.0),
    (12.0, 31744.0, 31.5, 5.0),
    (14.0, 126976.0, 7.875, 2.5),
]
GRADES = st.floats(0.0, 16.0)


@pytest.mark.parametrize(("g", "density", "area", "intercept"), TABLE)
def test_the_standards_table_is_reproduced_both_ways(g, density, area, intercept):
    assert gs.grains_per_mm2(g) == pytest.approx(density, rel=1e-3)
    assert gs.mean_area_um2(g) == pytest.approx(area, rel=1e-3)
    assert gs.mean_intercept_um(g) == pytest.approx(intercept, rel=5e-3)
    assert gs.g_from_grains_per_mm2(density) == pytest.approx(g, abs=0.01)
    assert gs.g_from_mean_area_um2(area) == pytest.approx(g, abs=0.01)
    assert gs.g_from_mean_intercept_um(intercept) == pytest.approx(g, abs=0.01)


@given(GRADES)
def test_density_agrees_with_the_standards_printed_formula(g):
    assert 3.321928 * np.log10(gs.grains_per_mm2(g)) - 2.954 == pytest.approx(g, abs=0.001)


@given(GRADES)
def test_every_conversion_is_undone_by_its_inverse(g):
    for forth, back in [
        (gs.grains_per_mm2, gs.g_from_grains_per_mm2),
        (gs.mean_area_um2, gs.g_from_mean_area_um2),
        (gs.mean_diameter_um, gs.g_from_mean_diameter_um),
        (gs.mean_intercept_um, gs.g_from_mean_intercept_um),
        (gs.iso_643, gs.g_from_iso_643),
    ]:
        assert back(forth(g)) == pytest.approx(g, abs=1e-9)


@given(GRADES)
def test_the_intercept_agrees_with_the_standards_printed_formula(g):
    assert -6.643856 * np.log10(gs.mean_intercept_um(g) / 1000) - 3.288 == pytest.approx(g, abs=1e-9)
    # the intercept of a plane tessellation is about 0.89 of the mean diameter
    assert 0.88 < gs.mean_intercept_um(g) / gs.mean_diameter_um(g) < 0.9


@given(GRADES)
def test_area_and_diameter_are_those_of_the_grains_that_fill_a_square_millimetre(g):
    count = 15.5 * 2.0 ** (g - 1)
    assert gs.mean_area_um2(g) * count == pytest.approx(1e6)
    assert gs.mean_diameter_um(g) ** 2 * count == pytest.approx(1e6)


@given(GRADES)
def test_the_iso_number_is_that_of_its_printed_formula(g):
    assert gs.iso_643(g) == pytest.approx(np.log2(15.5 * 2.0 ** (g - 1)) - 3, abs=1e-9)


def test_the_mean_of_a_field_is_that_of_the_density_weighted_where_told():
    g = np.array([6.0, 8.0], np.float32)
    density = np.array([496.0, 1984.0])
    assert gs.g_of_mean_density(g) == pytest.approx(1 + np.log2(density.mean() / 15.5))
    weighted = (3 * density[0] + density[1]) / 4
    assert gs.g_of_mean_density(g, np.array([3.0, 1.0])) == pytest.approx(1 + np.log2(weighted / 15.5))
    assert gs.g_of_mean_density(g) > 7.3 > g.mean()


@pytest.mark.parametrize(
    ("counted", "grains"), [((10, 0, 0), 10.0), ((0, 8, 0), 4.0), ((0, 0, 4), 1.0), ((10, 8, 4), 15.0), ((7, 3), 8.5)]
)
def test_grains_on_the_rim_count_half_and_at_a_corner_a_quarter(counted, grains):
    assert gs.planimetric_count(*counted) == grains


def test_g_from_a_count_divides_by_the_area():
    assert gs.g_from_count(992.0, 0.5) == pytest.approx(8.0, abs=1e-3)
    assert gs.g_from_count(992.0, 2.0) == pytest.approx(6.0, abs=1e-3)


@given(GRADES, st.floats(0.1, 10.0))
def test_enlarging_an_image_spreads_its_grains_over_more_area(g, zoom):
    assert gs.grains_per_mm2(gs.g_after_zoom(g, zoom)) == pytest.approx(gs.grains_per_mm2(g) / zoom**2)


def test_no_grains_have_no_g():
    with np.errstate(divide="ignore", invalid="ignore"):
        assert gs.g_from_grains_per_mm2(0.0) == -np.inf
        assert np.isnan(gs.g_from_grains_per_mm2(-1.0))


def test_iso_number_lies_0_046_below():
    assert 5.0 - gs.iso_643(5.0) == pytest.approx(0.046, abs=0.001)


def test_half_the_objective_is_an_error_of_two_grades():
    assert gs.g_from_seen(6.0, 2.0, 1.0) == 4.0
    assert gs.g_from_seen(6.0, 0.5, 1.0) == 8.0


@given(GRADES, st.floats(0.05, 5.0), st.floats(0.2, 3.0))
def test_pixel_size_moves_g_as_area_per_pixel_does(g, um_per_px, reference):
    per_px = gs.grains_per_mm2(g) * (um_per_px * 1e-3) ** 2
    seen = gs.g_seen(g, um_per_px, reference)
    assert gs.grains_per_mm2(seen) * (reference * 1e-3) ** 2 == pytest.approx(per_px, rel=1e-9)
    assert gs.g_from_seen(seen, um_per_px, reference) == pytest.approx(g, abs=1e-9)


def test_arrays_keep_their_shape_and_nan():
    grades = np.array([[2.0, np.nan], [4.0, 8.0]])
    density = gs.grains_per_mm2(grades)
    assert density.shape == (2, 2)
    assert np.isnan(density[0, 1])
    assert density[1, 1] == 1984.0
