"""Run one scan and tell as JSON how fast it was: timed_scan.py ROOT OUT [--workers 2]; `scan_speed.py` starts it.

Rate and CPU time are those of the middle 80 % of the files, while no worker starts and none has run out of files; the
seconds are those of the whole scan, until the reports are written.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import counters
import pandas as pd
import psutil

from gdest.core.calibration import CalibrationSettings
from gdest.core.settings import GradeSettings
from gdest.core.terminal import be_quiet
from gdest.scan import graders, recording, scan
from gdest.scan.job import prepare_scan
from gdest.scan.settings import ScanSettings
from gdest.scan.stopping import Stop

LEFT_OUT = 0.1
"""Of the files, at either end."""


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its workers until now."""
    here = psutil.Process()
    return sum(sum(one.cpu_times()[:2]) for one in (here, *here.children()))


def main() -> None:
    """Scan, and print what was measured as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--no-count", action="store_true")
    parser.add_argument("--no-heatmaps", action="store_true")
    asked = parser.parse_args()
    settings = GradeSettings(
        CalibrationSettings(um_per_px=1.0),
        device=asked.device,
        batch=asked.batch,
        precision=asked.precision,
        count=not asked.no_count,
    )
    be_quiet()
    options = ScanSettings(heatmaps=not asked.no_heatmaps, limit=asked.limit, workers=asked.workers)
    with tempfile.TemporaryDirectory() as temporary:
        folder, moments, used = Path(temporary), list[float](), list[float]()
        add = recording.Recorder.add
        count = min(asked.limit or sys.maxsize, sum(1 for _ in asked.root.iterdir()))
        ends = round(LEFT_OUT * count), count - round(LEFT_OUT * count) - 1

        def noted(recorder: recording.Recorder, *about: object) -> None:
            add(recorder, *about)
            if len(moments) in ends:
                used.append(cpu_seconds())
            moments.append(time.perf_counter())

        recording.Recorder.add = noted
        graders.load_predictor = partial(counters.load_counted, folder, asked.workers > 1)
        counters.install(folder)
        began = time.perf_counter()
        scan.scan_archive(prepare_scan([asked.root], asked.out, settings, options=options), Stop())
        seconds = time.perf_counter() - began
        counters.write(folder)
        steps = counters.totals(folder)
    first, last = ends
    told = {
        "files": len(moments),
        "tiles": int(pd.read_csv(asked.out / "results.csv")["tiles"].sum()),
        "seconds": seconds,
        "first": moments[0] - began,
        "rate": (last - first) / (moments[last] - moments[first]),
        "cpu": (used[1] - used[0]) / (last - first),
        "steps": steps,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
