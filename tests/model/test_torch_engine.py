"""Torch's engine: the fastest batch, and what is compiled."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD

from gdest.core.tiles import tiles_of
from gdest.model.torch_engine import TorchEngine

CPU = torch.device("cpu")


def mean_grey(tiles):
    """Answer the mean grey level of each tile, as a network would answer its grade."""
    g_seen = tiles.float().mean(dim=(1, 2, 3))
    return g_seen, g_seen[:, None].expand(-1, 3), g_seen


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("gdest.model.torch_engine.time.perf_counter", lambda: now[0])
    return now


def engine_of(answer=mean_grey, **options):
    return TorchEngine(SimpleNamespace(answer=answer, card=CARD), CPU, bf16=False, **options)


def noise(count):
    return np.random.default_rng(0).integers(0, 256, (count, 224, 224), dtype=np.uint8)


def test_the_fastest_batch_is_found_by_trying_larger_ones_until_they_do_not_pay_or_fit(monkeypatch, clock):
    sizes = []

    def passing(seconds, fits):
        engine = engine_of()

        def answer(parts):
            (tiles,) = parts
            sizes.append(len(tiles))
            if len(tiles) > fits:
                raise torch.OutOfMemoryError("CUDA out of memory")
            clock[0] += seconds(len(tiles))

        sizes.clear()
        monkeypatch.setattr(engine, "answer", answer)
        engine.take_fastest_batch()
        return engine.batch

    assert passing(lambda count: 0.01 + count / 25_000, 10_000) == 1024  # 3,556, 6,066... 20,097 tiles/s
    assert passing(lambda count: max(0.01, count / 25_600), 10_000) == 256
    assert max(sizes) == 512
    assert passing(lambda _: 0.01, 300) == 256
    assert passing(lambda _: 0.01, 10) == 64


@pytest.fixture
def compiler(monkeypatch, clock):
    """Let torch.compile give a network that is `rate` times as fast as one that takes a second, or none."""
    told = SimpleNamespace(rate=1.3, asked=[], sizes=[], fits=99)

    def a_second(tiles):
        clock[0] += 1.0
        return mean_grey(tiles)

    def compiled(plain, options):
        told.asked.append(options)

        def answer(tiles):
            if told.rate is None:
                raise RuntimeError("no C++ compiler")
            told.sizes.append(len(tiles))
            if len(tiles) > told.fits:
                raise torch.OutOfMemoryError("CUDA out of memory")
            clock[0] -= 1.0 - 1.0 / told.rate  # of the second that a plain pass takes
            return plain(tiles)

        return answer

    monkeypatch.setattr(torch, "compile", compiled)
    told.network = a_second
    return told


@pytest.mark.parametrize(
    ("rate", "kept"),
    [(1.3, True), (1.06, True), (1.04, False), (1.0, False), (None, False)],
    ids=["faster", "just worth it", "hardly faster", "no faster", "no compiler"],
)
def test_a_network_is_compiled_where_that_pays(compiler, rate, kept):
    compiler.rate = rate
    engine = engine_of(compiler.network, batch=3)
    engine.compile_where_faster()
    assert compiler.asked == [{"freezing": True}]
    compiler.sizes.clear()
    tiles = noise(2)
    g_seen, unfit, novelty = engine.answer([tiles_of(tiles)])
    assert compiler.sizes == ([3] if kept else [])  # the last batch is filled up: each size would be compiled anew
    assert g_seen.numpy() == pytest.approx(tiles.mean(axis=(1, 2)), abs=1e-3)
    assert (unfit.shape, novelty.shape) == ((2, 3), (2,))


def test_a_compiled_network_is_given_smaller_batches_too_when_the_memory_is_full(compiler):
    engine = engine_of(compiler.network, batch=4)
    engine.compile_where_faster()
    compiler.sizes.clear()
    compiler.fits = 2
    with pytest.raises(torch.OutOfMemoryError):
        engine.answer([tiles_of(noise(4))])
    engine.batch = 2
    assert len(engine.answer([tiles_of(noise(1))])[0]) == 1
    assert compiler.sizes == [4, 2]
    assert len(engine.answer([tiles_of(noise(2))])[0]) == 2
