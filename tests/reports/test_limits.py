from __future__ import annotations

import re

import pytest

from gdest.core.errors import SettingsError
from gdest.reports.limits import Limit, Verdict, read_limits
from gdest.reports.verdicts import Found, Number, judge


def test_a_limit_knows_whether_it_needs_a_count():
    without = ["g >= 5", "homogeneity", "relative_accuracy <= 10"]
    counted = ["g_counted >= 5", "g_largest_grain <= 3", "relative_accuracy_counted <= 10"]
    assert [Limit(rule).needs_count for rule in (*without, *counted)] == [False] * 3 + [True] * 3


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
    assert limit.sentence == ("G  <=8.25 (file a/*, specimen P?, product bar, heat H1, order O1, location rim)")
    assert judge(limit, Found({"g": Number(8.1, 8.0, 8.25)})).verdict == "pass"


def test_limits_keep_their_order_and_none_are_none():
    assert read_limits(None) == ()
    assert read_limits([]) == ()
    rules = ["g >= 5", "homogeneity", "g <= -0.5"]
    assert [limit.rule for limit in read_limits([{"rule": rule} for rule in rules])] == rules
    assert Limit("homogeneity").sentence == "homogeneity uniform"


NEITHER = (
    '[[limit]]: rule = "{}" is neither "g >= 5.0", "g <= 8.5", "relative_accuracy <= 10" nor "homogeneity"; '
    "g_counted and g_largest_grain may stand for g, relative_accuracy_counted for the third."
)
UNKNOWN = (
    "[[limit]]: {} is not known or not text; "
    "known are beyond, file, heat, location, on, order, product, rule, specimen."
)
BEYOND = "[[limit]]: beyond belongs to a limit on relative_accuracy or relative_accuracy_counted."
OF_FIELDS = (
    '[[limit]]: relative_accuracy is that of a specimen\'s fields; write on = "specimen", or relative_accuracy_counted.'
)
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
        ([{"rule": "G > 5"}], NEITHER.format("G > 5")),
        ([{"rule": "g >= 5,5,5"}], NEITHER.format("g >= 5,5,5")),
        ([{"rule": "g_counted > 5"}], NEITHER.format("g_counted > 5")),
        ([{"rule": "g_seen >= 5"}], NEITHER.format("g_seen >= 5")),
        ([{"rule": "homogeneity uniform"}], NEITHER.format("homogeneity uniform")),
        ([{}], NEITHER.format("")),
        ([{"rule": "g >= 5", "colour": "red"}], UNKNOWN.format("colour")),
        ([{"rule": 5}], UNKNOWN.format("rule")),
        ([{"rule": "g >= 5", "heat": 7}], UNKNOWN.format("heat")),
        ([{"rule": "g >= 5", "on": "tile"}], '[[limit]]: on is "micrograph" or "specimen", not "tile".'),
        ([{"rule": "g >= 5", "on": ""}], '[[limit]]: on is "micrograph" or "specimen", not "".'),
        ([{"rule": "relative_accuracy >= 10"}], NEITHER.format("relative_accuracy >= 10")),
        ([{"rule": "relative_accuracy <= -1"}], NEITHER.format("relative_accuracy <= -1")),
        ([{"rule": "relative_accuracy <= 10", "on": "micrograph"}], OF_FIELDS),
        (
            [{"rule": "relative_accuracy <= 10", "beyond": "pass"}],
            '[[limit]]: beyond is "undecided" or "fail", not "pass".',
        ),
        ([{"rule": "g >= 5", "beyond": "fail"}], BEYOND),
        ([{"rule": "homogeneity", "beyond": "undecided"}], BEYOND),
    ],
)
def test_a_wrong_limit_is_one_clear_sentence(sections, sentence):
    with pytest.raises(SettingsError, match=f"^{re.escape(sentence)}$"):
        read_limits(sections)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *[("G >= 5", "g >= 5"), ("G≥5,5", "g>=5.5"), (" g ≤ 8,25", "g <= 8.25"), ("Homogeneity", "homogeneity")],
        ("G_counted >= 5", "g_counted >= 5"),
    ],
)
def test_a_rule_may_be_written_as_in_e112_and_with_a_decimal_comma(written, meant):
    assert read_limits([{"rule": written}]) == read_limits([{"rule": meant}])
    assert read_limits([{"rule": written}])[0].rule.startswith(meant)


def test_a_limit_on_relative_accuracy_is_on_specimens_and_says_what_is_beyond_it():
    (plain,) = read_limits([{"rule": "relative_accuracy <= 10"}])
    assert plain == Limit("relative_accuracy <= 10", (), ("specimen",), Verdict.UNDECIDED)
    (hard,) = read_limits([{"rule": "relative_accuracy<=7.5", "beyond": "fail", "on": "specimen"}])
    assert hard == Limit("relative_accuracy<=7.5", (), ("specimen",), Verdict.FAIL)
    assert (plain.sentence, hard.sentence) == ("%RA <= 10", "%RA<=7.5, beyond it fail")
    (counted,) = read_limits([{"rule": "relative_accuracy_counted <= 10"}])
    assert counted.on == ("micrograph", "specimen")
