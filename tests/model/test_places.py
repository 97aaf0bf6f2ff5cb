"""What single places of a tile say: the head is linear on the mean of the maps, so their mean is the tile's G."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gdest.core.model_card import ModelCard
from gdest.core.settings import GradeSettings
from gdest.core.tiles import tiles_of
from gdest.grading.batching import SharedPredictor, join_answers
from gdest.model import NetworkPredictor
from gdest.model.network import GradeNetwork


@pytest.fixture(scope="module")
def tiles():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (3, 224, 224), dtype=np.uint8)


@torch.inference_mode()
def test_the_mean_of_the_places_is_the_g_of_the_tile_and_each_is_what_the_head_says_there(bundled_model, tiles):
    known = bundled_model.network
    batch = torch.from_numpy(tiles)[:, None]
    g_seen, _, _, places = known.answer(batch, places=True)
    whole = g_seen[:, None, None] + places
    assert places.shape == (3, 7, 7)
    assert whole.mean(dim=(1, 2)).numpy() == pytest.approx(g_seen.numpy(), abs=1e-5)
    last = known.features(batch)
    for row, col in ((0, 0), (3, 5), (6, 6)):  # a second way: the head on the numbers of one place
        alone = known.outputs(last[:, :, row, col])[:, 0]
        assert whole[:, row, col].numpy() == pytest.approx(alone.numpy(), abs=1e-4)
    assert float(places.std()) > 0.1


@torch.inference_mode()
def test_what_a_tile_answers_is_the_same_to_the_last_digit_with_places_and_without(bundled_model, tiles):
    batch = torch.from_numpy(tiles)[:, None]
    for answer in (bundled_model.network.answer, bundled_model.network.answer_with_boundaries):
        without, with_places = answer(batch), answer(batch, places=True)
        assert len(with_places) == len(without) + 1
        assert all(torch.equal(one, other) for one, other in zip(without, with_places[:-1], strict=True))


def test_a_head_of_more_layers_and_a_classifier_tell_no_places():
    cards = (ModelCard(), ModelCard(head="ext"), ModelCard(task="classification", classes=(4.0, 5.0)))
    assert [GradeNetwork(card).tells_places for card in cards] == [True, False, False]


def test_the_predictor_and_threads_that_share_it_hand_each_tile_its_own_places(bundled_model, tiles):
    settings = GradeSettings(device="cpu", precision="fp32", batch=2)
    predictor = NetworkPredictor(bundled_model, settings)
    alone = [predictor.predict([tiles_of(tiles[i : i + 1])]) for i in range(3)]
    with SharedPredictor(predictor) as shared:
        together = shared.predict([tiles_of(tiles)])
    assert together.places.shape == (3, 7, 7)
    assert together.places == pytest.approx(join_answers(alone).places, abs=1e-4)
    counting = NetworkPredictor(bundled_model, GradeSettings(device="cpu", precision="fp32", count=True))
    answers = counting.predict([tiles_of(tiles)])
    assert answers.boundaries.ndim == 4
    assert answers.places == pytest.approx(together.places, abs=1e-4)
