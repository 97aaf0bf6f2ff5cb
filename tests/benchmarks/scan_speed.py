"""Measure a CPU or GPU scan: python tests/benchmarks/scan_speed.py [--count 200] [--device cpu] [--precision bf16].

Makes synthetic micrographs of 1280x960 (TIFF, PNG and JPEG in equal parts), then prints, from one
run on one machine: the bare forward rate of the same network and engine on prepared batches (the limit), taken
before and after the scan, since the clock of a shared machine wanders by 5 % within minutes; the
end-to-end rate of `gdest scan` with all outputs, in micrographs and tiles per second; and the rate of a plain
research script (PIL, torchvision transforms, one image at a time, float32, no_grad, no outputs), which
sees the tiles of each picture at full size only. Tiles per second compare like with like. The CPU time per tile
says the same on a machine that has other work as well.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torchvision import transforms

from gdest.core.calibration import CalibrationSettings
from gdest.core.settings import GradeSettings
from gdest.core.tiles import tiles_of
from gdest.model import network
from gdest.model.openvino_engine import leave_cores_to_openvino, openvino_threads
from gdest.model.predictor import NetworkPredictor
from gdest.model.weights_file import weights_path
from gdest.scan.job import prepare_scan
from gdest.scan.scan import scan_archive
from gdest.scan.stopping import Stop
from gdest.synth.dataset import make_micrograph, write_tiff

ROWS, COLS, DIFFERENT = 960, 1280, 20
TILES, PLAIN = 2048, 40
"""Tiles that the bare network is timed on, before and again after the scan, and files that the slow plain script is."""


def write_micrographs(folder: Path, count: int) -> None:
    """Write `count` files of 20 different micrographs in three formats."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(_write_alike, folder, count), range(DIFFERENT)))


def _write_alike(folder: Path, count: int, first: int) -> None:
    made = make_micrograph(np.random.default_rng([5, first]), 3 + first / 2.2, ROWS, COLS, 1.0).pixels
    for i in range(first, count, DIFFERENT):
        pixels = made.copy()
        pixels[0, :8] = i % 256  # no two files alike: a scan recalls the grade map of bytes that it has seen
        if i % 3 == 0:
            write_tiff(folder / f"{i:04d}.tif", pixels, 1.0)
        else:
            Image.fromarray(pixels).save(folder / f"{i:04d}.{('png', 'jpg')[i % 3 - 1]}")


@dataclass(frozen=True)
class Rate:
    """Hold how many tiles went through in how many seconds, by the clock and of CPU time."""

    tiles: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.tiles / self.seconds

    def __add__(self, other: Rate) -> Rate:
        return Rate(self.tiles + other.tiles, self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)

    def __str__(self) -> str:
        return f"{self.per_second:.0f} tiles/s, {1e3 * self.cpu_seconds / self.tiles:.1f} ms of CPU a tile"


@contextmanager
def timed(made: list[Rate]) -> Iterator[list[int]]:
    """Append the rate of what is done inside, which puts the numbers of its tiles into the list that it is given."""
    began, cpu, tiles = time.perf_counter(), time.process_time(), []
    yield tiles
    made.append(Rate(sum(tiles), time.perf_counter() - began, time.process_time() - cpu))


def measure_bare(settings: GradeSettings, rates: list[Rate]) -> None:
    """Measure the network alone on prepared batches."""
    predictor = NetworkPredictor(network.load_model(weights_path(None)), settings)
    if predictor.runs_openvino:
        leave_cores_to_openvino()
    tiles = [tiles_of(np.random.default_rng(0).integers(0, 255, (predictor.batch, 224, 224), dtype=np.uint8))]
    predictor.predict(tiles)
    with ThreadPoolExecutor(predictor.streams) as pool, timed(rates) as seen:
        seen += pool.map(lambda _: len(predictor.predict(tiles).g_seen), range(TILES // predictor.batch))


def measure_plain(root: Path, count: int, rates: list[Rate]) -> None:
    """Measure the script that a laboratory would write, on the first files."""
    model = network.load_model(weights_path(None)).network
    torch.set_num_threads(openvino_threads())
    with timed(rates) as seen:
        for path in sorted(root.iterdir())[:count]:
            with torch.no_grad(), Image.open(path) as image:
                pixels = transforms.functional.pil_to_tensor(image.convert("L")).float()
                rows, cols = (range(0, side - 223, 224) for side in (ROWS, COLS))
                tiles = torch.stack([pixels[:, r : r + 224, c : c + 224] for r in rows for c in cols])
                model(tiles).mean().item()
                seen.append(len(tiles))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=GradeSettings().batch)
    parser.add_argument("--precision", default="auto")
    options = parser.parse_args()
    settings = GradeSettings(
        CalibrationSettings(um_per_px=1.0), device=options.device, batch=options.batch, precision=options.precision
    )
    rates: list[Rate] = []
    with tempfile.TemporaryDirectory() as temporary:
        root, out = Path(temporary, "micrographs"), Path(temporary, "results")
        root.mkdir()
        write_micrographs(root, options.count)
        measure_bare(settings, rates)
        with timed(rates) as seen:
            scan_archive(prepare_scan([root], out, settings), Stop())
            seen.append(int(pd.read_csv(out / "results.csv")["tiles"].sum()))
        measure_bare(settings, rates)
        measure_plain(root, min(options.count, PLAIN), rates)
    before, scan, after, plain = rates
    bare = before + after
    print(f"bare forward: {before} before the scan, {after} after it")
    print(f"scan: {options.count / scan.seconds:.2f} micrographs/s, {scan}")
    print(f"plain script on {min(options.count, PLAIN)} of them: {plain}")
    print(
        f"scan / bare: {scan.per_second / bare.per_second:.0%}; scan / plain: {scan.per_second / plain.per_second:.1f}"
    )


if __name__ == "__main__":
    main()
