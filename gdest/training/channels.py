"""Turn a micrograph and its label map into the pyramid of channels that crops are cut from; knows no torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from gdest.synth import whole_areas

PYRAMID_LEVELS = 3
SMALLEST_HALVED_PX = 128
"""A level of the pyramid whose shorter side is smaller than this is the last."""

CHANNELS = ("grey", "grain", "code", "twin", "particle")
"""What a picture with a label map holds: `grain` is a number that tells neighbouring grains apart, `code` that of the
local grain size, `twin` and `particle` are masks, 0 or 255."""

NUMBERS = slice(1, 3)
"""The channels whose values must not be mixed with those of their neighbours."""

SMOOTH = [0, 3, 4]
"""The other channels."""

GRAIN_NUMBERS = 251
"""A prime: grains that lie beside each other seldom have the same number in a uint8."""

CODES_PER_G = 12.0
"""Steps of the uint8 code of the local grain size in one G, a factor of two in density: 0..255 covers 21 G."""

Channels = NDArray[np.uint8]
"""Pictures of one size, (channels, rows, cols)."""


def code_of_areas(area_px: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the code of grains by their areas (n,) in px: 255 for one px, 12 less for each doubling."""
    code = np.clip(-np.log2(np.maximum(area_px, 1.0)) * CODES_PER_G + 255, 0, 255)
    return np.round(code).astype(np.uint8)


def with_label_map(
    pixels: NDArray[np.uint8], labels: NDArray[np.int32], features: NDArray[np.uint8] | None
) -> Channels:
    """Return all `CHANNELS` of grey pixels and their label map, (rows, cols) each.

    `features` (rows, cols) is 1 on twin boundaries and 2 on particles; None where nobody has drawn them.
    """
    shown = np.zeros(labels.shape, np.uint8) if features is None else features
    masks = [np.where(shown == kind, 255, 0).astype(np.uint8) for kind in (1, 2)]
    numbers = (labels % GRAIN_NUMBERS).astype(np.uint8)
    return np.stack([pixels, numbers, code_of_areas(whole_areas(labels))[labels], *masks])


def pyramid(channels: Channels) -> list[Channels]:
    """Return the channels at full size, and halved while they are large enough."""
    levels = [channels]
    while len(levels) < PYRAMID_LEVELS and min(levels[-1].shape[1:]) >= SMALLEST_HALVED_PX:
        levels.append(_halved(levels[-1]))
    return levels


def pyramid_shapes(count: int, rows: int, cols: int) -> list[tuple[int, int, int]]:
    """Return the shape of each level of the pyramid of so many channels."""
    shapes = [(count, rows, cols)]
    while len(shapes) < PYRAMID_LEVELS and min(shapes[-1][1:]) >= SMALLEST_HALVED_PX:
        shapes.append((count, shapes[-1][1] // 2, shapes[-1][2] // 2))
    return shapes


def _halved(channels: Channels) -> Channels:
    """Return channels at half the size: the mean of the grey, one of each four numbers, lines as wide as before."""
    rows, cols = (size // 2 * 2 for size in channels.shape[1:])
    fours = [channels[:, down:rows:2, right:cols:2] for down in (0, 1) for right in (0, 1)]
    total: NDArray[np.float32] = reduce(np.add, (one[0].astype(np.float32) for one in fours))
    grey = np.round(total / 4.0).astype(np.uint8)
    lines = [reduce(np.maximum, (one[kind] for one in fours)) for kind in SMOOTH[1:] if len(channels) > 1]
    return np.stack([grey, *fours[0][NUMBERS], *lines])


def log2_densities(levels: Sequence[Channels]) -> tuple[float, ...]:
    """Return log2 of the grains per px of each level of a pyramid, none without a label map.

    The mean of 1 / grain area over the pixels of a part is its number of grains per px; a grain that the part's
    rim cuts counts by the share of it that lies inside.
    """
    if len(levels[0]) < len(CHANNELS):
        return ()
    grains = np.exp2((np.arange(256) - 255.0) / CODES_PER_G)  # per px, of each code
    return tuple(float(np.log2(grains @ np.bincount(one[2].ravel(), minlength=256) / one[2].size)) for one in levels)
