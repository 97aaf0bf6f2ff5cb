"""Torch's engine: what it answers does not depend on how tiles are batched."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD

from gdest.core.model_card import UNFIT
from gdest.core.tiles import tiles_of
from gdest.model.torch_engine import TorchEngine

CPU = torch.device("cpu")


def mean_grey(tiles):
    """Answer the mean grey level of each tile, as a network would answer its grade."""
    g_seen = tiles.float().mean(dim=(1, 2, 3))
    return g_seen, g_seen[:, None].expand(-1, len(UNFIT)), g_seen


def engine_of(answer=mean_grey, **options):
    return TorchEngine(SimpleNamespace(answer=answer, card=CARD), CPU, bf16=False, **options)


def test_tiles_of_several_micrographs_are_answered_in_their_order():
    tiles = np.random.default_rng(0).integers(0, 256, (7, 224, 224), dtype=np.uint8)
    g_seen, unfit, novelty = engine_of().answer([tiles_of(tiles[:3]), tiles_of(tiles[3:])])
    means = tiles.mean(axis=(1, 2))
    assert g_seen.numpy() == pytest.approx(means, rel=1e-5)
    assert novelty.numpy() == pytest.approx(means, rel=1e-5)
    assert unfit.shape == (7, len(UNFIT))
    assert g_seen.dtype == torch.float32
