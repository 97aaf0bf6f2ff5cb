"""Pictures of nets, whose intercepts are known."""

from __future__ import annotations

import numpy as np


def squares(side: int, rows: int = 480, cols: int = 640, dark: bool = True) -> np.ndarray:
    """A chequered net of square grains with lines three pixels wide, softly lit and a little noisy."""
    y, x = np.mgrid[0:rows, 0:cols]
    line = (y % side < 3) | (x % side < 3)
    grey = np.where(line, 60.0, 190.0) if dark else np.where(line, 220.0, 110.0)
    grey += 20.0 * np.sin(x / 200.0) + np.random.default_rng(1).normal(0, 4, (rows, cols))
    return np.clip(grey, 0, 255).astype(np.uint8)
