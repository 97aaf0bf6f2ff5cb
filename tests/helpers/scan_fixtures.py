"""Scan a small archive with a predictor that needs no network; what the tests of scans share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from gdest.cli.run_scan import run_scan
from gdest.core.settings import GradeSettings
from gdest.grading import as_it_is, grade_files, no_memory
from gdest.model.weights_file import ModelFile
from gdest.scan import finishing, graders, job, scan
from gdest.scan.settings import ScanSettings
from gdest.scan.stopping import Stop
from helpers.counted_steel import count_of, grain_map
from helpers.predictors import FakePredictor

SETTINGS = GradeSettings()
KILLED = Path(__file__).parent.parent / "benchmarks" / "fake_scan.py"


class Counting(FakePredictor):
    """Say a G that follows from the pixels, and count the tiles that were seen."""

    def __init__(self):
        super().__init__(lambda tiles: 5.0 + tiles.mean(axis=(1, 2)) / 50)
        self.seen = 0

    def predict(self, parts):
        self.seen += sum(map(len, parts))
        return super().predict(parts)


def put(root, name, level, um_per_px=1.0):
    pixels = np.random.default_rng(level).integers(0, 50 + level // 2, (230, 240), dtype=np.uint8)
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, resolution=(1e4 / um_per_px,) * 2, resolutionunit="CENTIMETER")
    return path


@pytest.fixture
def root(tmp_path):
    for i in range(6):
        put(tmp_path / "archive", f"{'ab'[i % 2]}/{i}.tif", 10 * i)
    return tmp_path / "archive"


@pytest.fixture
def use(monkeypatch):
    """Let scans grade with a fake predictor instead of the weights."""

    def used(predictor, sha256="0" * 64):
        model = ModelFile(Path("fake"), "fake", sha256, predictor.card)
        monkeypatch.setattr(job, "read_model_file", lambda _path: model)
        monkeypatch.setattr(graders, "load_predictor", lambda *_arguments: predictor)

    return used


@pytest.fixture
def run(root, tmp_path, use):
    """Scan the archive as the command does; return the exit code and the number of tiles that the network saw."""

    def scanned(options=ScanSettings(), settings=SETTINGS, sha256="0" * 64, config=None):
        predictor = Counting()
        use(predictor, sha256)
        code = run_scan([root], tmp_path / "out", settings, None, config, options)
        return code, predictor.seen

    return scanned


@pytest.fixture
def scan_once(root, tmp_path, use):
    """Scan the archive; return the outcome."""

    def scanned(options=ScanSettings(), predictor=None, config=None, stop=None):
        use(predictor or Counting())
        return scan.scan_archive(
            job.prepare_scan([root], tmp_path / "out", SETTINGS, None, config, options), stop or Stop()
        )

    return scanned


@pytest.fixture
def counting(monkeypatch, rng):
    """Let scans that count find the same grains on every micrograph; the others find none."""
    count = count_of(grain_map(rng, 230, 240))

    def counted(files, predictor, settings, recall=no_memory, finish=as_it_is, **how):
        def counted_then(row):
            return finish(replace(row, count=count if settings.count else None))

        yield from grade_files(files, predictor, settings, recall, counted_then, **how)

    monkeypatch.setattr(finishing, "grade_files", counted)


@pytest.fixture
def table(tmp_path):
    return lambda: pd.read_csv(tmp_path / "out" / "results.csv").set_index("file")


def fake_scan(root, out, seconds=0.02, between_writes=2.0, workers=1, **options):
    command = [sys.executable, str(KILLED), str(root), str(out), str(seconds), str(between_writes), str(workers)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    options = {"stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen(command, env=environment, **options)


def results(out):
    frame = pd.read_csv(out / "results.csv").drop(columns="graded_at")
    pictures = {path.relative_to(out).as_posix(): path.read_bytes() for path in (out / "heatmaps").rglob("*.png")}
    return frame.to_csv(), pictures


@pytest.fixture
def hangup_not_ignored():
    """Let SIGHUP end a process as it does by default, also where the tests run under nohup, which ignores it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
