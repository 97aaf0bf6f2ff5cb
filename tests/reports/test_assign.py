from __future__ import annotations

import math
from pathlib import Path

import pytest
from helpers.table_rows import row

from gdest.core.errors import SettingsError
from gdest.reports.assign import Rules, assign, identity, read_rules, specimen_rows
from gdest.reports.limits import Limit
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS
from gdest.reports.specimen_rules import SpecimenRule

UNGRADED = dict.fromkeys(["g", "g_low", "g_high", "grains_per_mm2", "homogeneity", "g_seen"])


def verdict_of_specimen(table, rule):
    (specimen,) = specimen_rows(table, [Limit(rule)])
    return specimen["verdict"]


def fields(*densities, half=0.4, **cells):
    """Return the rows of one specimen: N_A per field, and the model's interval about G 8."""
    return [
        row(f"{i}.tif", grains_per_mm2=float(density), g_low=8.0 - half, g_high=8.0 + half, **cells)
        for i, density in enumerate(densities)
    ]


def test_a_rule_gives_every_row_its_specimen_and_forgets_an_older_one():
    table = [row("a/1.tif", specimen="old", heat="H1"), row("2.tif", specimen="old")]
    assigned = assign(table, Rules(SpecimenRule(folder="parent")))
    assert [(line["specimen"], line["heat"]) for line in assigned] == [("a", None), (None, None)]
    assert assigned[0] is table[0]  # a large archive has no memory for a copy


def test_without_a_rule_rows_keep_their_specimen():
    (line,) = assign([row("a/1.tif", specimen="P1", heat="H1")], Rules())
    assert (line["specimen"], line["heat"]) == ("P1", "H1")


def test_a_micrograph_has_the_verdict_of_the_limits_that_hold_for_it():
    limits = (Limit("g >= 7.5"), Limit("g >= 9.0", on=("specimen",)), Limit("g <= 5.0", (("heat", "H2"),)))
    table = assign([row("1.tif"), row("2.tif", heat="H2"), row("3.tif", g_low=7.4)], Rules(None, limits))
    assert [(line["verdict"], line["verdict_reason"]) for line in table] == [
        ("pass", "G 8.0 (7.6..8.4, 90 %) is at least 7.5"),
        ("fail", "G 8.0 (7.6..8.4, 90 %) is above 5.0"),
        ("undecided", "G 8.0 (7.4..8.4, 90 %) may be below 7.5"),
    ]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        *[("g_counted >= 6.0", "pass"), ("g_counted >= 6.5", "undecided"), ("g_counted >= 7.1", "fail")],
        *[("g_counted <= 7.0", "pass"), ("g_largest_grain >= 3.5", "pass"), ("g_largest_grain >= 3.6", "fail")],
    ],
)
def test_a_limit_on_what_was_counted_looks_at_the_count_and_not_at_the_estimate(rule, said):
    counted = {"g_counted": 6.5, "g_counted_low": 6.0, "g_counted_high": 7.0, "g_largest_grain": 3.5}
    table = assign([row("1.tif", **counted), row("2.tif"), row("3.tif", status="review", **counted)],
                   Rules(None, (Limit(rule),)))  # fmt: skip
    assert [line["verdict"] for line in table] == [said, "undecided", "undecided"]


def test_without_limits_nothing_has_a_verdict():
    (line,) = assign([row("1.tif", verdict="fail", verdict_reason="an older limit")], Rules())
    assert (line["verdict"], line["verdict_reason"]) == (None, None)
    (specimen,) = specimen_rows([line], ())
    assert (specimen["verdict"], specimen["verdict_reason"]) == (None, None)


@pytest.mark.parametrize("status", ["review", "uncalibrated", "failed"])
@pytest.mark.parametrize("rule", ["g >= 7.0", "g >= 9.0", "homogeneity"])
def test_only_a_graded_micrograph_passes_or_fails(status, rule):
    assert assign([row("1.tif", status=status)], Rules(None, (Limit(rule),)))[0]["verdict"] == "undecided"


def test_an_unknown_homogeneity_or_interval_is_undecided():
    cells = [{"homogeneity": None}, {"homogeneity": "unknown"}]
    for line in assign([row("1.tif", **one) for one in cells], Rules(None, (Limit("homogeneity"),))):
        assert line["verdict"] == "undecided"
    assert assign([row("1.tif", g_low=None)], Rules(None, (Limit("g >= 5"),)))[0]["verdict"] == "undecided"


@pytest.mark.parametrize("count", [2, 5, 50])
@pytest.mark.parametrize(
    ("rule", "said"),
    [
        *[("g >= 7.5", "pass"), ("g >= 7.7", "undecided"), ("g >= 8.3", "undecided"), ("g >= 8.5", "fail")],
        *[("g <= 8.5", "pass"), ("g <= 8.3", "undecided"), ("g <= 7.7", "undecided"), ("g <= 7.5", "fail")],
    ],
)
def test_more_fields_alone_decide_nothing_within_the_models_own_interval(count, rule, said):
    """Equal fields have an interval of no width, but what the network misreads on all of them stays."""
    assert verdict_of_specimen(fields(*[1984] * count), rule) == said


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        *[("g >= 7.6", "pass"), ("g >= 7.8", "undecided"), ("g >= 8.2", "undecided"), ("g >= 8.4", "fail")],
        *[("g <= 8.4", "pass"), ("g <= 8.2", "undecided"), ("g <= 7.8", "undecided"), ("g <= 7.6", "fail")],
    ],
)
def test_a_sure_model_decides_nothing_within_the_scatter_of_the_fields(rule, said):
    # 2000 +- 2.776 * 316.2 / sqrt(5) = 392.6 per mm2 is G 7.70..8.27; the model says 8.01 +- 0.05
    assert verdict_of_specimen(fields(1600, 1800, 2000, 2200, 2400, half=0.05), rule) == said


@pytest.mark.parametrize(
    ("rule", "of_two"),
    [("g >= 1.0", "undecided"), ("g >= 13.0", "fail"), ("g <= 1.0", "undecided"), ("g <= 13.0", "pass")],
)
def test_one_field_decides_nothing_of_g_and_two_that_differ_widely_by_their_upper_end(rule, of_two):
    # 2050 + 12.706 * 2757.7 / sqrt(2) = 26827 per mm2 is G 11.8; the lower end is below no grains at all
    assert verdict_of_specimen(fields(1984, half=0.01), rule) == "undecided"
    assert verdict_of_specimen(fields(100, 4000, half=0.01), rule) == of_two


def test_one_field_decides_homogeneity_and_none_does_not():
    assert verdict_of_specimen(fields(1984), "homogeneity") == "pass"
    assert verdict_of_specimen(fields(1984, homogeneity="duplex:banding"), "homogeneity") == "fail"
    assert verdict_of_specimen(fields(1984, status="review"), "homogeneity") == "undecided"


def test_a_specimen_counts_only_graded_fields():
    table = [*fields(1984, 1984, 1984), row("r.tif", status="review", grains_per_mm2=9.0)]
    table.append(row("f.tif", status="failed", **UNGRADED))
    table += [row("p.tif", status="review", reason="no metal, or no grain structure, can be seen (probability 98 %)")]
    (specimen,) = specimen_rows(table, ())
    assert (specimen["fields"], specimen["fields_left_out"], specimen["grains_per_mm2"]) == (3, 1, 1984.0)
    assert specimen["flags"] == (
        "fewer than 5 fields; 1 of 4 fields left out (not graded); "
        "1 picture without metal; 1 file that could not be read"
    )


def test_a_row_of_a_specimen_has_every_column_and_five_digits():
    table = fields(1600, 1800, 2000, 2200, 2400, area_mm2=0.1234567, location="rim", product="bar", order="O1")
    table[0]["location"] = "core"
    (specimen,) = specimen_rows(table, [Limit("g >= 7"), Limit("g >= 5", on=("micrograph",))])
    assert list(specimen) == list(SPECIMEN_COLUMNS)
    assert (
        specimen
        == {
            "specimen": "P1",
            "product": "bar",
            "heat": None,
            "order": "O1",
            "location": "core; rim",
            "verdict": "pass",
            "verdict_reason": "G 8.0 (7.6..8.4, the fields' own 90 %) is at least 7.0",
            "fields": 5,
            "fields_left_out": 0,
            "g": 8.0116,  # log2(2000 / 15.5) + 1
            "g_low": 7.6963,
            "g_high": 8.2702,
            "relative_accuracy": 19.632,
            "g_model_half": 0.4,
            "g_iso_643": 7.9658,
            "grains_per_mm2": 2000.0,
            "sd_per_mm2": 316.23,
            "ci95_per_mm2": 392.65,
            "mean_diameter_um": 22.361,
            "mean_intercept_um": 19.918,
            "area_mm2": 0.61728,
            "grains": 1234.6,
            "homogeneity": "uniform",
            "flags": "%RA above 10",
            **dict.fromkeys(list(SPECIMEN_COLUMNS)[list(SPECIMEN_COLUMNS).index("flags") + 1 :]),  # nothing was counted
            "g_between_fields": 0.20834,
            "copies_left_out": 0,
        }
    )


def test_what_a_specimen_does_not_know_is_empty():
    (specimen,) = specimen_rows(fields(1984, status="review"), ())
    unknown = {name for name, value in specimen.items() if value is None}
    known = {"specimen", "fields", "fields_left_out", "area_mm2", "grains", "homogeneity", "flags", "copies_left_out"}
    assert unknown == set(SPECIMEN_COLUMNS) - known
    assert (specimen["fields"], specimen["homogeneity"]) == (0, "unknown")


def test_a_row_without_an_area_counts_the_whole_picture():
    """As rows of an earlier gdest, which did not write the area."""
    (specimen,) = specimen_rows([row("1.tif", area_mm2=None)], ())
    assert specimen["area_mm2"] == 0.12  # 800 * 600 px of 0.25 um2
    assert specimen_rows([row("1.tif", area_mm2=0.05)], ())[0]["area_mm2"] == 0.05


def test_specimens_of_one_name_are_told_apart_by_product_heat_and_order_and_sorted():
    table = [row("1.tif", specimen="P2"), row("2.tif", specimen="P1", heat="H2"), row("3.tif", specimen=None)]
    table += [row("4.tif", specimen="P1", heat="H1"), row("5.tif", specimen="P1", heat="H1", location="rim")]
    table += [row("6.tif", specimen="P1", heat="H1", order="O1"), row("7.tif", specimen="P1", product="bar")]
    found = [(one["specimen"], one["product"], one["heat"], one["order"]) for one in specimen_rows(table, ())]
    assert found == [
        ("P1", None, "H1", None),
        ("P1", None, "H1", "O1"),
        ("P1", None, "H2", None),
        ("P1", "bar", None, None),
        ("P2", None, None, None),
    ]
    assert identity(table[3]) == identity(table[4]) == ("P1", "", "H1", "")


def test_a_limit_on_a_heat_holds_for_its_specimens_only():
    table = [*fields(1984, 1984, heat="H1"), *fields(1984, 1984, heat="H2")]
    found = specimen_rows(table, [Limit("g >= 9", (("heat", "H2"),))])
    assert [(one["heat"], one["verdict"]) for one in found] == [("H1", None), ("H2", "fail")]


def test_rules_are_read_from_their_sections(tmp_path):
    sections = {"specimen": {"folder": "top"}, "limit": [{"rule": "g >= 5"}], "grade": {"stride_px": 112}}
    assert read_rules(sections, tmp_path) == Rules(SpecimenRule(folder="top"), (Limit("g >= 5"),))
    assert read_rules({}, Path()) == Rules(None, ())
    with pytest.raises(SettingsError, match=r"lost\.csv"):
        read_rules({"specimen": {"csv": "lost.csv"}}, tmp_path)
    with pytest.raises(SettingsError, match="has no custmer"):
        read_rules({"certificate": {"custmer": "A"}}, tmp_path)


def test_a_number_that_is_none_is_not_known():
    (specimen,) = specimen_rows([row("1.tif", grains_per_mm2=None, g_low=None)], ())
    assert specimen["grains_per_mm2"] is None
    assert not any(isinstance(value, float) and math.isnan(value) for value in specimen.values())
