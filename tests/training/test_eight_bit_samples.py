"""The drawn tiles that 8-bit limits are found on, and which weights get such limits."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from helpers.predictors import CARD

from gdest.core.model_card import UNFIT
from gdest.model import build_network, read_model_file, save_model
from gdest.synth.dataset import write_dataset
from gdest.synth.settings import SynthSettings
from gdest.training import eight_bit_samples
from gdest.training.eight_bit_samples import SAMPLE_G, UNFIT_TILES, sample_tiles, with_int8_limits
from gdest.training.fit import train
from gdest.training.settings import TrainSettings


def test_the_sample_tiles_are_always_the_same_and_hold_every_grade():
    steel, unfit = sample_tiles(96)
    for first, again in zip((steel, unfit), sample_tiles(96), strict=True):
        assert np.array_equal(first, again)
    assert steel.shape == (len(SAMPLE_G), 96, 96)
    assert unfit.shape == (len(UNFIT) * UNFIT_TILES, 96, 96)
    sharp = np.abs(np.diff(steel.astype(np.float32))).mean(axis=(1, 2))
    assert np.polyfit(SAMPLE_G, sharp, 1)[0] > 0  # finer grains, more boundaries


def test_without_openvino_or_a_judge_a_card_gets_no_limits_and_the_first_is_said(monkeypatch, caplog):
    judged, plain = (SimpleNamespace(network=SimpleNamespace(judge=judge), card=CARD) for judge in (object(), None))
    monkeypatch.setattr(eight_bit_samples, "openvino_is_installed", lambda: False)
    assert with_int8_limits(plain) is plain
    assert not caplog.text
    assert with_int8_limits(judged) is judged
    assert "gdest[openvino]" in caplog.text


def test_new_weights_carry_the_limits_even_when_no_epoch_was_trained(tmp_path):
    first, out = tmp_path / "first.safetensors", tmp_path / "out.safetensors"
    save_model(build_network(CARD), CARD, first)
    list(write_dataset(tmp_path / "d", SynthSettings(count=4, rows=224, cols=224)))
    settings = TrainSettings(epochs=0, init=str(first), validation_share=0.5, device="cpu", unfit_pictures=1)
    card = train(tmp_path / "d", out, settings)
    assert read_model_file(out).card == card
    assert (card.int8_limits, card.int8_g_gap) == ((1.0,), 9.0)  # those of conftest.py
    assert card.interval
