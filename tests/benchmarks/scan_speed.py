"""Measure a CPU or GPU scan: python tests/benchmarks/scan_speed.py [--count 200] [--device cpu].

Makes synthetic micrographs of 1280x960 (TIFF, PNG and JPEG in equal parts), then prints, from one
run on one machine: the bare forward rate of the network on prepared batches, and the end-to-end
rate of `gdest scan` with all outputs, in micrographs and tiles per second.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from gdest import network
from gdest.commands.scan import run_scan
from gdest.commands.weights import weights_path
from gdest.predict import NetworkPredictor
from gdest.settings import CalibrationSettings, GradeSettings
from gdest.synth.dataset import make_micrograph, write_tiff

ROWS, COLS, DIFFERENT = 960, 1280, 20


def write_micrographs(folder: Path, count: int) -> None:
    """Write `count` files of 20 different micrographs in three formats."""
    made = [
        make_micrograph(np.random.default_rng([5, i]), 3 + i / 2.2, ROWS, COLS, 1.0).pixels for i in range(DIFFERENT)
    ]
    for i in range(count):
        pixels = made[i % DIFFERENT]
        if i % 3 == 0:
            write_tiff(folder / f"{i:04d}.tif", pixels, 1.0)
        else:
            Image.fromarray(pixels).save(folder / f"{i:04d}.{('png', 'jpg')[i % 3 - 1]}")


def bare_tiles_per_second(settings: GradeSettings) -> float:
    """Return the rate of the network alone on prepared batches."""
    predictor = NetworkPredictor(network.load(weights_path(None)), settings)
    tiles = np.random.default_rng(0).integers(0, 255, (settings.batch, 224, 224), dtype=np.uint8)
    predictor.predict(tiles)
    began, passes = time.perf_counter(), 8
    for _ in range(passes):
        predictor.predict(tiles)
    return passes * settings.batch / (time.perf_counter() - began)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    settings = GradeSettings(CalibrationSettings(um_per_px=1.0), device=options.device)
    with tempfile.TemporaryDirectory() as temporary:
        root, out = Path(temporary, "micrographs"), Path(temporary, "results")
        root.mkdir()
        write_micrographs(root, options.count)
        bare = bare_tiles_per_second(settings)
        began = time.perf_counter()
        run_scan([root], out, settings, None)
        seconds = time.perf_counter() - began
        tiles = int(pd.read_csv(out / "results.csv")["tiles"].sum())
    print(f"bare forward: {bare:.0f} tiles/s")
    print(f"scan: {options.count / seconds:.2f} micrographs/s, {tiles / seconds:.0f} tiles/s")
    print(f"scan / bare: {tiles / seconds / bare:.0%}")


if __name__ == "__main__":
    main()
