"""Grade a micrograph larger than memory and say the peak memory: python tests/benchmarks/panorama.py FILE

With `--strips N` only the first N rows of tiles go through the network and the others get its last answer, where the
whole takes too long; what is read, cut, halved and drawn is the whole picture all the same.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gdest.cli.run_info import load_weights
from gdest.core.records import Failed, ImageFile, TileAnswers
from gdest.core.settings import GradeSettings
from gdest.core.tiles import Tiles
from gdest.grading.pipeline import grade_micrographs
from gdest.model.predictor import NetworkPredictor
from gdest.reports.heatmap import draw_heatmap


class Sparing:
    """Ask the network for the first few rows of tiles only."""

    def __init__(self, predictor: NetworkPredictor, strips: int) -> None:
        self.inner, self.left, self.tiles = predictor, strips, 0
        self.card, self.name, self.sha256 = predictor.card, predictor.name, predictor.sha256
        self.batch, self.streams = predictor.batch, 1

    def predict(self, parts: Sequence[Tiles]) -> TileAnswers:
        """Return the network's answers, or the last ones again."""
        count = sum(map(len, parts))
        self.tiles += count
        if self.left:
            self.left -= 1
            self.last = self.inner.predict(parts)
        again = np.resize(np.arange(len(self.last.g_seen)), count)
        return TileAnswers(self.last.g_seen[again], self.last.unfit[again], self.last.novelty[again])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--strips", type=int, default=1 << 30)
    given = parser.parse_args()
    settings, began = GradeSettings(read_timeout_s=86_400.0), time.monotonic()  # a busy machine is not a stalled share
    predictor = Sparing(NetworkPredictor(load_weights(None), settings), given.strips)
    (row,) = grade_micrographs([ImageFile(given.file, given.file.name)], predictor, settings)
    if isinstance(row, Failed):
        sys.exit(f"{row.file.name}: {row.reason}")
    picture = draw_heatmap(row)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{row.micrograph.cols}x{row.micrograph.rows} px: {row.status}, G seen {row.g_seen:.2f}, {row.reason}")
    print(
        f"{predictor.tiles} tiles, heatmap {picture.size}, {time.monotonic() - began:.0f} s, peak memory {peak:.0f} MB"
    )


if __name__ == "__main__":
    main()
