"""Run a real scan with a predictor that takes 20 ms instead of a network: fake_scan.py ROOT OUT [SECONDS [SECONDS]].

The second number is the seconds between two writes into the ledger.

The rest (walking, decoding, ledger, heatmaps, reports, signals) is the real thing; only the seconds
of importing torch and of the network are left out, so that a scan can be killed many times.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gdest.cli.run_scan import run_scan
from gdest.core.errors import GdestError
from gdest.core.model_card import ModelCard
from gdest.core.records import TileAnswers
from gdest.core.settings import GradeSettings
from gdest.core.tiles import Tiles, cut_parts
from gdest.model.weights_file import ModelFile
from gdest.scan import job, recording, scan
from gdest.scan.settings import ScanSettings

SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 0.02
if len(sys.argv) > 4:
    recording.SECONDS_BETWEEN_WRITES = float(sys.argv[4])


class Slow:
    """Say a G that follows from the pixels."""

    limits = {"no grains": 0.0, "defocused": 0.0, "fragments": 0.0, "novelty": 2.0}
    card = ModelCard(tile_scatter=((1.0, 0.5),), interval=((1.0, 0.4),), limits=limits)
    name, sha256, batch, streams = "fake", "0" * 64, 8, 1

    def __init__(self, *_arguments: object) -> None:
        pass

    def predict(self, parts: Sequence[Tiles]) -> TileAnswers:
        """Return the answers of some tiles after 20 ms, or the seconds asked for."""
        tiles = cut_parts(parts)
        time.sleep(SECONDS)
        g_seen = (5.0 + tiles.mean(axis=(1, 2)) / 50).astype(np.float32)
        return TileAnswers(
            g_seen, np.full((len(tiles), 3), np.nan, np.float32), np.full(len(tiles), np.nan, np.float32)
        )


job.read_model_file = lambda path: ModelFile(path, Slow.name, Slow.sha256, Slow.card)
scan.load_predictor = lambda *_arguments: Slow()

if __name__ == "__main__":
    try:
        sys.exit(run_scan([Path(sys.argv[1])], Path(sys.argv[2]), GradeSettings(batch=8), None, None, ScanSettings()))
    except GdestError as error:
        sys.stderr.write(f"gdest: {error}\n")
        sys.exit(error.exit_code)
