"""What limits applied to is always said, and what fails is named."""

from __future__ import annotations

import pytest
from helpers.table_rows import row

from gdest.reports.assign import Rules, assign, specimen_rows
from gdest.reports.limits import Limit
from gdest.reports.limits_found import acceptance, limit_sentences
from gdest.reports.record import Record

STANGEN = Limit("g >= 5.0", (("file", "Stangen/*"),))


def field(file, g, **cells):
    return row(file, g=g, g_low=g - 0.3, g_high=g + 0.3, grains_per_mm2=15.5 * 2 ** (g - 1), **cells)


def fields(folder, *grades, **cells):
    return [field(f"{folder}/{i}.tif", g, **cells) for i, g in enumerate(grades)]


def test_a_limit_on_files_applies_to_a_specimen_through_its_fields():
    table = assign(fields("Stangen", 3.5, 3.4, 3.6, 3.5, 3.5), Rules(None, (STANGEN,)))
    assert {line["verdict"] for line in table} == {"fail"}
    (specimen,) = specimen_rows(table, [STANGEN])
    assert specimen["verdict"] == "fail"
    assert specimen["verdict_reason"] == "G 3.5 (3.2..3.8, the fields' own 90 %) is below 5.0"


def test_a_limit_that_applies_to_some_fields_of_a_specimen_looks_at_these_only():
    table = [*fields("Stangen", 3.5, 3.4, 3.6), *fields("Rohre", 7.0, 7.1, 6.9)]
    (specimen,) = specimen_rows(table, [STANGEN])
    assert specimen["verdict"] == "fail"
    assert specimen["verdict_reason"].endswith("is below 5.0 (of 3 of 6 micrographs)")
    (other,) = specimen_rows(table, [Limit("g >= 5.0", (("file", "Rohre/*"),))])
    assert other["verdict"] == "pass"
    assert specimen["g"] == other["g"]  # the specimen's own number is that of all fields


def test_a_limit_on_a_location_looks_at_the_fields_of_that_location():
    table = [*fields("a", 3.5, 3.5, 3.5, location="rim"), *fields("b", 7.0, 7.0, 7.0, location="core")]
    (specimen,) = specimen_rows(table, [Limit("g >= 5.0", (("location", "rim"),))])
    assert (specimen["location"], specimen["verdict"]) == ("core; rim", "fail")


def test_what_each_limit_applies_to_is_said_also_when_it_is_nothing():
    table = [*fields("Stangen", 8.0, 8.0), *fields("Rohre", 8.0, specimen="P2"), field("loose.tif", 8.0, specimen=None)]
    limits = (STANGEN, Limit("homogeneity"), Limit("g >= 5", (("heat", "H99*"),)), Limit("g >= 5", on=("specimen",)))
    assert limit_sentences(table, limits) == (
        "G >= 5.0 (file Stangen/*), applies to 2 micrographs, 1 specimen",
        "homogeneity uniform, applies to 4 micrographs, 2 specimens",
        "G >= 5 (heat H99*), applies to 0 micrographs, 0 specimens",
        "G >= 5, applies to 0 micrographs, 2 specimens",
    )


def test_what_fails_is_named_specimens_first():
    limits = (Limit("g >= 5.0"),)
    table = [*fields("a", 8.0, 8.1, heat="H1"), *fields("b", 4.0, 4.0, heat="H2"), field("c.tif", 5.1, specimen=None)]
    table = assign(table, Rules(None, limits))
    said = acceptance(Record(table, ("/archive",), "fake", "1" * 64), Rules(None, limits))
    assert said.failing == (
        "specimen P1, heat H2: fail: G 4.0 (3.7..4.3, the fields' own 90 %) is below 5.0",
        "b/0.tif: fail: G 4.0 (3.7..4.3, 90 %) is below 5.0",
        "b/1.tif: fail: G 4.0 (3.7..4.3, 90 %) is below 5.0",
    )
    assert said.verdicts == {"micrograph": {"pass": 2, "fail": 2, "undecided": 1}, "specimen": {"pass": 1, "fail": 1}}
    assert said.limits == ("G >= 5.0, applies to 5 micrographs, 2 specimens",)


@pytest.mark.parametrize("scatter", [(5.9, 6.0, 6.1), (5.0, 6.0, 7.0)])
def test_a_specimen_whose_relative_accuracy_is_beyond_its_limit_never_passes(scatter):
    limits = [Limit("g >= 1.0"), Limit("relative_accuracy <= 20", (), ("specimen",))]
    (specimen,) = specimen_rows(fields("a", *scatter), limits)
    assert specimen["verdict"] == ("undecided" if specimen["relative_accuracy"] > 20 else "pass")
    assert (specimen["relative_accuracy"] > 20) is (scatter[0] == 5.0)


def test_the_interval_that_a_specimen_is_judged_by_is_named():
    sure = [line | {"g_low": line["g"] - 0.01, "g_high": line["g"] + 0.01} for line in fields("a", 5.8, 6.0, 6.2)]
    (specimen,) = specimen_rows(sure, [Limit("g >= 5.0")])
    assert "95 % over the fields) is at least 5.0" in specimen["verdict_reason"]


@pytest.mark.parametrize(
    ("rule", "verdict", "reason"),
    [
        # 3.73, 10.56 and 29.86 grains of 15.5 per mm2: mean 14.72, s 13.55, 4.303 s / sqrt(3) = 33.7; G of 48.4 is 6.6
        ("g >= 10.0", "fail", "G 4.9 (up to 6.6, 95 % over the fields) is below 10.0"),
        ("g >= 6.0", "undecided", "G 4.9 (up to 6.6, 95 % over the fields) may be below 6.0"),
        ("g >= 1.0", "undecided", "G 4.9 (up to 6.6, 95 % over the fields) may be below 1.0"),
        ("g <= 7.0", "pass", "G 4.9 (up to 6.6, 95 % over the fields) is at most 7.0"),
    ],
)
def test_fields_that_scatter_too_widely_for_a_lower_end_are_judged_by_the_upper(rule, verdict, reason):
    (specimen,) = specimen_rows(fields("P3", 2.9, 4.4, 5.9), [Limit(rule)])
    assert specimen["g_low"] is None and specimen["g_high"] == pytest.approx(6.596, abs=1e-3)
    assert (specimen["verdict"], specimen["verdict_reason"]) == (verdict, reason)


def test_an_end_that_only_the_fields_own_interval_moves_is_named_so():
    unsure = [line | {"g_low": line["g"] - 3, "g_high": line["g"] + 3} for line in fields("P3", 2.9, 4.4, 5.9)]
    (specimen,) = specimen_rows(unsure, [Limit("g >= 10.0")])
    assert "the wider of 95 % over the fields and their own 90 %) is below 10.0" in specimen["verdict_reason"]


def test_one_field_does_not_decide_on_its_specimen_and_the_reason_says_why():
    table = [*fields("one", 8.8), *fields("one", 8.8, copy_of="one/0.tif")]
    (specimen,) = specimen_rows(table, [Limit("g >= 5.0")])
    assert specimen["verdict"] == "undecided"
    assert specimen["verdict_reason"] == "G 8.8: one field says nothing of the scatter between fields"
    both = specimen_rows(fields("two", 8.8, 8.8), [Limit("g >= 5.0", (("file", "two/0.tif"),))])[0]
    assert both["verdict_reason"].endswith("scatter between fields (of 1 of 2 micrographs)")


@pytest.mark.parametrize(("tiles", "homogeneity"), [(16, "uniform"), (400, "scattered (fields of G 7.1..8.1)")])
def test_fields_are_as_sure_as_their_tiles_are_many(tiles, homogeneity):
    # tiles that scatter by 1.6 G leave 0.4 G to the mean of sixteen, 0.08 G to that of four hundred
    table = fields("a", 7.1, 7.4, 7.6, 7.9, 8.1, g_sd=1.6, tiles_used=tiles, area_mm2=100.0)
    assert specimen_rows(table, ())[0]["homogeneity"] == homogeneity
