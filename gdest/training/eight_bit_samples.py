"""Draw tiles that show how large the numbers between the layers of a network grow, and put the limits into its card."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gdest.core import UNFIT
from gdest.model import LoadedModel, measure_8_bits, openvino_is_installed
from gdest.synth import draw_unfit, make_micrograph

logger = logging.getLogger(__name__)

SAMPLE_G = np.arange(1.0, 14.0)
"""Grades of the drawn steel: the whole range in which a scan looks at tiles."""

UNFIT_TILES = 4
"""Tiles of each kind that must not be graded: their numbers must not be cut off, or they would look usual."""

SEED = 8


def with_int8_limits(model: LoadedModel) -> LoadedModel:
    """Return a model whose card has the limits for 8 bits, where OpenVINO is installed and would run the network."""
    if model.network.judge is None:
        return model
    if not openvino_is_installed():
        logger.warning("Without gdest[openvino] no limits for 8 bits are measured; scans on a CPU will be slower.")
        return model
    limits, gap = measure_8_bits(model.network, *sample_tiles(model.card.tile_px))
    return replace(model, card=replace(model.card, int8_limits=limits, int8_g_gap=gap))


def sample_tiles(side: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return drawn tiles (n, side, side), always the same: of steel, one per `SAMPLE_G`, and of each unfit kind."""
    rng = np.random.default_rng(SEED)
    steel = [make_micrograph(rng, float(g), side, side, 1.0).pixels for g in SAMPLE_G]
    unfit = [draw_unfit(rng, kind, side, side) for kind in UNFIT for _ in range(UNFIT_TILES)]
    return np.stack(steel), np.stack(unfit)
