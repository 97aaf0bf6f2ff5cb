"""Read PNG, JPEG, JPEG 2000, BMP, GIF and WebP."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

import imagecodecs
import numpy as np
from PIL import Image, ImageOps

from gdest.core import MicrographError
from gdest.reading.page import Page, RawPixels

PILLOW_FORMATS = ("PNG", "JPEG", "JPEG2000", "BMP", "GIF", "WEBP")
PNG_START = b"\x89PNG\r\n\x1a\n"
RASTER_STARTS = (PNG_START[:4], b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF")
PNG_DEPTH_AT, DEEP_BITS = 24, 16
SEVERAL_PAGES = ("GIF", "WEBP", "PNG")
"""The formats whose further frames are pages of their own; those of an MPO are its previews."""

MOST_FRAMES = 1000


def raster_pages(stream: BinaryIO) -> Iterator[Page]:
    """Yield the pages of a file; each frame of an animation is one. Foreign errors are not translated."""
    try:
        image = Image.open(stream, formats=PILLOW_FORMATS)
    except Image.DecompressionBombError as error:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise MicrographError(f"too large: the limit is {most:.0f} megapixels in one piece") from error
    start = _start(stream)
    deep = start.startswith(PNG_START) and start[PNG_DEPTH_AT] == DEEP_BITS
    several = image.format in SEVERAL_PAGES and not deep
    frames = min(getattr(image, "n_frames", 1), MOST_FRAMES) if several else 1
    for frame in range(frames):
        own = deep or image.format == "JPEG2000"
        decode = partial(_decode_deep, stream, image.format) if own else partial(_decode, image, frame)
        yield Page(image.height, image.width, (), decode, pixel_bytes=len(image.getbands()) * (1 + deep))


def _start(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read(PNG_DEPTH_AT + 1).ljust(PNG_DEPTH_AT + 1, b"\0")


def _decode(image: Image.Image, frame: int) -> RawPixels:
    if frame:
        image.seek(frame)
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode not in ("1", "L", "LA", "RGB", "RGBA", "I;16", "I;16B", "I", "F"):
        upright = upright.convert("RGB")
    return np.asarray(upright)


def _decode_deep(stream: BinaryIO, kind: str | None) -> RawPixels:
    """Return pixels with all their bits; of 16-bit colour Pillow keeps only eight."""
    stream.seek(0)
    content = stream.read()
    return np.asarray(imagecodecs.jpeg2k_decode(content) if kind == "JPEG2000" else imagecodecs.png_decode(content))
