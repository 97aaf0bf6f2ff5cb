"""Kill a real scan at random moments and compare: kill_scan.py [--kills 50] [--network] [--workers 2].

Small micrographs are scanned once undisturbed; then the same archive is scanned again and again, each
scan killed (kill -9) at a random moment, until one is let through. Its results.csv (without the times of
grading) and its heatmaps must be the same byte for byte. Then a new output folder is begun, so that the
kills fall into every part of a scan. With `--workers 2` every other kill is that of a worker, and its scan must reach
its end as if nothing had been. With `--network` drawn steel is graded and counted by the bundled weights, else
random pixels by a fake network.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import tifffile

from gdest.core import ExitCode
from gdest.scan.ledger import LEDGER, Ledger
from gdest.synth import SynthSettings, write_dataset

FAKE_SCAN = Path(__file__).parent / "fake_scan.py"


def write_micrographs(root: Path, count: int) -> None:
    """Write small random micrographs in three folders."""
    for i in range(count):
        path = root / f"{i % 3}" / f"{i}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 50 + i % 200, (230, 240), dtype=np.uint8)
        tifffile.imwrite(path, pixels, resolution=(1e4, 1e4), resolutionunit="CENTIMETER")


def start(root: Path, out: Path, workers: int, *, network: bool) -> subprocess.Popen[bytes]:
    """Start a scan in a process of its own."""
    command = [str(FAKE_SCAN), str(root), str(out), "0.02", "2", str(workers)]
    if network:
        command = ["-m", "gdest", "scan", str(root), "--out", str(out), "--count", "--workers", str(workers)]
    return subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(root: Path, out: Path, workers: int, *, network: bool) -> None:
    """Let a scan reach its end, some rows for review or not."""
    assert start(root, out, workers, network=network).wait() in (ExitCode.GRADED, ExitCode.PROBLEMS)


def results(out: Path) -> tuple[str, dict[str, bytes]]:
    """Return all that a scan says, but for the time of grading."""
    table = pd.read_csv(out / "results.csv").drop(columns="graded_at").to_csv()
    return table, {path.relative_to(out).as_posix(): path.read_bytes() for path in (out / "heatmaps").rglob("*.png")}


def rows_in(out: Path) -> int:
    """Return how many rows are safe, 0 before there is a ledger."""
    if not (out / LEDGER).exists():
        return 0
    with Ledger.open(out) as ledger:
        return sum(sum(ledger.counts(recipe.id).values()) for recipe in ledger.recipes())


def main() -> None:
    """Kill, and print what was left each time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--network", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    how = {"workers": options.workers, "network": options.network}
    moments, killed, finished = random.Random(0), 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        root, whole = Path(temporary, "archive"), Path(temporary, "whole")
        if options.network:
            list(write_dataset(root, SynthSettings(count=options.count, seed=27, rows=480, cols=640, workers=2)))
        else:
            write_micrographs(root, options.count)
        began = time.monotonic()
        finish(root, whole, **how)
        seconds = time.monotonic() - began
        wanted = results(whole)
        while killed < options.kills:
            finished += 1
            out = Path(temporary, f"out{finished}")
            left: list[int] = []
            for _ in range(5):
                scan = start(root, out, **how)
                time.sleep(moments.uniform(0.2, 1.0) * seconds)
                if scan.poll() is not None:
                    break
                killed += 1
                if killed % 2 == 0 and (workers := psutil.Process(scan.pid).children()):
                    moments.choice(workers).kill()
                else:
                    scan.kill()
                scan.wait()
                left.append(rows_in(out))
            finish(root, out, **how)
            same = results(out) == wanted
            print(f"{killed} kills; rows kept after each of the last ones: {left}; same results: {same}", flush=True)
            assert same
    print(f"{killed} kills in {finished} archives of {options.count} micrographs: no row lost, doubled or changed")


if __name__ == "__main__":
    main()
