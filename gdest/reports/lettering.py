"""Write on pictures: the font, names that may be too long, a um bar, and a frame with what a picture shows."""

from __future__ import annotations

from functools import cache, lru_cache
from math import floor, log10
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gdest.core import printable
from gdest.reports.few_greys import few_greys
from gdest.reports.packing import blank

HEADER_PX, FOOTER_PX = 58, 40
"""Height of the strips above and below a framed picture."""

MARGIN_PX = 10
LARGEST_BAR = 0.3
"""The um bar takes at most this share of the picture's width."""


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which comes with matplotlib and has the letters of most alphabets."""
    import matplotlib  # a third of a second, which one micrograph without a picture need not wait

    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size)


def shortened(text: str, width: float, letters: ImageFont.FreeTypeFont) -> str:
    """Return text cut from the left, where paths are alike, until it is at most `width` px wide."""
    if letters.getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high) // 2
        if letters.getlength(f"…{text[middle:]}") <= width:
            high = middle
        else:
            low = middle + 1
    return f"…{text[low:]}"


@lru_cache(1000)
def lettered(text: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return white letters on a black outline, and their mask, (rows, cols, 1); kept: hundreds of tiles have few."""
    left, top, right, bottom = font(14).getbbox(text, stroke_width=2)
    size, start = (round(right - left), round(bottom - top)), (-left, -top)
    letters, mask = Image.new("L", size), Image.new("L", size)
    ImageDraw.Draw(letters).text(start, text, "white", font(14), stroke_width=2, stroke_fill="black")
    ImageDraw.Draw(mask).text(start, text, 255, font(14), stroke_width=2)
    return np.asarray(letters)[:, :, None], np.asarray(mask)[:, :, None]


def write_on(picture: NDArray[np.uint8], text: str, row: float, col: float) -> None:
    """Write text into a picture (rows, cols, 3), its middle at a row and column; what lies outside is cut off."""
    letters, mask = lettered(text)
    high, wide = mask.shape[:2]
    top, left = round(row - high / 2), round(col - wide / 2)
    inside = np.s_[max(-top, 0) : max(picture.shape[0] - top, 0), max(-left, 0) : max(picture.shape[1] - left, 0)]
    place = picture[max(top, 0) : max(top + high, 0), max(left, 0) : max(left + wide, 0)]
    over = mask[inside].astype(np.uint16)
    place[...] = (letters[inside] * over + place * (255 - over) + 127) // 255


def bar_um(um: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is at most `um`."""
    power = 10.0 ** floor(log10(um))
    return max(step * power for step in (1, 2, 5) if step * power <= um * (1 + 1e-9))


def frame(
    shape: tuple[int, ...], name: str, told: str, titles: dict[int, str], um_per_px: float | None, shown_px: int
) -> NDArray[np.uint8]:
    """Return a strip with a file's name and what is told of it, room for a picture, and a strip with a um bar.

    `shape` is that of the picture, (rows, cols, 3), or (rows, cols) of places in a palette that begins with
    `few_greys`. `titles` stand below the name, each at its distance from the left edge in px. `um_per_px` is that of
    the drawn picture, None where it is unknown; `shown_px` is the width of what it applies to.
    """
    rows, cols = shape[:2]
    header, footer = (Image.new("L", (cols, high), "white") for high in (HEADER_PX, FOOTER_PX))
    draw = ImageDraw.Draw(header)
    right = cols - MARGIN_PX
    draw.text((right, 18), told, fill="black", font=font(16), anchor="rm")
    room = max(right - font(16).getlength(told) - 3 * MARGIN_PX, 0)
    draw.text((MARGIN_PX, 18), shortened(printable(name), room, font(16)), fill="black", font=font(16), anchor="lm")
    for left, title in titles.items():
        draw.text((left + MARGIN_PX, 44), title, fill="black", font=font(13), anchor="lm")
    _draw_bar(ImageDraw.Draw(footer), FOOTER_PX // 2, um_per_px, shown_px)
    canvas = blank((rows + HEADER_PX + FOOTER_PX, *shape[1:]))
    for strip, place in ((header, canvas[:HEADER_PX]), (footer, canvas[-FOOTER_PX:])):
        grey = np.asarray(strip)
        place[...] = few_greys(grey) if grey.shape == place.shape else grey[:, :, None]
    return canvas


def _draw_bar(draw: ImageDraw.ImageDraw, y: int, um_per_px: float | None, shown_px: int) -> None:
    if um_per_px is None:
        draw.text((MARGIN_PX, y), "pixel size unknown", fill="black", font=font(13), anchor="lm")
        return
    um = bar_um(LARGEST_BAR * shown_px * um_per_px)
    end = MARGIN_PX + round(um / um_per_px)
    draw.rectangle((MARGIN_PX, y - 3, end - 1, y + 2), fill="black")
    draw.text((end + MARGIN_PX, y), f"{um:g} µm", fill="black", font=font(16), anchor="lm")
