"""Give G its colour: a scale for every micrograph of every run, and a narrower one round a single micrograph's G."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gdest.reports.lettering import font

COLOUR_MAP = "viridis"
"""Violet to yellow in even steps of lightness, which the colour-blind tell apart too. Cividis, which looks the same to
them, is grey at G 7 and cannot be told from the micrograph below it."""

BAR_PX = 110


@dataclass(frozen=True)
class Scale:
    """Say which G has the first colour and which the last; `title` is what the numbers are."""

    low: float
    high: float
    title: str = "G"

    def steps(self, grades: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the place of G values in the table of colours, 1..255; 0 for NaN."""
        steps = np.clip((grades - np.float32(self.low)) * np.float32(256 / (self.high - self.low)), 1, 255)
        return np.asarray(np.nan_to_num(steps, copy=False), np.uint8)

    def colours(self, grades: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the colours of G values, shape (..., 3), 0..255; NaN gives that of the low end."""
        return np.asarray(colour_table()[self.steps(grades)], np.float32)


def run_scale(title: str = "G") -> Scale:
    """Return the one scale of every run: a scale stretched per image makes uniform steel look mixed."""
    return Scale(0.0, 14.0, title)


def scale_around(g: float, title: str = "G") -> Scale:
    """Return the scale of 2 G to either side of a G, rounded to halves; it shows what the scale of a run hides."""
    middle = round(g * 2.0) / 2.0
    return Scale(middle - 2.0, middle + 2.0, title)


@cache
def colour_table() -> NDArray[np.uint8]:
    """Return the colours of a scale in steps (256, 3), 0..255; a look-up by matplotlib is ten times slower."""
    import matplotlib  # a third of a second, which one micrograph without a picture need not wait

    return np.asarray(matplotlib.colormaps[COLOUR_MAP](np.arange(256))[:, :3] * 255, np.uint8)


@lru_cache(16)
def colour_bar(height: int, scale: Scale) -> NDArray[np.uint8]:
    """Return the colour bar with some seven ticks, fine grains (large G) above, (rows, cols, 3)."""
    picture = Image.new("RGB", (BAR_PX, height), "white")
    draw = ImageDraw.Draw(picture)
    left, top, bottom, wide = 14, 40, height - 24, 26
    draw.text((left, 10), scale.title, fill="black", font=font(16))
    if bottom - top < 20:
        return np.asarray(picture)
    ramp = np.linspace(scale.high, scale.low, bottom - top, dtype=np.float32)[:, None]
    picture.paste(Image.fromarray(scale.colours(np.repeat(ramp, wide, axis=1)).astype(np.uint8)), (left, top))
    span = scale.high - scale.low
    step = span / 8 if span < 8 else 2.0
    for g in np.arange(scale.low, scale.high + step / 2, step):
        y = round(bottom - (g - scale.low) / span * (bottom - top - 1)) - 1
        draw.line((left + wide, y, left + wide + 6, y), fill="black")
        draw.text((left + wide + 12, y), f"{g:.{0 if step == 2.0 else 1}f}", fill="black", font=font(16), anchor="lm")
    return np.asarray(picture)
