"""Draw a grade map over its micrograph, every picture of a run on one scale."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import imagecodecs
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gdest.core import Graded, spread_tiles, write_atomically

G_SCALE = (0.0, 14.0)
"""The one colour scale of every heatmap: a scale stretched per image makes uniform steel look mixed."""

COLOUR_MAP = "turbo"
OPACITY = 0.45
LONGEST_PX = 960
"""Longest side; drawing and packing a larger picture takes a third of the network's time for the micrograph."""

BAR_PX = 110
HEADER_PX = 36
FEW_GREYS = [round(grey // 8 * 255 / 31) for grey in range(256)]
"""The micrograph in 32 greys looks the same and is packed in two thirds of the time to half the size."""

HATCH_PX, HATCH_GREY = 12, 90
"""Tiles left out because they show a banner, a scale bar, mounting or a reflection are hatched in grey."""


def heatmap_name(file_name: str) -> str:
    """Return the heatmap's path relative to the output folder; the file's own suffix is kept."""
    return f"heatmaps/{file_name}.png"


def write_heatmap(graded: Graded, path: Path) -> None:
    """Write the heatmap PNG of one micrograph; raise `OutputError` when it cannot be written."""
    save_png(draw_heatmap(graded), path)


def save_png(picture: Image.Image, path: Path) -> None:
    """Write an RGB picture as a PNG without filters, packed by libdeflate: 0.4 of libpng's time, a tenth smaller."""
    rows = np.asarray(picture).reshape(picture.height, 3 * picture.width)
    unfiltered = np.pad(rows, ((0, 0), (1, 0)))  # each row begins with its filter, 0 for none
    header = struct.pack(">2I5B", picture.width, picture.height, 8, 2, 0, 0, 0)  # 8 bits, RGB, not interlaced
    chunks = {b"IHDR": header, b"IDAT": imagecodecs.deflate_encode(unfiltered.tobytes(), level=1), b"IEND": b""}
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )
    write_atomically(path, lambda temporary: temporary.write_bytes(png))


def draw_heatmap(graded: Graded) -> Image.Image:
    """Return the micrograph under its tile grades, with a colour bar; what has no grade is grey and hatched.

    The bar says whether G is calibrated or, without a pixel size, as seen.
    """
    pixels = graded.micrograph.pixels
    width, height = drawn_size(pixels, LONGEST_PX)
    steps = _spread(graded, (height, width), _steps)  # colouring tiles before they are spread takes a fifth of the time
    return _drawn(pixels, steps, "G" if graded.statistics else "G seen")


def draw_grades(
    pixels: NDArray[np.uint8], grades: NDArray[np.float32], title: str, longest_px: int = LONGEST_PX
) -> Image.Image:
    """Return grey pixels (rows, cols) under their grades, NaN transparent, with a titled colour bar."""
    shown = Image.fromarray(grades).resize(drawn_size(pixels, longest_px), Image.Resampling.NEAREST)
    return _drawn(pixels, _steps(np.asarray(shown)), title)


def _drawn(pixels: NDArray[np.uint8], steps: NDArray[np.uint8], title: str) -> Image.Image:
    """Return grey pixels under their colours in the size of `steps`, the places of their grades in the table."""
    height, width = steps.shape
    base = Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX).point(FEW_GREYS)
    mixed = _blended(base, steps)
    known = steps > 0
    if not known.all():
        mixed = Image.composite(mixed, _hatched(base.convert("RGB"), known), Image.fromarray(known))
    canvas = Image.new("RGB", (width + BAR_PX, height))
    canvas.paste(mixed, (0, 0))
    canvas.paste(_bar(height, title), (width, 0))
    return canvas


def drawn_size(pixels: NDArray[np.uint8], longest_px: int) -> tuple[int, int]:
    """Return the width and height to which grey pixels (rows, cols) shrink for a longest side."""
    height, width = pixels.shape
    shrink = min(1.0, longest_px / max(pixels.shape))
    return max(1, round(width * shrink)), max(1, round(height * shrink))


def side_by_side(pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Return pictures in a row, each under its title."""
    width, height = sum(one.width for _, one in pictures), max(one.height for _, one in pictures)
    canvas = Image.new("RGB", (width, height + HEADER_PX), "white")
    left = 0
    for title, one in pictures:
        ImageDraw.Draw(canvas).text((left + 8, 8), title, fill="black", font=ImageFont.load_default(18))
        canvas.paste(one, (left, HEADER_PX))
        left += one.width
    return canvas


def _hatched(picture: Image.Image, known: NDArray[np.bool_]) -> Image.Image:
    """Return a picture with grey diagonal lines, to show where tiles were left out; unchanged where none was graded."""
    if not known.any():
        return picture
    row, col = np.ogrid[: known.shape[0], : known.shape[1]]
    lines = Image.fromarray((row + col) % HATCH_PX < 2)
    return Image.composite(Image.new("RGB", picture.size, (HATCH_GREY,) * 3), picture, lines)


def pixel_grades(graded: Graded) -> NDArray[np.float32]:
    """Return G at each pixel that the micrograph holds (rows, cols), float32: the mean of the tiles that cover it.

    A micrograph that is read region by region holds only every second (fourth...) pixel, for drawing.
    """
    return _spread(graded, graded.micrograph.pixels.shape, np.asarray)


def _spread(
    graded: Graded, shape: tuple[int, ...], paint: Callable[[NDArray[np.float32]], NDArray[Any]]
) -> NDArray[Any]:
    """Return what `paint` makes of G, for each pixel of the micrograph drawn in a size (rows, cols)."""
    grade_map, micrograph = graded.grade_map, graded.micrograph
    rows, cols = (int(np.ceil(side * grade_map.zoom)) for side in (micrograph.rows, micrograph.cols))
    height, width = shape
    return spread_tiles(grade_map.g_seen + np.float32(graded.shift), grade_map.grid, rows, cols, (height, width), paint)


def colours(grades: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the colours of G values on the fixed scale, shape (..., 3), 0..255; NaN gives that of G 0."""
    return np.asarray(_colour_table()[_steps(grades)], np.float32)


def _steps(grades: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the place of G values in the table of colours, 1..255; 0 for NaN."""
    low, high = G_SCALE
    steps = np.clip((grades - np.float32(low)) * np.float32(256 / (high - low)), 1, 255)
    return np.asarray(np.nan_to_num(steps, copy=False), np.uint8)


def _blended(base: Image.Image, steps: NDArray[np.uint8]) -> Image.Image:
    """Return a grey picture under the colours of its grades; one channel after the other takes half the time of RGB."""
    channels = (Image.fromarray(steps).point(channel.tolist()) for channel in _colour_table().T)
    return Image.merge("RGB", [Image.blend(base, channel, OPACITY) for channel in channels])


@cache
def _colour_table() -> NDArray[np.uint8]:
    """Return the colours of the scale in steps (256, 3), 0..255; a look-up by matplotlib is ten times slower."""
    return np.asarray(matplotlib.colormaps[COLOUR_MAP](np.arange(256))[:, :3] * 255, np.uint8)


@lru_cache(16)
def _bar(height: int, title: str) -> Image.Image:
    """Return the colour bar with a tick every second G, fine grains (large G) above."""
    picture = Image.new("RGB", (BAR_PX, height), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(16)
    left, top, bottom, wide = 14, 40, height - 24, 26
    ramp = np.linspace(G_SCALE[1], G_SCALE[0], bottom - top, dtype=np.float32)[:, None]
    strip = Image.fromarray(colours(np.repeat(ramp, wide, axis=1)).astype(np.uint8))
    picture.paste(strip, (left, top))
    draw.text((left, 10), title, fill="black", font=font)
    for g in range(int(G_SCALE[0]), int(G_SCALE[1]) + 1, 2):
        y = round(bottom - (g - G_SCALE[0]) / (G_SCALE[1] - G_SCALE[0]) * (bottom - top - 1)) - 1
        draw.line((left + wide, y, left + wide + 6, y), fill="black")
        draw.text((left + wide + 12, y), f"{g}", fill="black", font=font, anchor="lm")
    return picture
