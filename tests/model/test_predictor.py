"""The predictor: precision, batches, what is compiled, and what the card corrects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD

from gdest.core.settings import GradeSettings
from gdest.core.tiles import tiles_of
from gdest.model import network
from gdest.model.network import GradeNetwork
from gdest.model.predictor import REPAID_FILES, NetworkPredictor, has_fast_bf16, has_fast_int8


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    network.save(network.build(CARD), CARD, path)
    return path


def test_what_the_card_says_is_read_too_fine_is_taken_off(weights):
    model = network.load(weights)
    settings = GradeSettings(device="cpu", precision="fp32")
    tiles = [tiles_of(np.random.default_rng(0).integers(0, 256, (3, 224, 224), dtype=np.uint8))]
    plain = NetworkPredictor(model, settings).predict(tiles).g_seen
    corrected = replace(model, card=replace(model.card, correction=((0.0, 0.5), (16.0, 0.5))))
    assert NetworkPredictor(corrected, settings).predict(tiles).g_seen == pytest.approx(plain - 0.5, abs=1e-5)


@pytest.mark.parametrize(
    ("words", "bf16", "int8"),
    [
        ("GenuineIntel avx512f amx_bf16 avx512_bf16 avx512_vnni", True, True),
        ("GenuineIntel avx512f avx512_bf16 avx512_vnni", False, True),
        ("AuthenticAMD avx512f avx512_bf16 avx512_vnni", True, True),
        ("AuthenticAMD avx2", False, False),
        ("", False, False),
    ],
)
def test_the_precision_follows_the_cpu(words, bf16, int8, monkeypatch):
    monkeypatch.setattr("gdest.model.predictor._cpu_words", lambda: frozenset(words.split()))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert has_fast_bf16(torch.device("cpu")) is bf16
    assert has_fast_int8() is int8


def test_the_fastest_batch_is_found_by_trying_larger_ones_until_they_do_not_pay_or_fit(weights, monkeypatch):
    predictor = NetworkPredictor(network.load(weights), GradeSettings(device="cpu"))
    clock, sizes = [0.0], []
    monkeypatch.setattr("gdest.model.predictor.time.perf_counter", lambda: clock[0])

    def passing(seconds, fits):
        def answer(parts):
            (tiles,) = parts
            sizes.append(len(tiles))
            if len(tiles) > fits:
                raise torch.OutOfMemoryError("CUDA out of memory")
            clock[0] += seconds(len(tiles))

        sizes.clear()
        monkeypatch.setattr(predictor, "_answer", answer)
        return predictor._fastest_batch()

    assert passing(lambda count: 0.01 + count / 25_000, 10_000) == 1024  # 3,556, 6,066... 20,097 tiles/s
    assert passing(lambda count: max(0.01, count / 25_600), 10_000) == 256
    assert max(sizes) == 512
    assert passing(lambda _: 0.01, 300) == 256
    assert passing(lambda _: 0.01, 10) == 64


@pytest.mark.parametrize(
    ("rate", "kept"), [(1.3, True), (1.0, False), (None, False)], ids=["faster", "no faster", "no compiler"]
)
def test_a_long_scan_is_compiled_where_that_pays(weights, monkeypatch, rate, kept):
    asked, clock, sizes = [], [0.0], []

    def compiled(plain, options):
        asked.append(options)

        def answer(tiles):
            if rate is None:
                raise RuntimeError("no C++ compiler")
            sizes.append(len(tiles))
            clock[0] -= 1.0 - 1.0 / rate  # of the second that a plain pass takes
            return plain(tiles)

        return answer

    monkeypatch.setattr("gdest.model.predictor.is_installed", lambda: False)
    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setattr("gdest.model.predictor.time.perf_counter", lambda: clock[0])
    real = GradeNetwork.answer

    def a_second(self, tiles):
        clock[0] += 1.0
        return real(self, tiles)

    monkeypatch.setattr(GradeNetwork, "answer", a_second)
    settings = GradeSettings(device="cpu", precision="fp32", batch=3)
    predictor = NetworkPredictor(network.load(weights), settings, files=REPAID_FILES)
    assert asked == [{"freezing": True}]
    sizes.clear()
    tiles = tiles_of(np.random.default_rng(0).integers(0, 255, (4, 224, 224), dtype=np.uint8))
    found = predictor.predict([tiles])
    assert sizes == ([3, 3] if kept else [])  # the last batch is filled up: each size would be compiled anew
    plain = NetworkPredictor(network.load(weights), settings, files=REPAID_FILES - 1)
    assert len(asked) == 1
    np.testing.assert_allclose(found.g_seen, plain.predict([tiles]).g_seen, atol=1e-4)


def test_a_full_memory_halves_the_batch_says_so_and_loses_no_tile(weights, monkeypatch, caplog):
    predictor = NetworkPredictor(network.load(weights), GradeSettings(device="cpu", precision="fp32", batch=8))
    tiles = [tiles_of(np.random.default_rng(0).integers(0, 255, (9, 224, 224), dtype=np.uint8))]
    whole, real, sizes = predictor.predict(tiles), predictor._pass, []

    def small(part):
        sizes.append(len(part))
        if len(part) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(part)

    monkeypatch.setattr(predictor, "_pass", small)
    assert predictor.predict(tiles).g_seen == pytest.approx(whole.g_seen, abs=1e-3)
    assert sizes == [8, 4, 2, 2, 2, 2, 1]
    assert "batches of 2 tiles" in caplog.text


def test_a_compiled_network_is_given_smaller_batches_too_when_the_memory_is_full(weights, monkeypatch):
    sizes = []

    def compiled(plain, **_options):
        def answer(tiles):
            sizes.append(len(tiles))
            if len(tiles) > most[0]:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return plain(tiles)

        return answer

    most = [4]
    monkeypatch.setattr("gdest.model.predictor.is_installed", lambda: False)
    monkeypatch.setattr("gdest.model.predictor.WORTH_IT", 0.0)  # whatever the trial says
    monkeypatch.setattr(torch, "compile", compiled)
    settings = GradeSettings(device="cpu", precision="fp32", batch=4)
    predictor = NetworkPredictor(network.load(weights), settings, files=REPAID_FILES)
    sizes.clear()
    most[0] = 2
    tiles = tiles_of(np.random.default_rng(0).integers(0, 255, (5, 224, 224), dtype=np.uint8))
    assert len(predictor.predict([tiles]).g_seen) == 5
    assert sizes == [4, 2, 2, 2]
