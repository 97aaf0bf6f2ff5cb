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
