from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from gdest.records import ImageFile, ModelCard, TileAnswers
from gdest.sheet import cut

pytest_plugins = ["scan_fixtures"]

CARD = ModelCard(
    g_min=1.0,
    g_max=13.5,
    interval=((1.0, 0.6), (13.0, 0.2)),
    tile_scatter=((1.0, 1.0), (5.0, 0.4), (13.0, 0.1)),
    limits={"no grains": 0.0, "defocused": 0.0, "fragments": 0.0, "novelty": 2.0, "zoom gap": 1.0},
    gdest_version="test",
)


class FakePredictor:
    """Say the same G of every tile, at any size, or what a function of the tiles says; doubt as told."""

    card = CARD
    name = "fake"
    sha256 = "0" * 64

    def __init__(self, answer=6.0, unfit=(-9.0, -9.0, -9.0), novelty=1.0, batch=64, streams=1):
        self.answer, self.unfit, self.novelty = answer, unfit, novelty
        self.batch, self.streams = batch, streams
        self.shapes = []

    def predict(self, parts):
        tiles = cut(parts)
        self.shapes.append(tiles.shape)
        count = len(tiles)
        answer = self.answer(tiles) if callable(self.answer) else np.full(count, self.answer)
        novelty = np.full(count, self.novelty, np.float32)
        return TileAnswers(np.asarray(answer, np.float32), np.tile(np.float32(self.unfit), (count, 1)), novelty)


@pytest.fixture(autouse=True)
def torch_threads():
    """Give every test the threads of the first: OpenVINO's engine leaves torch one, and sums then round differently."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def grey(rng):
    return rng.integers(0, 256, (300, 400), dtype=np.uint8)


@pytest.fixture
def write_tiff(tmp_path):
    """Write pixels as TIFF below tmp_path, with a pixel size unless it is None."""

    def write(name: str, pixels, um_per_px: float | None = 1.0, **options) -> ImageFile:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if um_per_px is not None:
            options |= {"resolution": (1e4 / um_per_px, 1e4 / um_per_px), "resolutionunit": "CENTIMETER"}
        tifffile.imwrite(path, pixels, **options)
        return ImageFile(path, name)

    return write


@pytest.fixture
def as_file():
    return lambda path: ImageFile(Path(path), Path(path).name)


def pytest_sessionfinish(session, exitstatus):
    """Fail a run in which not one test passed, as when every one is skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and not session.config.option.collectonly and not reporter.stats.get("passed"):
        session.exitstatus = 1
