"""8-bit convolutions: how numbers are rounded, what the card keeps, and which weights run without."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD

from gdest.core.errors import WeightsError
from gdest.core.model_card import ModelCard
from gdest.core.settings import GradeSettings
from gdest.core.tiles import tiles_of
from gdest.model import eight_bit, openvino_engine
from gdest.model.devices import openvino_is_installed
from gdest.model.openvino_engine import OpenVinoEngine, leave_cores_to_openvino, openvino_threads
from gdest.model.openvino_import import import_openvino
from gdest.model.predictor import NetworkPredictor


@pytest.fixture(scope="module")
def openvino():
    if not openvino_is_installed():
        pytest.skip("OpenVINO is not installed: pip install gdest[openvino]")
    return import_openvino()


@pytest.fixture(scope="module")
def translation(openvino, bundled_model):  # noqa: ARG001
    """Return the bundled network translated once, which takes seconds."""
    return openvino_engine._translated(openvino_engine._Described(bundled_model.network), 224)


@pytest.fixture
def translated_once(monkeypatch, translation):
    monkeypatch.setattr(openvino_engine, "_translated", lambda *_: translation.clone())


@pytest.fixture(scope="module")
def steel():
    """Return one tile (1, 1, 224, 224) of stripes and noise: what it shows does not matter here."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (1, 1, 224, 224), dtype=np.uint8)


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache"


def test_a_limit_keeps_even_numbers_and_cuts_a_lone_large_one_off(rng):
    even = rng.random(49_000, np.float32)
    assert eight_bit._limit_of_values(even) == pytest.approx(even.max(), rel=1e-6)
    lone = np.append(even * 0.1, np.float32(1.0)).astype(np.float32)
    assert eight_bit._limit_of_values(lone) < 0.97


def test_each_output_channel_of_the_weights_has_its_own_limit(rng):
    weights = rng.uniform(-1, 1, (3, 8, 3, 3)).astype(np.float32) * np.array([1, 10, 100], np.float32).reshape(
        3, 1, 1, 1
    )
    limits = eight_bit._limits_of_weights(weights)
    assert limits.shape == (3, 1, 1, 1)
    step = limits / 127
    rounded = eight_bit._rounded(weights, step, -127, 127)
    assert (np.abs(rounded - weights).max(axis=(1, 2, 3)) < 0.1 * limits.ravel()).all()
    assert limits.ravel()[1:] / limits.ravel()[:-1] == pytest.approx(10, rel=0.2)


def card_with(**fields):
    return ModelCard.from_json(json.dumps({**json.loads(CARD.to_json()), **fields}))


def test_a_card_keeps_its_limits_to_the_last_digit_and_one_without_has_none():
    limits = tuple(map(float, np.float32([10.175675, 1 / 3, 7e-5])))
    card = replace(CARD, int8_limits=limits, int8_g_gap=0.0061)
    assert ModelCard.from_json(card.to_json()) == card
    older = json.loads(CARD.to_json())
    del older["int8_limits"], older["int8_g_gap"]
    assert ModelCard.from_json(json.dumps(older)) == CARD
    assert (CARD.int8_limits, CARD.int8_g_gap) == ((), None)


@pytest.mark.parametrize(
    ("limits", "gap"),
    [
        ([1.0, 0.0], 0.01), ([1.0, -2.0], 0.01), ([1.0, float("nan")], 0.01), ([1.0, float("inf")], 0.01),
        ([1.0, "2"], 0.01), ([True], 0.01), ("12", 0.01), ([1.0], None), ([], 0.01),
        ([1.0], -0.001), ([1.0], float("nan")), ([1.0], "0.01"),
    ],
)  # fmt: skip
def test_a_card_with_impossible_limits_is_refused(limits, gap):
    assert card_with(int8_limits=[1.0, 2], int8_g_gap=0).int8_limits == (1.0, 2.0)
    with pytest.raises(WeightsError, match="model card cannot be read"):
        card_with(int8_limits=limits, int8_g_gap=gap)


@pytest.mark.usefixtures("translated_once")
def test_a_network_in_8_bits_is_made_once_and_kept(monkeypatch, cache, bundled_model, steel):
    """A kept one that is damaged, or a cache out of reach, is no error; nothing is drawn."""
    made, real = [], openvino_engine.to_8_bit
    monkeypatch.setattr(openvino_engine, "to_8_bit", lambda *told: made.append(told) or real(*told))

    def described(sha256="a"):
        engine = OpenVinoEngine(bundled_model.network, bundled_model.card, bf16=False, int8=True, sha256=sha256)
        return openvino_engine._asked(engine._free, steel)[0]

    first = described()
    assert torch.equal(described(), first)
    assert len(made) == 1
    described("b")
    assert len(made) == 2
    assert len(list((cache / "gdest").iterdir())) == 2
    for kept in cache.rglob("*.bin"):
        kept.write_bytes(b"cut off")
    assert torch.equal(described(), first)
    assert torch.equal(described(), first)
    assert len(made) == 3
    shutil.rmtree(cache)
    cache.write_text("no folder")
    assert torch.equal(described(), first)
    assert len(made) == 4


@pytest.mark.usefixtures("translated_once")
def test_the_limits_of_the_bundled_card_are_those_that_are_measured_for_its_weights(bundled_model):
    from gdest.training.eight_bit_samples import with_int8_limits

    bare = replace(bundled_model, card=replace(bundled_model.card, int8_limits=(), int8_g_gap=None))
    found = with_int8_limits(bare).card
    assert found.int8_limits == pytest.approx(bundled_model.card.int8_limits, rel=1e-3)
    assert found.int8_g_gap == pytest.approx(bundled_model.card.int8_g_gap, abs=1e-3)
    assert replace(found, int8_limits=(), int8_g_gap=None) == bare.card


@pytest.mark.usefixtures("translated_once", "cache")
def test_limits_for_another_network_are_refused(bundled_model):
    card = replace(bundled_model.card, int8_limits=bundled_model.card.int8_limits[:-1])
    with pytest.raises(WeightsError, match="15 int8_limits for 16"):
        OpenVinoEngine(bundled_model.network, card, bf16=False, int8=True)


@pytest.mark.slow
@pytest.mark.usefixtures("openvino", "cache")
def test_an_engine_in_8_bits_starts_without_drawing_anything(bundled_model, monkeypatch, steel):
    for name in [name for name in sys.modules if name.startswith("gdest.synth")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gdest.synth", None)  # an import of it fails
    before = torch.get_num_threads()
    predictor = NetworkPredictor(bundled_model, GradeSettings(device="cpu", precision="int8"))
    assert predictor.runs_openvino
    assert torch.get_num_threads() == before  # the cores are left to OpenVINO by name, not by a constructor
    exact = NetworkPredictor(bundled_model, GradeSettings(device="cpu", precision="fp32"))
    tiles = [tiles_of(steel[0])]
    assert predictor.predict(tiles).g_seen == pytest.approx(exact.predict(tiles).g_seen, abs=0.1)


def test_torch_is_left_one_thread_by_name_and_openvino_gets_what_torch_had(monkeypatch):
    threads = [7]
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[0])
    monkeypatch.setattr(torch, "set_num_threads", lambda count: threads.__setitem__(0, count))
    openvino_threads.cache_clear()
    try:
        leave_cores_to_openvino()
        assert threads == [1]
        assert openvino_threads() == 7
    finally:
        openvino_threads.cache_clear()


@pytest.mark.usefixtures("translated_once", "cache")
def test_openvino_was_asked_once_before_several_threads_may_ask(bundled_model, monkeypatch):
    """Its first call in two threads at a time stopped a scan for ever: each held what the other waited for."""
    openvino = pytest.importorskip("openvino")
    asked, real = [], openvino.InferRequest.infer
    monkeypatch.setattr(
        openvino.InferRequest, "infer", lambda *told: asked.append(threading.get_ident()) or real(*told)
    )
    OpenVinoEngine(bundled_model.network, bundled_model.card, bf16=False, int8=True)
    assert asked == [threading.get_ident()]


@pytest.mark.usefixtures("openvino", "cache")
def test_boundaries_are_drawn_the_same_beside_a_resnet_in_8_bits(bundled_model):
    rng = np.random.default_rng(0)
    tiles = [tiles_of(rng.integers(0, 256, (2, 224, 224), dtype=np.uint8))]
    network, card = bundled_model.network, bundled_model.card
    exact, rounded = (
        OpenVinoEngine(network, card, bf16=False, int8=int8, boundaries=True).answer(tiles) for int8 in (False, True)
    )
    assert float((exact[3].float() - rounded[3].float()).abs().mean()) < 4.0
