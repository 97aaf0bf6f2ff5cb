"""A predictor that takes some milliseconds instead of a network; `fake_scan.py` and its workers load it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from gdest.core.model_card import ModelCard
from gdest.core.records import TileAnswers
from gdest.core.tiles import Tiles, cut_parts


class Slow:
    """Say a G that follows from the pixels, after so many seconds."""

    limits = {"no grains": 0.0, "defocused": 0.0, "fragments": 0.0, "novelty": 2.0}
    card = ModelCard(tile_scatter=((1.0, 0.5),), interval=((1.0, 0.4),), limits=limits)
    name, sha256, batch, streams = "fake", "0" * 64, 8, 1

    def __init__(self, seconds: float, *_arguments: object) -> None:
        self.seconds = seconds

    def predict(self, parts: Sequence[Tiles]) -> TileAnswers:
        """Return the answers of some tiles."""
        tiles = cut_parts(parts)
        time.sleep(self.seconds)
        g_seen = (5.0 + tiles.mean(axis=(1, 2)) / 50).astype(np.float32)
        return TileAnswers(
            g_seen, np.full((len(tiles), 3), np.nan, np.float32), np.full(len(tiles), np.nan, np.float32)
        )
