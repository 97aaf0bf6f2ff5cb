"""Read PNG, JPEG, JPEG 2000, BMP, GIF and WebP."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

import imagecodecs
import numpy as np
from PIL import Image, ImageOps

from gdest.core import MicrographError
from gdest.reading.picture import ONE_PIECE_MEGAPIXELS, Picture, Samples

# --max-megapixels is checked before a pixel is decoded; but a later frame of a GIF can enlarge its picture to
# 65535x65535 px while it is being read, and Pillow refuses only what is beyond twice this
Image.MAX_IMAGE_PIXELS = int(ONE_PIECE_MEGAPIXELS * 1e6) // 2

FORMATS = ("PNG", "JPEG", "JPEG2000", "BMP", "GIF", "WEBP")
PNG_START = b"\x89PNG\r\n\x1a\n"
RASTER_STARTS = (PNG_START[:4], b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF")
PNG_DEPTH_AT, DEEP_BITS = 24, 16
SEVERAL_PICTURES = ("GIF", "WEBP", "PNG")
"""The formats whose further frames are pictures of their own; those of an MPO are its previews."""

MOST_FRAMES = 1000


def raster_pictures(stream: BinaryIO) -> Iterator[Picture]:
    """Yield the pictures of a file; an animation's frames are several. Foreign errors are not translated."""
    try:
        image = Image.open(stream, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise MicrographError(f"too large: the limit is {ONE_PIECE_MEGAPIXELS:g} megapixels in one piece") from error
    start = _start(stream)
    deep = start.startswith(PNG_START) and start[PNG_DEPTH_AT] == DEEP_BITS
    several = image.format in SEVERAL_PICTURES and not deep
    frames = min(getattr(image, "n_frames", 1), MOST_FRAMES) if several else 1
    for frame in range(frames):
        own = deep or image.format == "JPEG2000"
        decode = partial(_decode_deep, stream, image.format) if own else partial(_decode, image, frame)
        yield Picture(image.height, image.width, (), decode, sample_bytes=len(image.getbands()) * (1 + deep))


def _start(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read(PNG_DEPTH_AT + 1).ljust(PNG_DEPTH_AT + 1, b"\0")


def _decode(image: Image.Image, frame: int) -> Samples:
    if frame:
        image.seek(frame)
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode not in ("1", "L", "LA", "RGB", "RGBA", "I;16", "I;16B", "I", "F"):
        upright = upright.convert("RGB")
    return np.asarray(upright)


def _decode_deep(stream: BinaryIO, kind: str | None) -> Samples:
    """Return samples with all their bits; Pillow keeps only eight of 16-bit colour."""
    stream.seek(0)
    content = stream.read()
    return np.asarray(imagecodecs.jpeg2k_decode(content) if kind == "JPEG2000" else imagecodecs.png_decode(content))
