"""Measure a CPU or GPU scan: python tests/benchmarks/scan_speed.py [--count 200] [--device cpu].

Makes synthetic micrographs of 1280x960 (TIFF, PNG and JPEG in equal parts), then prints, from one
run on one machine: the bare forward rate of the same network and engine on prepared batches (the limit); the
end-to-end rate of `gdest scan` with all outputs, in micrographs and tiles per second; and the rate of a plain
research script (PIL, torchvision transforms, one image at a time, float32, no_grad, no outputs), which
sees the tiles of each picture at full size only. Tiles per second compare like with like.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torchvision import transforms

from gdest import network
from gdest.commands.scan import run_scan
from gdest.commands.weights_path import weights_path
from gdest.openvino_engine import CORES
from gdest.predict import NetworkPredictor
from gdest.settings import CalibrationSettings, GradeSettings
from gdest.synth.dataset import make_micrograph, write_tiff

ROWS, COLS, DIFFERENT = 960, 1280, 20
PLAIN = 40
"""Files that the plain script is timed on; it is slow."""


def write_micrographs(folder: Path, count: int) -> None:
    """Write `count` files of 20 different micrographs in three formats."""
    made = [
        make_micrograph(np.random.default_rng([5, i]), 3 + i / 2.2, ROWS, COLS, 1.0).pixels for i in range(DIFFERENT)
    ]
    for i in range(count):
        pixels = made[i % DIFFERENT].copy()
        pixels[0, :8] = i  # no two files alike: a scan recalls the grade map of bytes that it has seen
        if i % 3 == 0:
            write_tiff(folder / f"{i:04d}.tif", pixels, 1.0)
        else:
            Image.fromarray(pixels).save(folder / f"{i:04d}.{('png', 'jpg')[i % 3 - 1]}")


def bare_tiles_per_second(settings: GradeSettings) -> float:
    """Return the rate of the network alone on prepared batches."""
    predictor = NetworkPredictor(network.load(weights_path(None)), settings, long_run=True)
    tiles = np.random.default_rng(0).integers(0, 255, (settings.batch, 224, 224), dtype=np.uint8)
    predictor.predict(tiles)
    began, passes = time.perf_counter(), 8
    for _ in range(passes):
        predictor.predict(tiles)
    return passes * settings.batch / (time.perf_counter() - began)


def plain_tiles_per_second(root: Path, count: int) -> float:
    """Return the rate of the script that a laboratory would write, on the first files."""
    model = network.load(weights_path(None)).network
    torch.set_num_threads(CORES)
    began, tiles_seen = time.perf_counter(), 0
    for path in sorted(root.iterdir())[:count]:
        with torch.no_grad(), Image.open(path) as image:
            pixels = transforms.functional.pil_to_tensor(image.convert("L")).float()
            rows = range(0, ROWS - 223, 224)
            tiles = torch.stack([pixels[:, r : r + 224, c : c + 224] for r in rows for c in range(0, COLS - 223, 224)])
            model(tiles).mean().item()
            tiles_seen += len(tiles)
    return tiles_seen / (time.perf_counter() - began)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=GradeSettings().batch)
    options = parser.parse_args()
    settings = GradeSettings(CalibrationSettings(um_per_px=1.0), device=options.device, batch=options.batch)
    with tempfile.TemporaryDirectory() as temporary:
        root, out = Path(temporary, "micrographs"), Path(temporary, "results")
        root.mkdir()
        write_micrographs(root, options.count)
        bare = bare_tiles_per_second(settings)
        began = time.perf_counter()
        run_scan([root], out, settings, None)
        seconds = time.perf_counter() - began
        plain = plain_tiles_per_second(root, min(options.count, PLAIN))
        tiles = int(pd.read_csv(out / "results.csv")["tiles"].sum())
    print(f"bare forward: {bare:.0f} tiles/s")
    print(f"scan: {options.count / seconds:.2f} micrographs/s, {tiles / seconds:.0f} tiles/s")
    print(f"plain script on {min(options.count, PLAIN)} of them: {plain:.0f} tiles/s")
    print(f"scan / bare: {tiles / seconds / bare:.0%}; scan / plain: {tiles / seconds / plain:.1f}")


if __name__ == "__main__":
    main()
