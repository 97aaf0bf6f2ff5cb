import json

import pytest

from gdest.core import ModelCard, WeightsError


def test_curves_of_the_count_survive_a_round_trip():
    card = ModelCard(counting={"interval": ((0.0, 0.25), (2.0, 0.75))})

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
