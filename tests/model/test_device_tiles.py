"""Tiles cut on a device are those cut in the computer's memory; here the CPU plays the device."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD

from gdest.core.settings import GradeSettings
from gdest.core.tiles import GreyImage, Tiles, cut_parts, halve, some_of, tiles_of
from gdest.grading.batching import SharedPredictor
from gdest.grading.zooms import predict_grade_map
from gdest.model import device_tiles
from gdest.model.device_tiles import cut_on, halve_on_device
from gdest.model.network import LoadedModel, build_network
from gdest.model.predictor import NetworkPredictor

CPU = torch.device("cpu")


@pytest.fixture
def sent(monkeypatch):
    """Return the sheets whose pixels were sent to the device."""
    sheets, real = [], device_tiles._sent
    monkeypatch.setattr(device_tiles, "_sent", lambda device, sheet: sheets.append(sheet) or real(device, sheet))
    return sheets


def parts_of(pixels, corners=((0, 0), (3, 9), (20, 1)), **more):
    return Tiles(GreyImage(pixels), np.array(corners), 64, **more)


@pytest.mark.parametrize("shape", [(64, 80), (65, 80), (64, 81), (65, 81)])
def test_halving_there_is_halving_here(shape, rng):
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(halve_on_device(torch.from_numpy(pixels)).numpy(), halve(pixels))


def test_tiles_of_several_sheets_and_of_their_halves_are_the_same_cut_there(rng, sent):
    parts = [parts_of(rng.integers(0, 256, (201, 187), dtype=np.uint8)) for _ in range(2)]
    first = cut_on(CPU, parts)
    assert first.shape == (6, 1, 64, 64)
    np.testing.assert_array_equal(first[:, 0].numpy(), cut_parts(parts))
    half = parts[0].image.halved()
    tiles = Tiles(half, parts[0].corners, 64)
    there = cut_on(CPU, [tiles])
    assert half._pixels is None  # neither halved in the computer's memory nor sent
    assert [sheet.shape for sheet in sent] == [(201, 187)] * 2
    np.testing.assert_array_equal(there[:, 0].numpy(), tiles.cut())


def test_enlarged_tiles_are_the_same_but_for_rounding(rng):
    part = parts_of(rng.integers(0, 256, (120, 120), dtype=np.uint8), enlarged=True)
    difference = cut_on(CPU, [part])[:, 0].numpy().astype(int) - part.cut()
    assert np.abs(difference).max() <= 1
    np.testing.assert_array_equal(part.cut()[0, 1:63:2, 1:63:2] > 0, cut_on(CPU, [part])[0, 0, 1:63:2, 1:63:2] > 0)


def test_pixels_that_cannot_be_written_or_lie_in_a_larger_picture_are_cut_too(rng):
    pixels = rng.integers(0, 256, (300, 300), dtype=np.uint8)[40:240, 30:230]
    pixels.flags.writeable = False
    part = parts_of(pixels)
    np.testing.assert_array_equal(cut_on(CPU, [part])[:, 0].numpy(), part.cut())


def test_some_tiles_are_counted_through_all_parts(rng):
    tiles = rng.integers(0, 256, (9, 8, 8), dtype=np.uint8)
    parts = [tiles_of(tiles[:2]), tiles_of(tiles[2:3]), tiles_of(tiles[3:])]
    for start, stop in ((0, 9), (1, 4), (2, 3), (3, 20), (8, 9)):
        np.testing.assert_array_equal(cut_parts(some_of(parts, start, stop)), tiles[start:stop])
    assert some_of(parts, 9, 12) == []


def test_a_predictor_that_cuts_there_gives_the_same_maps_and_sends_each_picture_once(rng, sent):
    model = LoadedModel(build_network(CARD).eval(), CARD, "random", "0" * 64)
    model.network.body.fc.weight.data *= 0.01  # answers that differ little from tile to tile
    settings = GradeSettings(device="cpu", precision="fp32", batch=7)
    here, there = (NetworkPredictor(model, settings) for _ in range(2))
    there.engine.cuts_there = True
    pictures = [GreyImage(rng.integers(0, 256, (460 + i, 470), dtype=np.uint8)) for i in range(2)]
    for level, enlarges in ((2.0, False), (12.0, True)):  # coarse grains are seen halved, fine ones enlarged
        sent.clear()
        model.network.body.fc.bias.data.fill_(level - 0.5 * (model.card.g_min + model.card.g_max))
        expected = [predict_grade_map(picture, here, 224) for picture in pictures]
        assert not sent
        asked = [GreyImage(picture.pixels) for picture in pictures]
        with SharedPredictor(there) as shared, ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda picture: predict_grade_map(picture, shared, 224), asked))
        assert len(sent) == len(pictures)
        for one, other in zip(expected, found, strict=True):
            assert (one.zoom, one.tiles) == (other.zoom, other.tiles)
            assert (one.zoom == 1.0) == enlarges
            np.testing.assert_allclose(one.g_seen, other.g_seen, atol=0.02 if enlarges else 1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_g_of_the_cpu_within_0_02(rng, bundled_model):
    from gdest.synth.dataset import make_micrograph

    cpu, gpu = (
        NetworkPredictor(
            replace(bundled_model, network=copy.deepcopy(bundled_model.network)), GradeSettings(device=name)
        )
        for name in ("cpu", "cuda")
    )
    with SharedPredictor(gpu) as shared, ThreadPoolExecutor(4) as pool:
        pictures = [make_micrograph(rng, g, 700, 900, 1.0).pixels for g in (3.0, 7.0, 9.5, 12.0)] * 8
        maps = list(pool.map(lambda pixels: predict_grade_map(GreyImage(pixels), shared, 224), pictures))
    for pixels, found in zip(pictures[:4], maps, strict=False):
        there = predict_grade_map(GreyImage(pixels), cpu, 224).g_seen.mean()
        assert found.g_seen.mean() == pytest.approx(there, abs=0.02)
    for again, first in zip(maps[4:], maps, strict=False):
        assert again.g_seen.mean() == pytest.approx(first.g_seen.mean(), abs=0.02)
