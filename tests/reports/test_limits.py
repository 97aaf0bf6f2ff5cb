from __future__ import annotations

import math
import re

import pytest

from gdest.core.errors import SettingsError
from gdest.reports.limits import Found, Limit, Verdict, compare, read_limits, verdict


def found(low=5.2, high=5.8, homogeneity="uniform", trusted=True):
    return Found(low, high, homogeneity, trusted)


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
    assert compare(Limit(rule), Found(1.0, 2.0, "uniform", True, (5.2, 5.8), (3.0, 3.0))) == said
    assert compare(Limit(rule), Found(1.0, 2.0, "uniform", False, (5.2, 5.8), (3.0, 3.0))) == "undecided"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        *[("g_largest_grain >= 3.5", "fail"), ("g_largest_grain >= 2.0", "undecided")],
        *[("g_largest_grain <= 3.5", "pass"), ("g_largest_grain <= 2.0", "undecided")],
    ],
)
def test_a_part_that_was_not_counted_may_hold_a_larger_grain(rule, said):
    assert compare(Limit(rule), Found(5.2, 5.8, "uniform", True, largest=(-math.inf, 3.0))) == said


@pytest.mark.parametrize("rule", ["g_counted >= 5.0", "g_counted <= 5.0", "g_largest_grain >= 5.0"])
def test_what_was_not_counted_is_undecided(rule):
    assert compare(Limit(rule), found()) == "undecided"


def test_a_limit_knows_whether_it_needs_a_count():
    rules = ["g >= 5", "homogeneity", "g_counted >= 5", "g_largest_grain <= 3"]
    assert [Limit(rule).needs_count for rule in rules] == [False, False, True, True]


@pytest.mark.parametrize("g", [5.0, 8.0])
@pytest.mark.parametrize("sign", [">=", "<="])
def test_an_interval_that_is_one_number_passes_or_fails_at_its_limit(g, sign):
    assert compare(Limit(f"g {sign} {g}"), found(g, g)) == "pass"


@pytest.mark.parametrize("rule", ["g >= 5.0", "g <= 6.0", "g >= 7.0", "g <= 1.0"])
@pytest.mark.parametrize("interval", [(math.nan, math.nan), (5.2, math.nan), (math.nan, 5.8)])
def test_an_unknown_end_of_the_interval_is_undecided(rule, interval):
    assert compare(Limit(rule), found(*interval)) == "undecided"


def test_what_nobody_should_trust_is_undecided():
    for rule in ("g >= 5.0", "g >= 7.0", "homogeneity"):
        assert compare(Limit(rule), found(trusted=False)) == "undecided"
    assert compare(Limit("homogeneity"), found(homogeneity="duplex:bimodal", trusted=False)) == "undecided"


@pytest.mark.parametrize(
    ("homogeneity", "said"),
    [
        ("uniform", "pass"),
        ("unknown", "undecided"),
        ("duplex:banding", "fail"),
        ("duplex in 1 of 5 fields", "fail"),
    ],
)
def test_homogeneity_passes_fails_or_is_unknown(homogeneity, said):
    assert compare(Limit("homogeneity"), found(math.nan, math.nan, homogeneity)) == said


def test_a_rule_that_is_none_decides_nothing():
    assert compare(Limit("g > 5.0"), found()) == "undecided"


def test_the_worst_verdict_counts_and_names_its_limits():
    passing, other, failing, open_ = Limit("g >= 5.0"), Limit("homogeneity"), Limit("g >= 6.0"), Limit("g >= 5.5")
    assert verdict([passing, failing, open_, other], found()) == (Verdict.FAIL, "g >= 6.0")
    assert verdict([passing, open_, other], found()) == (Verdict.UNDECIDED, "g >= 5.5")
    assert verdict([passing, other], found()) == (Verdict.PASS, "g >= 5.0; homogeneity uniform")
    assert verdict([], found()) == (None, "")


def test_a_verdict_is_written_as_its_word():
    assert [str(one) for one in Verdict] == ["pass", "undecided", "fail"]


def test_a_limit_holds_where_all_its_patterns_fit():
    (limit,) = read_limits([{"rule": "g >= 5.0", "product": "bar*", "heat": "H?", "on": "specimen"}])
    assert limit.holds_for("specimen", {"product": "bar 20", "heat": "H1"})
    assert not limit.holds_for("specimen", {"product": "tube", "heat": "H1"})
    assert not limit.holds_for("specimen", {"product": "bar 20", "heat": "H12"})
    assert not limit.holds_for("micrograph", {"product": "bar 20", "heat": "H1"})
    assert not limit.holds_for("specimen", {})


def test_a_limit_without_patterns_holds_everywhere():
    for kind in ("micrograph", "specimen"):
        assert Limit("g >= 5").holds_for(kind, {})
        assert read_limits([{"rule": "g >= 5"}])[0].holds_for(kind, {})
    assert not Limit("g >= 5").holds_for("tile", {})


def test_an_unknown_name_is_empty_to_a_pattern():
    assert Limit("g >= 5", (("heat", ""),)).holds_for("specimen", {})
    assert not Limit("g >= 5", (("heat", "?*"),)).holds_for("specimen", {})


def test_a_limit_is_read_with_everything_that_restricts_it():
    names = {"file": "a/*", "specimen": "P?", "product": "bar", "heat": "H1", "order": "O1", "location": "rim"}
    section = {"rule": " g  <=8.25 ", "on": "micrograph", **dict(reversed(names.items()))}
    (limit,) = read_limits([section])
    assert limit == Limit("g  <=8.25", tuple(names.items()), ("micrograph",))
    assert limit.sentence == ("g  <=8.25 (file a/*, specimen P?, product bar, heat H1, order O1, location rim)")
    assert compare(limit, found(8.0, 8.25)) == "pass"


def test_limits_keep_their_order_and_none_are_none():
    assert read_limits(None) == ()
    assert read_limits([]) == ()
    rules = ["g >= 5", "homogeneity", "g <= -0.5"]
    assert [limit.rule for limit in read_limits([{"rule": rule} for rule in rules])] == rules
    assert Limit("homogeneity").sentence == "homogeneity uniform"


NEITHER = (
    '[[limit]]: rule = "{}" is neither "g >= 5.0", "g <= 8.5" nor "homogeneity"; '
    "g_counted and g_largest_grain may stand for g."
)
UNKNOWN = "[[limit]]: {} is not known or not text; known are file, heat, location, on, order, product, rule, specimen."
BRACKETS = "Limits are written as [[limit]], with double brackets."


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"rule": "g >= 5"}, BRACKETS),
        (["g >= 5"], BRACKETS),
        ([{"rule": "g >= 5"}, 5], BRACKETS),
        ([{"rule": "g > 5"}], NEITHER.format("g > 5")),
        ([{"rule": "g >= 5."}], NEITHER.format("g >= 5.")),
        ([{"rule": "g >= 5 or so"}], NEITHER.format("g >= 5 or so")),
        ([{"rule": "G >= 5"}], NEITHER.format("G >= 5")),
        ([{"rule": "g_counted > 5"}], NEITHER.format("g_counted > 5")),
        ([{"rule": "g_seen >= 5"}], NEITHER.format("g_seen >= 5")),
        ([{"rule": "homogeneity uniform"}], NEITHER.format("homogeneity uniform")),
        ([{}], NEITHER.format("")),
        ([{"rule": "g >= 5", "colour": "red"}], UNKNOWN.format("colour")),
        ([{"rule": 5}], UNKNOWN.format("rule")),
        ([{"rule": "g >= 5", "heat": 7}], UNKNOWN.format("heat")),
        ([{"rule": "g >= 5", "on": "tile"}], '[[limit]]: on is "micrograph" or "specimen", not "tile".'),
        ([{"rule": "g >= 5", "on": ""}], '[[limit]]: on is "micrograph" or "specimen", not "".'),
    ],
)
def test_a_wrong_limit_is_one_clear_sentence(sections, sentence):
    with pytest.raises(SettingsError, match=f"^{re.escape(sentence)}$"):
        read_limits(sections)
