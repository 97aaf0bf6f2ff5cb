"""The predictor: which engine it chooses, what it does when the memory is full, and what the card corrects."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD

from gdest.core.errors import SettingsError, WeightsError
from gdest.core.settings import GradeSettings
from gdest.core.tiles import cut_parts, tiles_of
from gdest.model import predictor as predicting
from gdest.model.devices import EngineChoice
from gdest.model.network import LoadedModel
from gdest.model.predictor import NetworkPredictor


class FakeEngine:
    """Answer the upper left pixel of each tile; have memory for some tiles at once only."""

    def __init__(self, batch=64, streams=1, fits=1000):
        self.batch, self.streams, self.fits, self.sizes = batch, streams, fits, []

    def answer(self, parts):
        tiles = cut_parts(parts)
        self.sizes.append(len(tiles))
        if len(tiles) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        g_seen = torch.from_numpy(tiles[:, 0, 0].astype(np.float32))
        return g_seen, g_seen[:, None] * torch.tensor([1.0, 2.0, 3.0]), g_seen + 0.5


MODEL = LoadedModel(None, CARD, "fake", "0" * 64)


@pytest.fixture
def predictor_with(monkeypatch):
    def make(engine, card=CARD):
        monkeypatch.setattr(predicting, "make_engine", lambda *_: engine)
        return NetworkPredictor(replace(MODEL, card=card), GradeSettings())

    return make


def numbered(count):
    tiles = np.zeros((count, 4, 4), np.uint8)
    tiles[:, 0, 0] = np.arange(count)
    return [tiles_of(tiles[: count // 2]), tiles_of(tiles[count // 2 :])]


def test_every_tile_is_answered_once_in_its_order_in_batches_of_the_engine(predictor_with):
    engine = FakeEngine(batch=4, streams=3)
    predictor = predictor_with(engine)
    answers = predictor.predict(numbered(10))
    assert answers.g_seen.tolist() == list(range(10))
    assert answers.unfit[:, 2].tolist() == [3.0 * i for i in range(10)]
    assert answers.novelty.tolist() == [i + 0.5 for i in range(10)]
    assert engine.sizes == [4, 4, 2]
    assert (predictor.batch, predictor.streams) == (4, 3)


def test_what_the_card_says_is_read_too_fine_is_taken_off(predictor_with):
    curve = ((2.0, 0.5), (6.0, -0.5))
    found = predictor_with(FakeEngine(), replace(CARD, correction=curve)).predict(numbered(9)).g_seen
    # constant beyond the curve's ends, a straight line between: 0.5, 0.25, 0, -0.25, -0.5 at 2..6
    assert found == pytest.approx([-0.5, 0.5, 1.5, 2.75, 4.0, 5.25, 6.5, 7.5, 8.5])
    assert found.dtype == np.float32


def test_a_full_memory_halves_the_batch_says_so_and_loses_no_tile(predictor_with, caplog):
    engine = FakeEngine(batch=8, fits=2)
    assert predictor_with(engine).predict(numbered(9)).g_seen.tolist() == list(range(9))
    assert engine.sizes == [8, 4, 2, 2, 2, 2, 1]
    assert "batches of 2 tiles" in caplog.text


def test_a_memory_without_room_for_one_tile_is_an_error(predictor_with):
    engine = FakeEngine(batch=2, fits=0)
    with pytest.raises(torch.OutOfMemoryError):
        predictor_with(engine).predict(numbered(2))
    assert engine.sizes == [2, 1]


def test_a_memory_that_is_full_for_two_threads_at_once_halves_the_batch_once(predictor_with, caplog):
    engine = FakeEngine(batch=8, streams=2, fits=4)
    both, real = threading.Barrier(2), engine.answer

    def at_the_same_time(parts):
        if sum(map(len, parts)) > engine.fits:
            both.wait(30)  # both have asked for eight before either is told that eight are too many
        return real(parts)

    engine.answer = at_the_same_time
    predictor, found = predictor_with(engine), []
    threads = [threading.Thread(target=lambda: found.append(predictor.predict(numbered(8)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [one.g_seen.tolist() for one in found] == [list(range(8))] * 2
    assert engine.batch == 4
    assert sorted(engine.sizes) == [4, 4, 4, 4, 8, 8]
    assert caplog.text.count("memory is full") == 1


def test_weights_of_whole_images_are_not_used_on_tiles(predictor_with):
    with pytest.raises(WeightsError, match="whole images"):
        predictor_with(FakeEngine(), replace(CARD, input="image"))


def test_weights_without_an_interval_or_limits_of_doubt_grade_nothing(predictor_with):
    for card in (replace(CARD, interval=()), replace(CARD, limits={})):
        with pytest.raises(WeightsError, match="cannot grade: their model card lacks") as caught:
            predictor_with(FakeEngine(), card)
        assert caught.value.exit_code == 5


@pytest.fixture
def made(monkeypatch):
    """Return which engine is made for a choice, with what it is told."""
    network = SimpleNamespace(eval=lambda: network, tells_places=True)
    monkeypatch.setattr(predicting, "choose_device", lambda device: SimpleNamespace(type=device))
    monkeypatch.setattr(predicting, "to_device", lambda network, _: network)
    monkeypatch.setattr(predicting, "openvino_is_installed", lambda: True)
    monkeypatch.setattr(predicting, "TorchEngine", lambda *_told, **options: ("torch", options))
    monkeypatch.setattr(predicting, "OpenVinoEngine", lambda *_told, **options: ("openvino", options))
    model = replace(MODEL, network=network)
    return lambda choice, **settings: predicting.make_engine(model, GradeSettings(**settings), EngineChoice(*choice))


def test_the_engine_that_was_chosen_is_made_with_its_precision_and_batch(made):
    plain = {"bf16": False, "batch": 64, "boundaries": False}
    torch_s = {**plain, "places": True}
    assert made(("torch", "fp32", "cpu")) == ("torch", torch_s)
    assert made(("torch", "bf16", "cpu"), batch=9) == ("torch", {**torch_s, "bf16": True, "batch": 9})
    assert made(("torch", "bf16", "cuda")) == ("torch", {**torch_s, "bf16": True, "batch": 256})
    rounded = {**plain, "int8": True, "batch": 16, "sha256": MODEL.sha256}
    assert made(("openvino", "int8", "cpu")) == ("openvino", rounded)
    assert made(("openvino", "int8", "cpu"), batch=5) == ("openvino", {**rounded, "batch": 5})


def test_a_machine_without_the_engine_of_the_recipe_says_so(made, monkeypatch):
    monkeypatch.setattr(predicting, "openvino_is_installed", lambda: False)
    with pytest.raises(SettingsError, match="OpenVINO is missing on this machine"):
        made(("openvino", "int8", "cpu"))
