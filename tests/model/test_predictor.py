"""The predictor: which engine it chooses, what it does when the memory is full, and what the card corrects."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD

from gdest.core.errors import WeightsError
from gdest.core.settings import GradeSettings
from gdest.core.tiles import cut_parts, tiles_of
from gdest.model import predictor as predicting
from gdest.model.network import LoadedModel
from gdest.model.predictor import LONG_RUN, REPAID_FILES, NetworkPredictor, choose_engine


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
        monkeypatch.setattr(predicting, "choose_engine", lambda *_: engine)
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


@pytest.fixture
def chosen(monkeypatch):
    """Return which engine is chosen, with what it is told and the preparations it is asked for."""
    network = SimpleNamespace(eval=lambda: network, judge=object())
    machine = SimpleNamespace(device="cpu", openvino=True, network=network)
    asked = []

    class Engine:
        take_fastest_batch = staticmethod(lambda: asked.append("fastest batch"))
        compile_where_faster = staticmethod(lambda: asked.append("compiled"))

    def engine(name):
        def make(*_told, batch, int8=None, **_more):
            asked.append((name, batch, int8))
            return Engine

        return make

    monkeypatch.setattr(predicting, "choose_device", lambda _: SimpleNamespace(type=machine.device))
    monkeypatch.setattr(predicting, "to_device", lambda network, _: network)
    monkeypatch.setattr(predicting, "chooses_bf16", lambda *_: False)
    monkeypatch.setattr(predicting, "chooses_int8", lambda precision: precision == "auto")
    monkeypatch.setattr(predicting, "openvino_is_installed", lambda: machine.openvino)
    monkeypatch.setattr(predicting, "TorchEngine", engine("torch"))
    monkeypatch.setattr(predicting, "OpenVinoEngine", engine("openvino"))

    def choose(files, **settings):
        asked.clear()
        choose_engine(replace(MODEL, network=network), GradeSettings(**settings), files)
        return list(asked)

    return machine, choose


def test_on_a_cpu_openvino_does_the_convolutions_of_a_long_run(chosen):
    machine, choose = chosen
    assert choose(LONG_RUN - 1) == [("torch", 64, None)]
    assert choose(LONG_RUN) == choose(REPAID_FILES) == [("openvino", 16, True)]
    assert choose(LONG_RUN, batch=5, precision="bf16") == [("openvino", 5, False)]
    machine.openvino = False
    assert choose(REPAID_FILES - 1) == [("torch", 64, None)]
    assert choose(REPAID_FILES, batch=5) == [("torch", 5, None), "compiled"]
    machine.openvino, machine.network.judge = True, None
    assert choose(LONG_RUN) == [("torch", 64, None)]


def test_on_a_gpu_a_long_run_tries_batches_unless_one_is_stated(chosen):
    machine, choose = chosen
    machine.device = "cuda"
    assert choose(LONG_RUN - 1) == [("torch", 64, None)]
    assert choose(LONG_RUN) == [("torch", 64, None), "fastest batch"]
    assert choose(REPAID_FILES) == [("torch", 64, None), "fastest batch", "compiled"]
    assert choose(LONG_RUN, batch=9) == [("torch", 9, None)]
