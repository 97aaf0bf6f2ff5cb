from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.table_rows import row

from gdest.core import grain_size
from gdest.reports.assign import specimen_rows
from gdest.reports.counted_cells import joined_sizes, read_sizes, sizes_of
from gdest.reports.counted_specimens import counted_statistics
from gdest.reports.limits import Limit
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS

COUNTED = [name for name in SPECIMEN_COLUMNS if "counted" in name or name in ("g_largest_grain", "grains_by_half_g")]


def g_of(density):
    return math.log2(density / 15.5) + 1.0


def counted(*densities, half=0.2, **cells):
    """Return the rows of one specimen whose grains were counted: N_A per field."""
    known = {"grains_counted": 100.0, "intercepts_counted": 80.0, "g_largest_grain": 3.0}
    return [
        row(
            f"{i}.tif", g_counted=(g := g_of(density)), g_counted_low=g - half, g_counted_high=g + half, **known | cells
        )
        for i, density in enumerate(densities)
    ]


def test_five_counted_fields_worked_by_hand():
    # mean (900+950+1000+1050+1100)/5 = 1000; s = 79.057; CI = 2.776*79.057/sqrt(5) = 98.15
    table = counted(1100, 900, 1050, 950, 1000)
    table[3]["g_largest_grain"] = 2.5
    (specimen,) = specimen_rows(table, ())
    assert specimen["fields_counted"] == 5
    assert specimen["g_counted"] == pytest.approx(7.0115, abs=5e-4)
    assert specimen["g_counted_low"] == pytest.approx(g_of(901.85), abs=1e-3)
    assert specimen["g_counted_high"] == pytest.approx(g_of(1098.15), abs=1e-3)
    assert specimen["relative_accuracy_counted"] == pytest.approx(9.815, abs=2e-3)
    assert (specimen["grains_counted"], specimen["intercepts_counted"]) == (500.0, 400.0)
    assert specimen["g_largest_grain"] == 2.5


def test_the_mean_is_of_densities_never_of_g():
    (specimen,) = specimen_rows(counted(124, 1984), ())  # G 4 and 8: the mean 1054 per mm2 is G 7.09, not 6
    assert specimen["g_counted"] == pytest.approx(7.0875, abs=1e-3)


def test_where_nothing_was_counted_the_counted_cells_are_empty():
    (specimen,) = specimen_rows([row("1.tif"), row("2.tif", count_note="no boundaries")], ())
    assert {name: specimen[name] for name in COUNTED} == dict.fromkeys(COUNTED)


def test_only_graded_fields_are_counted():
    table = [*counted(1000, 1000), *counted(50, status="review"), row("u.tif")]
    (specimen,) = specimen_rows(table, ())
    assert (specimen["fields"], specimen["fields_counted"], specimen["grains_counted"]) == (3, 2, 200.0)
    assert specimen["g_counted"] == pytest.approx(g_of(1000), abs=1e-3)


@pytest.mark.parametrize(
    ("densities", "half", "rule", "said"),
    [
        ((1984, 1984), 0.4, "g_counted >= 7.5", "pass"),  # equal fields, but each is known to 0.4 only
        ((1984, 1984), 0.4, "g_counted >= 7.7", "undecided"),
        ((1984, 1984), 0.4, "g_counted >= 8.5", "fail"),
        ((1600, 1800, 2000, 2200, 2400), 0.05, "g_counted >= 7.6", "pass"),  # 2000 +- 392.6 is G 7.70..8.27
        ((1600, 1800, 2000, 2200, 2400), 0.05, "g_counted >= 7.8", "undecided"),
        ((1984,), 0.05, "g_counted >= 1.0", "undecided"),  # one field has no interval over fields
    ],
)
def test_a_limit_on_what_was_counted_looks_at_the_wider_interval(densities, half, rule, said):
    (specimen,) = specimen_rows(counted(*densities, half=half), [Limit(rule)])
    assert specimen["verdict"] == said


@pytest.mark.parametrize(("rule", "said"), [("g_largest_grain >= 3.1", "fail"), ("g_largest_grain >= 2.9", "pass")])
def test_a_specimen_is_judged_by_its_largest_grain(rule, said):
    table = counted(1000, 1000)
    table[1]["g_largest_grain"] = 5.0
    (specimen,) = specimen_rows(table, [Limit(rule)])
    assert specimen["verdict"] == said
    (specimen,) = specimen_rows([*table, row("uncounted.tif")], [Limit(rule)])
    assert specimen["verdict"] == ("fail" if said == "fail" else "undecided")


def test_sizes_are_shares_by_number_and_by_area():
    # three of 504 um2 (G 8) and one of 2016 um2 (G 6): a quarter by number, 2016 / 3528 by area
    assert sizes_of(np.float32([504, 2016, 504, 504])).text == "6.0:25%/57% 8.0:75%/43%"
    assert sizes_of(np.zeros(0, np.float32)).text == ""


def test_a_half_grade_reaches_a_quarter_to_both_sides():
    areas = grain_size.mean_area_um2(np.array([6.76, 7.24, 7.26]))
    assert list(sizes_of(areas.astype(np.float32)).shares) == [7.0, 7.5]


def test_a_half_grade_is_named_where_its_number_or_its_area_counts():
    # one grain of G 2 among 999 of G 8: a thousandth by number, 64/1063 by area; one of G 14 counts by neither
    areas = np.float32([504 * 64] + [504] * 998 + [504 / 64])
    assert sizes_of(areas).text == "2.0:0%/6% 8.0:100%/94%"


def test_sizes_are_read_back_to_the_percent():
    text = "-0.5:1%/20% 6.0:25%/37% 8.0:74%/43%"
    assert read_sizes(text).text == text
    assert read_sizes("").text == ""


def test_the_sizes_of_a_specimen_weigh_each_field_by_its_grains_and_their_area():
    fine, coarse = read_sizes("8.0:100%/100%"), read_sizes("6.0:100%/100%")
    # 300 fine grains and 100 four times as large: a quarter by number, 400/700 by area
    assert joined_sizes([(fine, 300, 300), (coarse, 100, 400)]).text == "6.0:25%/57% 8.0:75%/43%"
    assert joined_sizes([]).text == ""
    rows = counted(1984, grains_counted=300.0, grains_by_half_g=fine.text)
    rows += counted(496, grains_counted=100.0, grains_by_half_g=coarse.text)
    assert counted_statistics(rows).grains_by_half_g == "6.0:25%/57% 8.0:75%/43%"


def test_half_grade_classes_hold_all_grains_by_number_and_by_area():
    areas = np.array([float(grain_size.mean_area_um2(g)) for g in (8.0, 8.1, 8.2, 5.0)])
    shares = sizes_of(areas).shares
    assert list(shares) == [5.0, 8.0]
    assert [number for number, _ in shares.values()] == pytest.approx([0.25, 0.75])
    assert shares[5.0][1] == pytest.approx(areas[-1] / areas.sum())


@pytest.mark.parametrize(
    ("kind", "of_estimate", "of_count"),
    [
        ("homogeneity", "duplex in 1 of 3 fields", "uniform"),
        ("homogeneity_counted", "uniform", "duplex in 1 of 3 fields"),
    ],
)
def test_a_specimen_with_a_mixed_field_claims_no_interval_whoever_says_so(kind, of_estimate, of_count):
    table = counted(1950, 2000, 2050, homogeneity_counted="uniform", relative_accuracy_counted=5.0)
    intervals = ("g_low", "g_high", "g_counted_low", "g_counted_high")
    (uniform,) = specimen_rows(table, ())
    assert all(uniform[name] is not None for name in intervals)
    table[1][kind] = "duplex:bimodal"
    (mixed,) = specimen_rows(table, [Limit("g >= 1.0"), Limit("g_counted >= 1.0")])
    assert [mixed[name] for name in intervals] == [None] * 4
    assert (mixed["homogeneity"], mixed["homogeneity_counted"]) == (of_estimate, of_count)
    assert mixed["verdict"] == "undecided"


def test_counted_fields_that_differ_by_more_than_their_grains_explain_are_scattered():
    unlike = counted(500, 1000, 2000, homogeneity_counted="uniform", relative_accuracy_counted=5.0)
    (specimen,) = specimen_rows(unlike, ())
    assert specimen["homogeneity_counted"] == "scattered (fields of G 6.0..8.0)"
    few_grains = counted(500, 1000, 2000, homogeneity_counted="uniform", relative_accuracy_counted=150.0)
    assert specimen_rows(few_grains, ())[0]["homogeneity_counted"] == "uniform"
    assert specimen_rows(counted(1000, 1000), ())[0]["homogeneity_counted"] == "unknown"  # no field says any
