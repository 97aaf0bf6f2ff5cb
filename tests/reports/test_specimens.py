from __future__ import annotations

import math
import warnings

import pytest
from hypothesis import given, settings, strategies as st

from gdest.core.student import student_t
from gdest.reports.specimen_rules import Origin
from gdest.reports.specimens import Field, Left, _flags, g_of, specimen_statistics

SPECIMEN = Origin("A1")


def fields(*densities, area_um2=1e6, homogeneity="uniform"):
    return [Field(density, area_um2, 7.6, 8.4, homogeneity) for density in densities]


def test_five_fields_worked_by_hand():
    # mean (900+950+1000+1050+1100)/5 = 1000; s = sqrt((2*100^2+2*50^2)/4) = 79.057; t(4) = 2.776
    # CI = 2.776*79.057/sqrt(5) = 98.15, %RA 9.8; G = log2(1000/15.5)+1 = 7.0115; ISO log2(1000)-3 = 6.9658
    found = specimen_statistics(SPECIMEN, fields(1100, 900, 1050, 950, 1000, area_um2=250_000))
    assert found.grains_per_mm2 == pytest.approx(1000)
    assert found.sd_per_mm2 == pytest.approx(79.057, abs=0.001)
    assert found.ci95_per_mm2 == pytest.approx(98.15, abs=0.02)
    assert found.relative_accuracy == pytest.approx(9.815, abs=0.002)
    assert found.g == pytest.approx(7.0115, abs=0.0005)
    assert found.g_low == pytest.approx(math.log2(901.85 / 15.5) + 1, abs=0.001)
    assert found.g_high == pytest.approx(math.log2(1098.15 / 15.5) + 1, abs=0.001)
    assert found.g_iso_643 == pytest.approx(6.9658, abs=0.0005)
    assert found.mean_diameter_um == pytest.approx(31.62, abs=0.01)  # sqrt(1e6/1000)
    assert found.area_mm2 == pytest.approx(1.25)
    assert found.grains == pytest.approx(1250)
    assert found.mean_intercept_um == pytest.approx(28.17, abs=0.01)  # 10^((G + 3.288) / -6.643856) mm
    assert found.g_model_half == pytest.approx(0.4)
    assert (found.origin, found.fields, found.fields_left_out, found.flags) == (SPECIMEN, 5, 0, ())


def test_the_mean_is_of_densities_never_of_g():
    # G 4 (124/mm2) and G 8 (1984/mm2): mean 1054/mm2 is G 7.0875, not 6
    assert specimen_statistics(SPECIMEN, fields(124, 1984)).g == pytest.approx(7.0875, abs=1e-3)


@pytest.mark.parametrize(("count", "t"), [(5, 2.776), (6, 2.571), (10, 2.262), (20, 2.093)])
def test_students_t_is_the_tables(count, t):
    assert student_t(count) == pytest.approx(t, abs=0.0006)


def test_flags_say_what_e112_would_miss():
    few = specimen_statistics(
        SPECIMEN, fields(100, 400, area_um2=100_000), left=Left(1, copies=4, no_metal=1, unread=2)
    )
    assert few.flags == (
        "fewer than 5 fields",
        "fewer than 50 grains in a field, by the estimate",
        "%RA above 10",
        "1 of 3 fields left out (not graded)",
        "4 copies left out (one field counts once)",
        "1 picture without metal",
        "2 files that could not be read",
    )
    assert (few.fields_left_out, few.copies_left_out) == (1, 4)


@pytest.mark.parametrize(("count", "flags"), [(4, ("fewer than 5 fields",)), (5, ()), (6, ())])
def test_five_fields_are_enough(count, flags):
    assert specimen_statistics(SPECIMEN, fields(*[1000] * count)).flags == flags


@pytest.mark.parametrize(
    ("grains", "flags"), [(49.9, ("fewer than 50 grains in a field, by the estimate",)), (50.0, ()), (50.1, ())]
)
def test_fifty_grains_in_the_poorest_field_are_enough(grains, flags):
    poorest = Field(grains, 1e6, 7.6, 8.4)
    assert poorest.grains == grains
    assert tuple(_flags([*fields(*[1000] * 5), poorest], 0.0, Left())) == flags


@pytest.mark.parametrize(("accuracy", "flags"), [(9.9, ()), (10.0, ()), (10.1, ("%RA above 10",)), (math.nan, ())])
def test_a_relative_accuracy_of_ten_percent_is_enough(accuracy, flags):
    assert tuple(_flags(fields(*[1000] * 5), accuracy, Left())) == flags


def test_the_relative_accuracy_is_flagged_by_what_the_fields_show():
    # a mean of 1000 and five fields 1000 +- d: s = d, %RA = 100 * 2.776 d / sqrt(5) / 1000, 10 at d = 80.54
    def flags(d):
        return specimen_statistics(SPECIMEN, fields(1000 - d, 1000 - d, 1000, 1000 + d, 1000 + d)).flags

    assert flags(80.4) == ()
    assert flags(80.7) == ("%RA above 10",)


def test_one_field_has_no_interval_and_none_has_no_number():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, none = specimen_statistics(SPECIMEN, fields(1984)), specimen_statistics(SPECIMEN, [], Left(2))
    assert one.g == pytest.approx(8.0)
    assert (one.fields, one.grains) == (1, 1984)
    spread = ("sd_per_mm2", "ci95_per_mm2", "relative_accuracy", "g_low", "g_high")
    assert all(math.isnan(getattr(one, name)) for name in spread)
    numbers = (*spread, "grains_per_mm2", "g", "g_model_half", "g_iso_643", "mean_diameter_um", "mean_intercept_um")
    assert all(math.isnan(getattr(none, name)) for name in numbers)
    assert (none.fields, none.fields_left_out, none.area_mm2, none.grains) == (0, 2, 0.0, 0.0)
    assert none.flags == ("fewer than 5 fields", "2 of 2 fields left out (not graded)")


def test_an_interval_that_reaches_below_no_grains_has_no_lower_end():
    found = specimen_statistics(SPECIMEN, fields(100, 400))  # 250 +- 12.71 * 212.1 / sqrt(2)
    assert math.isnan(found.g_low)
    assert found.g_high == pytest.approx(math.log2((250 + 12.706 * 212.132 / math.sqrt(2)) / 15.5) + 1, abs=1e-3)
    assert math.isnan(g_of(0.0))
    assert g_of(0.5) == pytest.approx(math.log2(0.5 / 15.5) + 1)


def test_the_models_half_width_is_the_mean_of_the_fields_and_more_fields_do_not_shrink_it():
    unequal = [Field(1000, 1e6, 7.5, 8.5), Field(1000, 1e6, 7.8, 8.0)]
    assert specimen_statistics(SPECIMEN, unequal).g_model_half == pytest.approx(0.3)
    assert specimen_statistics(SPECIMEN, unequal * 10).g_model_half == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("kinds", "homogeneity"),
    [
        (("uniform", "uniform"), "uniform"),
        (("uniform", "uniform", "duplex:bimodal"), "duplex in 1 of 3 fields"),
        (("duplex:bimodal", "unknown", "duplex:banding"), "duplex in 2 of 3 fields"),
        (("uniform", "unknown"), "unknown"),
        ((), "unknown"),
    ],
)
def test_a_specimen_is_as_uniform_as_its_fields(kinds, homogeneity):
    found = specimen_statistics(SPECIMEN, [Field(1000, 1e6, 7.6, 8.4, kind) for kind in kinds])
    assert found.homogeneity == homogeneity
    assert math.isnan(found.g_low) is (homogeneity.startswith("duplex") or not kinds)


def of_g(*grades, area_um2=1e6, sd_of_mean=0.05, homogeneity="uniform"):
    """Return uniform fields of so many G, each of which its tiles tell to 0.05 G."""
    return [Field(15.5 * 2 ** (g - 1), area_um2, g - 0.4, g + 0.4, homogeneity, sd_of_mean) for g in grades]


def test_fields_from_g_7_to_8_are_no_uniform_specimen():
    found = specimen_statistics(SPECIMEN, of_g(7.1, 7.4, 7.6, 7.9, 8.1))
    assert found.homogeneity == "scattered (fields of G 7.1..8.1)"
    assert found.g_between_fields == pytest.approx(0.39, abs=0.01)  # of the five grades, n - 1, less 0.05 squared
    assert math.isfinite(found.g_low)  # Student's t knows that they scatter
    mixed = [*of_g(7.1, 7.4, 7.6, 7.9), *of_g(8.1, homogeneity="duplex:bimodal")]
    assert specimen_statistics(SPECIMEN, mixed).homogeneity == "duplex in 1 of 5 fields"


def test_scatter_between_fields_that_their_own_explains_is_none():
    few_grains = of_g(7.1, 7.4, 7.6, 7.9, 8.1, area_um2=15_000)  # 20 grains each are good to 0.32 G
    assert specimen_statistics(SPECIMEN, few_grains).g_between_fields == 0.0
    assert specimen_statistics(SPECIMEN, few_grains).homogeneity == "uniform"
    rough_tiles = of_g(7.1, 7.4, 7.6, 7.9, 8.1, sd_of_mean=0.4)
    assert specimen_statistics(SPECIMEN, rough_tiles).homogeneity == "uniform"


def test_a_field_says_nothing_of_homogeneity_unless_told():
    assert specimen_statistics(SPECIMEN, [Field(1000, 1e6, 7.6, 8.4)]).homogeneity == "unknown"


densities = st.lists(st.floats(10, 1e5), min_size=2, max_size=12)


@settings(max_examples=30)
@given(densities, st.randoms())
def test_the_order_of_the_fields_is_irrelevant(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert specimen_statistics(SPECIMEN, fields(*values)) == specimen_statistics(SPECIMEN, fields(*shuffled))


@settings(max_examples=30)
@given(st.floats(10, 1e5), st.integers(2, 20))
def test_equal_fields_give_a_relative_accuracy_of_zero(density, count):
    found = specimen_statistics(SPECIMEN, fields(*[density] * count))
    assert found.relative_accuracy == pytest.approx(0.0, abs=1e-9)
    assert found.g_low == pytest.approx(found.g, abs=1e-9)


@settings(max_examples=30)
@given(densities, st.floats(0.1, 10))
def test_a_denser_steel_has_the_same_relative_accuracy_and_a_finer_g(values, factor):
    first = specimen_statistics(SPECIMEN, fields(*values))
    second = specimen_statistics(SPECIMEN, fields(*[value * factor for value in values]))
    assert second.relative_accuracy == pytest.approx(first.relative_accuracy, rel=1e-6, abs=1e-7)
    assert second.g - first.g == pytest.approx(math.log2(factor), abs=1e-9)
