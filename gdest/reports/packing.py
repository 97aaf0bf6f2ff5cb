"""Pack pictures as PNG."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gdest.core import write_atomically

PACK_COLOURS = imagecodecs.zlibng_encode if imagecodecs.ZLIBNG.available else imagecodecs.deflate_encode
"""A few builds of imagecodecs come without zlib-ng."""


def save_png(picture: Image.Image, path: Path) -> None:
    """Write a picture as a PNG; raise `OutputError`.

    It is RGB, or has a palette (mode P), whose colours may be transparent: `info["transparency"]` holds their alpha.
    """
    palette = bytes(picture.getpalette() or ()) if picture.mode == "P" else b""
    save_pixels(np.asarray(picture), path, palette, bytes(picture.info.get("transparency", b"")))


def blank(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return black pixels (rows, cols[, 3]) to draw on, which lie as they are packed, so that they are not copied."""
    lines = np.zeros((shape[0], 1 + math.prod(shape[1:])), np.uint8)  # each row begins with its filter, 0 for none
    return lines[:, 1:].reshape(shape)


def save_pixels(pixels: NDArray[np.uint8], path: Path, palette: bytes = b"", alpha: bytes = b"") -> None:
    """Write pixels as a PNG without filters, (rows, cols, 3) or places in a palette (rows, cols); raise `OutputError`.

    libdeflate packs them in 0.4 of libpng's time, a tenth smaller. Colours, three times as many bytes, zlib-ng packs in
    0.6 of libdeflate's time; they become half as large again, as they would be in twice as many greys.
    """
    rows, cols = pixels.shape[:2]
    lines: Any = pixels.base
    if not isinstance(lines, np.ndarray) or lines.shape != (rows, 1 + pixels[0].size):
        canvas = blank(pixels.shape)
        canvas[...] = pixels
        lines = canvas.base
    header = struct.pack(">2I5B", cols, rows, 8, 3 if palette else 2, 0, 0, 0)  # 8 bits, not interlaced
    packed = bytes((imagecodecs.deflate_encode if palette else PACK_COLOURS)(lines, level=1))
    parts = ((b"PLTE", palette), (b"tRNS", alpha), (b"IDAT", packed))
    png = [b"\x89PNG\r\n\x1a\n"]
    for name, data in ((b"IHDR", header), *(part for part in parts if part[1]), (b"IEND", b"")):
        png += (struct.pack(">I", len(data)), name, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(name))))
    write_atomically(path, lambda temporary: temporary.write_bytes(b"".join(png)))
