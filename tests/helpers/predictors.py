"""Predictors that need no network, and their model card."""

from __future__ import annotations

import numpy as np

from gdest.core.model_card import UNFIT, ModelCard
from gdest.core.records import TileAnswers
from gdest.core.tiles import cut_parts

CARD = ModelCard(
    g_min=1.0,
    g_max=13.5,
    interval=((1.0, 0.6), (13.0, 0.2)),
    tile_scatter=((1.0, 1.0), (5.0, 0.4), (13.0, 0.1)),
    limits={"no grains": 0.0, "defocused": 0.0, "fragments": 0.0, "structure": 0.0, "novelty": 2.0, "zoom gap": 0.3},
    gdest_version="test",
)


SURE = (-9.0,) * len(UNFIT)
"""Log odds of a tile that is surely gradeable."""


class FakePredictor:
    """Say the same G of every tile, at any size, or what a function of the tiles says; doubt as told."""

    card = CARD
    name = "fake"
    sha256 = "0" * 64

    def __init__(self, answer=6.0, unfit=SURE, novelty=1.0, batch=64, streams=1):
        self.answer, self.unfit, self.novelty = answer, unfit, novelty
        self.batch, self.streams = batch, streams
        self.shapes = []

    def predict(self, parts):
        tiles = cut_parts(parts)
        self.shapes.append(tiles.shape)
        count = len(tiles)
        answer = self.answer(tiles) if callable(self.answer) else np.full(count, self.answer)
        novelty = np.full(count, self.novelty, np.float32)
        return TileAnswers(np.asarray(answer, np.float32), np.tile(np.float32(self.unfit), (count, 1)), novelty)
