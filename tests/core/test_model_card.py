import json
import random
from dataclasses import replace

import pytest
from helpers.predictors import CARD

from gdest.core import MOST_ALLOWED, ModelCard, WeightsError

NUMBERS = (
    "um_per_px", "g_min", "g_max", "tile_px", "classes", "int8_limits", "int8_g_gap", "correction", "interval",
    "tile_scatter", "limits", "counting", "own_scatter",
)  # fmt: skip
"""The fields of a card whose numbers decide what is graded."""

HOSTILE = (
    None, True, "1", "", -1, 0, 1e308, -1e308, float("nan"), float("inf"), 10**400, [], {}, [[]], [None], [[1, 2, 3]],
    [[1, float("nan")]], [[float("nan"), 1]], [[1, 1e308]], [[2, 1], [1, 1]], [-1.0], {"novelty": float("nan")},
    {"novelty": 1e308}, {"interval": [[0, -1]]}, {"\x1b[31m": 1}, [[1.0, [2.0]]], "x" * 100,
    {"count": [-0.1, 3]}, {"count": [0.1, -3]}, {"count": [0.1]}, {"count": [1e308, 1]},
)  # fmt: skip


def numbers_in(value):
    """Yield every number in a value, with its path of names."""
    if isinstance(value, dict):
        for one in value.values():
            yield from numbers_in(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from numbers_in(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def read(raw):
    """Return the card, None where it is refused in one sentence of printable letters."""
    try:
        return ModelCard.from_json(raw if isinstance(raw, str) else json.dumps(raw))
    except WeightsError as error:
        assert str(error).isprintable()
        assert error.exit_code == 5
        return None


@pytest.mark.parametrize("field", [*json.loads(CARD.to_json()), "unheard of"])
def test_whatever_a_field_of_a_card_holds_it_is_read_right_or_refused(field):
    for value in HOSTILE:
        card = read({**json.loads(CARD.to_json()), field: value})
        if card is not None and field in NUMBERS:
            assert all(abs(number) <= 1e6 for number in numbers_in(json.loads(card.to_json())[field]))
            assert card.um_per_px > 0
            assert card.g_min < card.g_max


@pytest.mark.parametrize(
    "change",
    [{"um_per_px": -1}, {"um_per_px": float("nan")}, {"um_per_px": 1e308}, {"interval": [[1.0, -0.1]]},
     {"interval": [[1.0, float("nan")]]}, {"tile_scatter": [[1.0, -0.1]]}, {"limits": {"novelty": float("nan")}},
     {"limits": {"unknown": 1.0}}, {"g_min": 5.0, "g_max": 5.0}, {"tile_px": 0}, {"tile_px": 224.0},
     {"classes": [2.0, 1.0]}, {"correction": [[2.0, 0.1], [1.0, 0.1]]}, {"counting": {"interval": [[0.0, -0.1]]}},
     {"own_scatter": {"count": [-0.1, 3.0]}}, {"own_scatter": {"count": [0.1, -3]}}, {"own_scatter": {"count": [0.1]}},
     {"backbone": "resnet9000"}, {"input": "page"}, {"training": {"a": 1}}, {"errors": {"a": "b"}}],
)  # fmt: skip
def test_impossible_numbers_and_words_are_refused(change):
    whole = json.loads(CARD.to_json())
    assert read(whole) == CARD
    assert read({**whole, **change}) is None


def test_what_is_no_card_is_refused():
    for text in (
        "[]",
        "1",
        "null",
        "",
        "{",
        "[" * 100_000,
        '{"a":' * 50_000,
        " " * 2_000_000,
        '{"um_per_px": 1' + "0" * 5000 + "}",
    ):
        assert read(text) is None


def test_cards_with_random_damage_are_read_or_refused():
    rng = random.Random(5)
    text = CARD.to_json()
    for _ in range(2000):
        damaged = list(text)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.choice('0123456789-.eE"[]{},:NaInfity\x1b\\ ')
        read("".join(damaged))


def test_a_figure_for_people_may_be_unknown():
    card = read({**json.loads(CARD.to_json()), "errors": {"validation_coverage": float("nan")}})
    assert card.errors["validation_coverage"] != card.errors["validation_coverage"]


@pytest.mark.parametrize(
    ("change", "lacks"),
    [({}, ""), ({"interval": []}, "the interval of G"), ({"limits": {}}, "the limit of no grains, the limit of"),
     ({"limits": {**CARD.limits, "zoom gap": 9.0}}, ""), ({"task": "classification", "limits": {"zoom gap": 1}}, ""),
     ({"task": "classification", "limits": {}}, "the limit of zoom gap")],
)  # fmt: skip
def test_a_card_says_what_it_lacks_for_grading(change, lacks):
    assert read({**json.loads(CARD.to_json()), **change}).missing_for_grading().startswith(lacks)
    assert bool(read({**json.loads(CARD.to_json()), **change}).missing_for_grading()) is bool(lacks)


def test_curves_of_the_count_and_scatters_survive_a_round_trip():
    card = ModelCard(counting={"interval": ((0.0, 0.25), (2.0, 0.75))}, own_scatter={"count": (0.1, 6.0)})

    assert ModelCard.from_json(card.to_json()) == card


def test_a_card_from_before_counting_has_no_curves():
    raw = json.loads(ModelCard().to_json())
    del raw["counting"]

    assert ModelCard.from_json(json.dumps(raw)).counting == {}


@pytest.mark.parametrize("curves", [{"interval": [[0.0]]}, {"interval": [["a", 1.0]]}, {"interval": 3}, [1, 2]])
def test_impossible_curves_are_refused(curves):
    raw = {**json.loads(ModelCard().to_json()), "counting": curves}

    with pytest.raises(WeightsError, match="model card cannot be read"):
        ModelCard.from_json(json.dumps(raw))


def test_no_limit_of_older_weights_is_above_what_is_allowed_today():
    older = replace(ModelCard(), limits={**dict.fromkeys(MOST_ALLOWED, 5.0), "novelty": 5.0})
    assert ModelCard.from_json(older.to_json()).limits == {**MOST_ALLOWED, "novelty": 5.0}
    stricter = dict.fromkeys(MOST_ALLOWED, -1.0)
    assert ModelCard.from_json(replace(older, limits=stricter).to_json()).limits == stricter
