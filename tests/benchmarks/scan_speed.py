"""Measure a CPU or GPU scan: scan_speed.py [--device cuda] [--workers 1,2,4,8,12,16] [--count 1600] [--minutes 9].

Makes synthetic micrographs of 1280x960 (TIFF, PNG and JPEG in equal parts) and prints, from one run on one machine:
what `bare_speed.py` measures of the network alone and of other programs; and for scans with so many workers, with all
outputs, without the count, and without the count and the pictures: micrographs and tiles a second, once all workers
have started; the share of the limit, which on a GPU is the smaller of the bare network and of what the cores can read,
judge and draw, and on a CPU the part of its CPU time that the bare network needs; and the CPU time of each step.
The bare network is measured again at the end, since the clock of a shared machine wanders. What does not fit into
the minutes is left out, and said; so one call ends within them.

On a machine that has other work as well the rates say little, and the CPU times what they do elsewhere.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from counters import STEPS
from PIL import Image

from gdest.core.cores import cores
from gdest.synth.dataset import make_micrograph, write_tiff

ROWS, COLS, DIFFERENT = 960, 1280, 20
FILES_A_WORKER = 100
FEWEST = 300
"""Files of a scan of one worker; more workers get more, so that each has some seconds of work."""

MODES = {"all outputs": (), "no count": ("--no-count",), "no count, no pictures": ("--no-count", "--no-heatmaps")}
HERE = Path(__file__).parent


def write_micrographs(folder: Path, count: int) -> None:
    """Write `count` files of 20 different micrographs in three formats."""
    with ProcessPoolExecutor(cores(), mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(_write_alike, folder, count), range(DIFFERENT)))


def _write_alike(folder: Path, count: int, first: int) -> None:
    made = make_micrograph(np.random.default_rng([5, first]), 3 + first / 2.2, ROWS, COLS, 1.0).pixels
    for i in range(first, count, DIFFERENT):
        pixels = made.copy()
        pixels[0, :8] = i // 8 % 256  # no two files alike: a scan recalls the grade map of bytes that it has seen
        pixels[1, :8] = i % 8
        if i % 3 == 0:
            write_tiff(folder / f"{i:05d}.tif", pixels, 1.0)
        else:
            Image.fromarray(pixels).save(folder / f"{i:05d}.{('png', 'jpg')[i % 3 - 1]}")


class Budget:
    """The minutes of a call: what would begin after them is left out."""

    def __init__(self, minutes: float) -> None:
        self._ends_at = time.monotonic() + 60 * minutes

    @property
    def left_s(self) -> float:
        """Return the seconds that are left."""
        return self._ends_at - time.monotonic()

    def run(self, script: str, *words: str) -> str:
        """Return what a script of this folder prints; the empty text where it fails or the time is over."""
        if self.left_s <= 0:
            return ""
        command = [sys.executable, str(HERE / script), *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                return process.communicate(timeout=self.left_s)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                return process.communicate()[0]


def bare_rates(budget: Budget, root: Path, *words: str) -> tuple[float, float]:
    """Print what `bare_speed.py` prints; return the most tiles a second and the least CPU seconds a tile."""
    rates, used = [math.nan], [math.nan]
    for line in budget.run("bare_speed.py", str(root), *words).splitlines():
        name, rate, cpu = line.split("\t")
        print(f"{name}: {float(rate):.0f} tiles/s, {1e3 * float(cpu):.1f} ms of CPU a tile", flush=True)
        rates.append(float(rate))
        used.append(float(cpu))
    return float(np.nanmax(rates)), float(np.nanmin(used))


def scans(budget: Budget, root: Path, asked: argparse.Namespace, workers: list[int]) -> Iterator[dict[str, Any]]:
    """Yield what was measured of each scan, the largest number of workers first."""
    for mode, words in MODES.items():
        for count in sorted(workers, reverse=True):
            out = root.parent / "results"
            limit = min(asked.count, max(FEWEST, FILES_A_WORKER * count))
            said = budget.run(
                "timed_scan.py",
                *(str(root), str(out), "--workers", str(count), "--limit", str(limit), *words, *_engine(asked)),
            )
            shutil.rmtree(out, ignore_errors=True)
            if said:
                yield {"mode": mode, "workers": count, **json.loads(said)}
            else:
                print(f"{mode}, {count} workers: not measured", flush=True)


def _engine(asked: argparse.Namespace) -> tuple[str, ...]:
    return ("--device", asked.device, "--batch", str(asked.batch), "--precision", asked.precision)


def print_scan(told: Mapping[str, Any], bare: tuple[float, float], *, on_gpu: bool) -> None:
    """Print one row of the table: rates, the share of the limit, and the CPU time of a micrograph in ms by step."""
    tiles_each = told["tiles"] / told["files"]
    beside = sum(told["steps"][step] for step in STEPS if step != "network") / told["files"]
    limit = min(bare[0] / tiles_each, cores() / beside)
    share = f"{told['rate'] / limit:.0%} of {limit:.1f}" if on_gpu else f"{bare[1] * tiles_each / told['cpu']:.0%}"
    steps = ", ".join(f"{step} {1e3 * told['steps'][step] / told['files']:.1f}" for step in STEPS)
    print(
        f"| {told['mode']} | {told['workers']} | {told['rate']:.1f} | {told['rate'] * tiles_each:.0f} "
        f"| {share} | {told['first']:.1f} | {told['files'] / told['seconds']:.1f} "
        f"| {1e3 * told['cpu']:.0f} | {steps} |",
        flush=True,
    )


def machine() -> str:
    """Return the names of CPU and GPU."""
    words = subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout.splitlines()
    cpu = next((line.partition(":")[2].strip() for line in words if line.startswith("Model name")), "unknown CPU")
    gpu = (
        shutil.which("nvidia-smi")
        and subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, check=False
        ).stdout.strip()
    )
    return f"{cores()} cores of {cpu}, {gpu or 'no GPU'}, load {os.getloadavg()[0]:.1f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", default="")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--precision", default="auto")
    asked = parser.parse_args()
    on_gpu = asked.device.startswith("cuda")
    workers = [int(one) for one in (asked.workers or ("1,2,4,8,12,16" if on_gpu else "1,2")).split(",")]
    asked.count = asked.count or (FILES_A_WORKER * max(workers) if on_gpu else 24)
    budget = Budget(asked.minutes)
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary, "micrographs")
        root.mkdir()
        write_micrographs(root, asked.count)
        processes = ",".join(map(str, sorted({1, max(workers)})))
        bare = {"all outputs": bare_rates(budget, root, "--processes", processes, *_engine(asked))}
        bare["no count"] = bare["no count, no pictures"] = bare_rates(budget, root, "--no-count", *_engine(asked))
        print("| outputs | workers | micrographs/s | tiles/s | share of limit | first after s | with its start "
              "| CPU ms each | of them |", flush=True)  # fmt: skip
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
        for told in scans(budget, root, asked, workers):
            print_scan(told, bare[told["mode"]], on_gpu=on_gpu)
        bare_rates(budget, root, "--quick", *_engine(asked))


if __name__ == "__main__":
    main()
