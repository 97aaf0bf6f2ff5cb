"""Shrink a micrograph for drawing, and show it in 32 greys, which look the same and are packed in less time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FEW = 32
"""Greys: in so many a micrograph is packed in two thirds of the time to half the size."""

LEVELS = np.round(np.arange(FEW) * (255 / (FEW - 1))).astype(np.uint8)
"""The levels of the greys, black to white."""


def drawn_size(pixels: NDArray[np.uint8], longest_px: int) -> tuple[int, int]:
    """Return the width and height to which grey pixels (rows, cols) shrink for a longest side."""
    height, width = pixels.shape
    shrink = min(1.0, longest_px / max(pixels.shape))
    return max(1, round(width * shrink)), max(1, round(height * shrink))


def shrunk(pixels: NDArray[np.uint8], longest_px: int) -> NDArray[np.uint8]:
    """Return grey pixels (rows, cols) shrunk to a longest side, each the mean of those that it replaces."""
    size = drawn_size(pixels, longest_px)
    if size == pixels.shape[::-1]:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def few_greys(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the places of grey pixels in `LEVELS`, 0..31."""
    return np.asarray(pixels >> 3)
