"""Run a real scan without a network: fake_scan.py ROOT OUT [SECONDS [SECONDS_BETWEEN_WRITES [WORKERS]]].

A predictor that takes 20 ms, or the seconds asked for, stands for the network. The rest (walking, decoding, ledger,
heatmaps, reports, signals, workers) is the real thing; only the seconds of importing torch and of the network are left
out, so that a scan can be killed many times.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from fake_network import Slow

from gdest.cli.run_scan import run_scan
from gdest.core.errors import GdestError
from gdest.core.settings import GradeSettings
from gdest.model.weights_file import ModelFile
from gdest.scan import graders, job, recording
from gdest.scan.settings import ScanSettings

SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 0.02
if len(sys.argv) > 4:
    recording.SECONDS_BETWEEN_WRITES = float(sys.argv[4])
WORKERS = int(sys.argv[5]) if len(sys.argv) > 5 else 0

job.read_model_file = lambda path: ModelFile(path, Slow.name, Slow.sha256, Slow.card)
graders.load_predictor = partial(Slow, SECONDS)

if __name__ == "__main__":
    options = ScanSettings(workers=WORKERS)
    try:
        sys.exit(run_scan([Path(sys.argv[1])], Path(sys.argv[2]), GradeSettings(batch=8), None, None, options))
    except GdestError as error:
        sys.stderr.write(f"gdest: {error}\n")
        sys.exit(error.exit_code)
