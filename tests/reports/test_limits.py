from __future__ import annotations

import math

import pytest

from gdest.core.errors import SettingsError
from gdest.reports.limits import Found, Limit, compare, read_limits, verdict


def found(low=5.2, high=5.8, homogeneity="uniform", trusted=True):
    return Found(low, high, homogeneity, trusted)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("g >= 5.0", "pass"),
        ("g >= 5.2", "pass"),
        ("g >= 5.5", "undecided"),
        ("g >= 5.8", "undecided"),
        ("g >= 6", "fail"),
        ("g <= 6.0", "pass"),
        ("g<=5.5", "undecided"),
        ("g <= 5.0", "fail"),
        ("homogeneity", "pass"),
    ],
)
def test_an_interval_that_straddles_the_limit_is_undecided(rule, said):
    assert compare(Limit(rule), found()) == said


def test_what_nobody_should_trust_is_undecided():
    assert compare(Limit("g >= 5.0"), found(trusted=False)) == "undecided"
    assert compare(Limit("g >= 5.0"), found(math.nan, math.nan)) == "undecided"
    assert compare(Limit("homogeneity"), found(homogeneity="unknown")) == "undecided"
    assert compare(Limit("homogeneity"), found(homogeneity="duplex:banding")) == "fail"
    assert compare(Limit("homogeneity"), found(homogeneity="duplex in 1 of 5 fields")) == "fail"


def test_the_worst_verdict_counts_and_names_its_limit():
    limits = [Limit("g >= 5.0"), Limit("g >= 6.0"), Limit("homogeneity")]
    assert verdict(limits, found()) == ("fail", "g >= 6.0")
    assert verdict(limits[::2], found()) == ("pass", "g >= 5.0; homogeneity uniform")
    assert verdict([], found()) == (None, "")


def test_a_limit_holds_where_its_patterns_fit():
    (limit,) = read_limits([{"rule": "g >= 5.0", "product": "bar*", "on": "specimen"}])
    assert limit.holds_for("specimen", {"product": "bar 20"})
    assert not limit.holds_for("specimen", {"product": "tube"})
    assert not limit.holds_for("micrograph", {"product": "bar 20"})
    assert not limit.holds_for("specimen", {})
    assert Limit("g >= 5").holds_for("micrograph", {})


@pytest.mark.parametrize(
    ("sections", "word"),
    [
        ({"rule": "g >= 5"}, "double brackets"),
        ([{"rule": "g > 5"}], "neither"),
        ([{}], "neither"),
        ([{"rule": "g >= 5", "colour": "red"}], "colour"),
        ([{"rule": "g >= 5", "on": "tile"}], "micrograph"),
        ([{"rule": 5}], "rule"),
    ],
)
def test_a_wrong_limit_is_one_clear_sentence(sections, word):
    with pytest.raises(SettingsError, match=word):
        read_limits(sections)
