"""8-bit convolutions: how numbers are rounded, and that weights which do not bear it run without."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from gdest.model import eight_bit, network, openvino_engine

WEIGHTS = Path(__file__).parent.parent.parent / "weights" / "austenite-resnet18.safetensors"


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


def test_the_sample_tiles_are_always_the_same_and_hold_every_grade():
    tiles = eight_bit.sample_tiles(96)
    assert np.array_equal(tiles, eight_bit.sample_tiles(96))
    assert tiles.shape == (len(eight_bit.SAMPLE_G) + 3 * eight_bit.UNFIT_TILES, 1, 96, 96)
    sharp = np.abs(np.diff(tiles[: len(eight_bit.SAMPLE_G), 0].astype(np.float32))).mean(axis=(1, 2))
    assert np.polyfit(eight_bit.SAMPLE_G, sharp, 1)[0] > 0  # finer grains, more boundaries


@pytest.mark.slow
def test_a_network_in_8_bits_is_made_once_and_kept(monkeypatch, tmp_path):
    """Tiles for it are drawn when it is made; a kept one that is damaged, or a cache out of reach, is no error."""
    pytest.importorskip("openvino", reason="OpenVINO is not installed: pip install gdest[openvino]")
    cache, drawn, real = tmp_path / "cache", [], openvino_engine.sample_tiles
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: cache / name)
    monkeypatch.setattr(openvino_engine, "sample_tiles", lambda side: drawn.append(side) or real(side))
    model = network.load(WEIGHTS)
    tiles = torch.from_numpy(real(224)[:3])

    def described(sha256="a"):
        engine = openvino_engine.OpenVinoDescriptors(model.network, 224, bf16=False, int8=True, sha256=sha256)
        assert engine.int8
        return engine(tiles)

    first = described()
    assert torch.equal(described(), first)
    assert len(drawn) == 1
    described("b")
    assert len(drawn) == 2
    assert len(list((cache / "gdest").iterdir())) == 2
    for kept in cache.rglob("*.bin"):
        kept.write_bytes(b"cut off")
    assert torch.equal(described(), first)
    assert torch.equal(described(), first)
    assert len(drawn) == 3
    shutil.rmtree(cache)
    cache.write_text("no folder")
    assert torch.equal(described(), first)
    assert len(drawn) == 4


@pytest.mark.slow
def test_weights_that_8_bits_change_too_much_run_without_them(monkeypatch, caplog):
    pytest.importorskip("openvino", reason="OpenVINO is not installed: pip install gdest[openvino]")
    model = network.load(WEIGHTS)
    monkeypatch.setattr(eight_bit, "STEPS", 8)  # 3 bits
    with caplog.at_level(logging.WARNING):
        engine = openvino_engine.OpenVinoDescriptors(model.network, 224, bf16=False, int8=True)
    assert not engine.int8
    assert "8 bits change G by" in caplog.text
