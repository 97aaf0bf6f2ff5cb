"""The drawn tiles that 8-bit limits are found on, and which weights get such limits."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from helpers.predictors import CARD

from gdest.training import eight_bit_samples
from gdest.training.eight_bit_samples import SAMPLE_G, UNFIT_TILES, sample_tiles, with_int8_limits


def test_the_sample_tiles_are_always_the_same_and_hold_every_grade():
    steel, unfit = sample_tiles(96)
    for first, again in zip((steel, unfit), sample_tiles.__wrapped__(96), strict=True):
        assert np.array_equal(first, again)
    assert steel.shape == (len(SAMPLE_G), 96, 96)
    assert unfit.shape == (3 * UNFIT_TILES, 96, 96)
    sharp = np.abs(np.diff(steel.astype(np.float32))).mean(axis=(1, 2))
    assert np.polyfit(SAMPLE_G, sharp, 1)[0] > 0  # finer grains, more boundaries


def test_without_openvino_or_a_judge_a_card_gets_no_limits_and_the_first_is_said(monkeypatch, caplog):
    judged, plain = (SimpleNamespace(network=SimpleNamespace(judge=judge), card=CARD) for judge in (object(), None))
    monkeypatch.setattr(eight_bit_samples, "openvino_is_installed", lambda: False)
    assert with_int8_limits(plain) is plain
    assert not caplog.text
    assert with_int8_limits(judged) is judged
    assert "gdest[openvino]" in caplog.text
