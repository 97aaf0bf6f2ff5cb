from __future__ import annotations

import math

import pytest

from gdest.reports.limits import Limit, Verdict
from gdest.reports.verdicts import Finding, Found, Number, judge, verdict


def compare(limit, found):
    return judge(limit, found).verdict


def found(low=5.2, high=5.8, homogeneity="uniform", distrusted="", **numbers):
    return Found({"g": Number((low + high) / 2.0, low, high), **numbers}, homogeneity, "", distrusted)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("g >= 5.0", "pass"),
        ("g >= 5.2", "pass"),  # the lower end lies on the limit
        ("g >= 5.21", "undecided"),
        ("g >= 5.5", "undecided"),
        ("g >= 5.8", "undecided"),  # the upper end lies on the limit: one that holds 5.8 could be enough
        ("g >= 5.81", "fail"),
        ("g >= 6", "fail"),
        ("g <= 6.0", "pass"),
        ("g <= 5.8", "pass"),
        ("g <= 5.79", "undecided"),
        ("g<=5.5", "undecided"),
        ("g <= 5.2", "undecided"),
        ("g <= 5.19", "fail"),
        ("g <= 5.0", "fail"),
        ("homogeneity", "pass"),
    ],
)
def test_an_interval_that_straddles_the_limit_is_undecided(rule, said):
    assert compare(Limit(rule), found()) == said


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("g >= -1", "pass"),
        ("g >= -0.2", "undecided"),
        ("g >= 0.3", "fail"),
        ("g <= -0.6", "fail"),
        ("g <= 0.2", "pass"),
    ],
)
def test_a_limit_may_be_coarser_than_g_0(rule, said):
    assert compare(Limit(rule), found(-0.5, 0.2)) == said


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("g >= 5.0", "fail"),
        ("g_counted >= 5.0", "pass"),
        ("g_counted >= 5.5", "undecided"),
        ("g_counted <= 5.1", "fail"),
        ("g_largest_grain >= 3.0", "pass"),
        ("g_largest_grain >= 3.1", "fail"),
        ("g_largest_grain <= 3.0", "pass"),
        ("g_largest_grain<=2.9", "fail"),
    ],
)
def test_each_number_is_compared_with_its_own_interval(rule, said):
    others = {"g_counted": Number(5.5, 5.2, 5.8), "g_largest_grain": Number(3.0, 3.0, 3.0)}
    assert compare(Limit(rule), found(1.0, 2.0, **others)) == said
    assert compare(Limit(rule), found(1.0, 2.0, distrusted="status is review", **others)) == "undecided"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        *[("g_largest_grain >= 3.5", "fail"), ("g_largest_grain >= 2.0", "undecided")],
        *[("g_largest_grain <= 3.5", "pass"), ("g_largest_grain <= 2.0", "undecided")],
    ],
)
def test_a_part_that_was_not_counted_may_hold_a_larger_grain(rule, said):
    assert compare(Limit(rule), found(g_largest_grain=Number(3.0, -math.inf, 3.0))) == said


@pytest.mark.parametrize("rule", ["g_counted >= 5.0", "g_counted <= 5.0", "g_largest_grain >= 5.0"])
def test_what_was_not_counted_is_undecided(rule):
    assert compare(Limit(rule), found()) == "undecided"


@pytest.mark.parametrize("g", [5.0, 8.0])
@pytest.mark.parametrize("sign", [">=", "<="])
def test_an_interval_that_is_one_number_passes_or_fails_at_its_limit(g, sign):
    assert compare(Limit(f"g {sign} {g}"), found(g, g)) == "pass"


@pytest.mark.parametrize("rule", ["g >= 5.0", "g <= 6.0", "g >= 7.0", "g <= 1.0"])
def test_without_either_end_of_the_interval_a_number_is_undecided(rule):
    assert compare(Limit(rule), found(math.nan, math.nan)) == "undecided"


@pytest.mark.parametrize(
    ("rule", "open_below", "open_above"),
    [
        ("g >= 5.2", "undecided", "pass"),
        ("g >= 5.21", "undecided", "undecided"),
        ("g >= 5.8", "undecided", "undecided"),
        ("g >= 5.81", "fail", "undecided"),
        ("g <= 5.8", "pass", "undecided"),
        ("g <= 5.79", "undecided", "undecided"),
        ("g <= 5.2", "undecided", "undecided"),
        ("g <= 5.19", "undecided", "fail"),
    ],
)
def test_the_end_that_is_known_decides_what_it_can(rule, open_below, open_above):
    for low, high, said in ((math.nan, 5.8, open_below), (5.2, math.nan, open_above)):
        assert compare(Limit(rule), Found({"g": Number(5.5, low, high)}, "uniform")) == said


@pytest.mark.parametrize(
    ("rule", "interval", "words"),
    [
        ("g >= 10.0", (math.nan, 6.6), "G 4.9 (up to 6.6, 95 %) is below 10.0"),
        ("g >= 6.0", (math.nan, 6.6), "G 4.9 (up to 6.6, 95 %) may be below 6.0"),
        ("g <= 7.0", (math.nan, 6.6), "G 4.9 (up to 6.6, 95 %) is at most 7.0"),
        ("g >= 4.0", (4.2, math.nan), "G 4.9 (4.2 and more, 95 %) is at least 4.0"),
    ],
)
def test_an_interval_with_one_end_is_told_with_that_end(rule, interval, words):
    assert judge(Limit(rule), Found({"g": Number(4.9, *interval, "95 %")}, "uniform")).words == words


def test_what_nobody_should_trust_is_undecided():
    for rule in ("g >= 5.0", "g >= 7.0", "homogeneity"):
        assert compare(Limit(rule), found(distrusted="status is review")) == "undecided"
    assert (
        compare(Limit("homogeneity"), found(homogeneity="duplex:bimodal", distrusted="status is review")) == "undecided"
    )


@pytest.mark.parametrize(
    ("homogeneity", "said"),
    [
        ("uniform", "pass"),
        ("unknown", "undecided"),
        ("duplex:banding", "fail"),
        ("duplex in 1 of 5 fields", "fail"),
        ("scattered (fields of G 7.1..8.1)", "undecided"),
    ],
)
def test_homogeneity_passes_fails_or_is_unknown(homogeneity, said):
    assert compare(Limit("homogeneity"), found(math.nan, math.nan, homogeneity)) == said


def test_a_rule_that_is_none_decides_nothing():
    assert compare(Limit("g > 5.0"), found()) == "undecided"


def test_the_worst_verdict_counts_and_says_what_was_found():
    passing, other, failing, open_ = Limit("g >= 5.0"), Limit("homogeneity"), Limit("g >= 6.0"), Limit("g >= 5.5")

    def worst(*limits):
        return verdict([judge(limit, found()) for limit in limits])

    assert worst(passing, failing, open_, other) == (Verdict.FAIL, "G 5.5 (5.2..5.8) is below 6.0")
    assert worst(passing, open_, other) == (Verdict.UNDECIDED, "G 5.5 (5.2..5.8) may be below 5.5")
    assert worst(passing, other) == (Verdict.PASS, "G 5.5 (5.2..5.8) is at least 5.0; homogeneity is uniform")
    assert worst() == (None, "")
    said_twice = [Finding(Verdict.UNDECIDED, "status is review")] * 2
    assert verdict(said_twice) == (Verdict.UNDECIDED, "status is review")


def test_a_verdict_is_written_as_its_word():
    assert [str(one) for one in Verdict] == ["pass", "undecided", "fail"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("g >= 5.0", "G 3.0 (2.7..3.2, 90 %) is below 5.0"),
        ("g >= 2.7", "G 3.0 (2.7..3.2, 90 %) is at least 2.7"),
        ("g <= 2.5", "G 3.0 (2.7..3.2, 90 %) is above 2.5"),
        ("g <= 3.5", "G 3.0 (2.7..3.2, 90 %) is at most 3.5"),
        ("g <= 3.0", "G 3.0 (2.7..3.2, 90 %) may be above 3.0"),
        ("g >= 3.21", "G 3.00 (2.70..3.20, 90 %) is below 3.21"),  # as many digits as tell the bound apart
        ("g_counted >= 3.0", "G counted is not known"),
        ("g_largest_grain >= 3.0", "G of the largest grain 1.5 is below 3.0"),
        ("relative_accuracy <= 10", "%RA 10.01 is above 10.00"),
        ("relative_accuracy <= 12", "%RA 10.0 is at most 12.0"),
        ("relative_accuracy_counted <= 12", "%RA of the count is not known"),
        ("homogeneity", "homogeneity is duplex:bimodal, must be uniform"),
    ],
)
def test_a_finding_says_what_was_found_and_not_the_rule(rule, words):
    numbers = {
        "g": Number(3.0, 2.7, 3.2, "90 %"),
        "g_largest_grain": Number(1.5, 1.5, 1.5),
        "relative_accuracy": Number(10.01),
    }
    homogeneity = "duplex:bimodal" if rule == "homogeneity" else "uniform"
    assert judge(Limit(rule), Found(numbers, homogeneity)).words == words


def test_a_number_without_an_interval_decides_nothing_and_says_so():
    assert judge(Limit("g >= 1"), found(math.nan, math.nan)).words == "G is not known"
    alone = judge(Limit("g >= 1"), Found({"g": Number(7.04)}, "uniform"))
    assert alone == (Verdict.UNDECIDED, "G 7.0 has no interval")
    why = judge(Limit("g >= 1"), Found({"g": Number(7.04, no_interval="nobody knows it")}, "uniform"))
    assert why == (Verdict.UNDECIDED, "G 7.0: nobody knows it")


@pytest.mark.parametrize("rule", ["g >= 1.0", "g <= 16.0", "g >= 9.0", "g_counted >= 1.0", "g_counted <= 1.0"])
@pytest.mark.parametrize(
    "kinds", [("duplex:bimodal", ""), ("uniform", "duplex:necklace"), ("duplex in 1 of 5 fields", "")]
)
def test_one_g_of_a_mixed_field_decides_nothing_whoever_says_that_it_is_mixed(rule, kinds):
    numbers = {"g": Number(7.0, 6.9, 7.1), "g_counted": Number(7.0, 6.9, 7.1)}
    finding = judge(Limit(rule), Found(numbers, *kinds))
    assert finding.verdict == "undecided"
    assert f"is {kinds[1] or kinds[0]}" in finding.words


def test_the_largest_grain_of_a_mixed_field_can_be_judged():
    largest = {"g_largest_grain": Number(3.0, 3.0, 3.0)}
    assert compare(Limit("g_largest_grain >= 4.0"), Found(largest, "duplex:bimodal")) == "fail"


def test_a_field_whose_grains_are_duplex_is_not_uniform_because_its_tiles_are():
    for counted in ("duplex:necklace", "scattered (fields of G 7.1..8.1)"):
        finding = judge(Limit("homogeneity"), Found({}, "uniform", counted))
        assert finding.verdict == "undecided"
        assert f"by the count {counted}; both" in finding.words
    assert compare(Limit("homogeneity"), Found({}, "unknown", "uniform")) == "undecided"
    for unsure in ("unknown", "", "uniform"):
        assert compare(Limit("homogeneity"), Found({}, "uniform", unsure)) == "pass"


@pytest.mark.parametrize(
    ("accuracy", "beyond", "said"),
    [
        *[(10.0, "undecided", "pass"), (10.1, "undecided", "undecided"), (35.0, "fail", "fail")],
        *[(math.nan, "undecided", "undecided"), (math.nan, "fail", "undecided")],
    ],
)
def test_a_relative_accuracy_beyond_its_limit_never_passes(accuracy, beyond, said):
    limit = Limit("relative_accuracy <= 10", (), ("specimen",), Verdict(beyond))
    assert compare(limit, Found({"relative_accuracy": Number(accuracy)})) == said
