"""Read PNG, JPEG, JPEG 2000, BMP, GIF and WebP."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

import imagecodecs
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gdest.core import MicrographError
from gdest.reading.page import Page, RawPixels
from gdest.reading.raster_repair import PNG_START, bare_png, bitfields_bmp, deep_png, tidy_jpeg

PILLOW_FORMATS = ("PNG", "JPEG", "JPEG2000", "BMP", "GIF", "WEBP")
JPEG_START, BMP_START = b"\xff\xd8", b"BM"
RASTER_STARTS = (PNG_START[:4], b"\xff\xd8\xff", b"GIF8", BMP_START, b"RIFF")
PNG_DEPTH_AT, DEEP_BITS = 24, 16
SEVERAL_PAGES = ("GIF", "WEBP", "PNG")
"""The formats whose further frames are pages of their own; those of an MPO are its previews."""

AS_THEY_ARE = ("1", "L", "LA", "RGB", "RGBA", "I;16", "I;16B", "I", "F")
"""Pillow's kinds of pixels that are numbers of grey or colour; any other is converted to RGB."""

MOST_FRAMES = 1000


def raster_pages(stream: BinaryIO) -> Iterator[Page]:
    """Yield the pages of a file; each frame of an animation is one. Foreign errors are not translated.

    Raises `MicrographError` behind the last frame that is read where there are more than `MOST_FRAMES`, or fewer
    than the header promises.
    """
    start = stream.read(PNG_DEPTH_AT + 1).ljust(PNG_DEPTH_AT + 1, b"\0")
    deep = start.startswith(PNG_START) and start[PNG_DEPTH_AT] == DEEP_BITS
    image = _opened(stream, start)
    several = image.format in SEVERAL_PAGES and not deep
    frames = getattr(image, "n_frames", 1) if several else 1
    for frame in range(min(frames, MOST_FRAMES)):
        if frame:
            _go_to(image, frame, frames)
        own = deep or image.format == "JPEG2000"
        decode = partial(_decode_deep, stream, image.format) if own else partial(_decode, image, frame)
        yield Page(image.height, image.width, (), decode, pixel_bytes=len(image.getbands()) * (1 + deep))
    if frames > MOST_FRAMES:
        raise MicrographError(f"holds {frames} frames, of which the first {MOST_FRAMES} are read")


def _opened(stream: BinaryIO, start: bytes) -> Image.Image:
    """Return the file as Pillow opens it, or laid out anew where Pillow stumbles over what is no pixel."""
    stream.seek(0)
    try:
        if start.startswith(PNG_START):
            return Image.open(io.BytesIO(bare_png(stream.read())), formats=PILLOW_FORMATS)
        return Image.open(stream, formats=PILLOW_FORMATS)
    except Image.DecompressionBombError as error:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise MicrographError(f"too large: the limit is {most:.0f} megapixels in one piece") from error
    except (UnidentifiedImageError, OSError) as error:
        stream.seek(0)
        if start.startswith(JPEG_START):
            return Image.open(io.BytesIO(tidy_jpeg(stream.read())), formats=("JPEG",))
        if start.startswith(BMP_START) and "bitfields" in str(error):
            return Image.fromarray(bitfields_bmp(stream.read()))
        raise


def _go_to(image: Image.Image, frame: int, frames: int) -> None:
    try:
        image.seek(frame)
    except (EOFError, OSError, SyntaxError, ValueError) as error:
        raise MicrographError(f"its header promises {frames} frames, of which {frame} can be read") from error


def _decode(image: Image.Image, frame: int) -> RawPixels:
    if frame:
        image.seek(frame)
    image.load()
    upright = ImageOps.exif_transpose(image)
    return np.asarray(upright if upright.mode in AS_THEY_ARE else upright.convert("RGB"))


def _decode_deep(stream: BinaryIO, kind: str | None) -> RawPixels:
    """Return pixels with all their bits; of 16-bit colour Pillow keeps only eight."""
    stream.seek(0)
    content = stream.read()
    return np.asarray(imagecodecs.jpeg2k_decode(content)) if kind == "JPEG2000" else deep_png(content)
