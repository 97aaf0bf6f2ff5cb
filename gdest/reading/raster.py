"""Read PNG, JPEG, JPEG 2000, BMP, GIF and WebP."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from threading import Lock
from typing import BinaryIO

import imagecodecs
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gdest.core import MicrographError
from gdest.reading.grey import bands
from gdest.reading.page import Page, RawPixels
from gdest.reading.png import PNG_START, QUICK_BYTES, bare_png, deep_png, is_plain, plain_png
from gdest.reading.raster_repair import bitfields_bmp, require_few_scans, tidy_jpeg

PILLOW_FORMATS = ("PNG", "JPEG", "JPEG2000", "BMP", "GIF", "WEBP")
JPEG_START, BMP_START = b"\xff\xd8", b"BM"
RASTER_STARTS = (PNG_START[:4], b"\xff\xd8\xff", b"GIF8", BMP_START, b"RIFF")
PNG_DEPTH_AT, DEEP_BITS = 24, 16
SEVERAL_PAGES = ("GIF", "WEBP", "PNG")
"""The formats whose further frames are pages of their own; those of an MPO are its previews."""

AS_THEY_ARE = ("1", "L", "LA", "RGB", "RGBA", "I;16", "I;16B", "I", "F")
"""Pillow's kinds of pixels that are numbers of grey or colour; any other is converted to RGB."""

PILLOW_BYTES = {"1": 1, "L": 1, "P": 1, "LA": 4, "I;16": 2, "I;16B": 2}
"""What Pillow keeps of a pixel in memory, 4 bytes of any other kind."""

EXIF_ORIENTATION = 0x0112
MOST_FRAMES = 1000


def raster_pages(stream: BinaryIO) -> Iterator[Page]:
    """Yield the pages of a file; each frame of an animation is one. Foreign errors are not translated.

    Raises `MicrographError` behind the last frame that is read where there are more than `MOST_FRAMES`, or fewer
    than the header promises.
    """
    start = stream.read(PNG_DEPTH_AT + 1).ljust(PNG_DEPTH_AT + 1, b"\0")
    image = _opened(stream, start)
    several = image.format in SEVERAL_PAGES and not _is_deep(start)
    frames = getattr(image, "n_frames", 1) if several else 1
    for frame in range(min(frames, MOST_FRAMES)):
        if frame:
            _go_to(image, frame, frames)
        yield _page(stream, start, image, frame, frames)
    if frames > MOST_FRAMES:
        raise MicrographError(f"holds {frames} frames, of which the first {MOST_FRAMES} are read")


def _is_deep(start: bytes) -> bool:
    return start.startswith(PNG_START) and start[PNG_DEPTH_AT] == DEEP_BITS


def _page(stream: BinaryIO, start: bytes, image: Image.Image, frame: int, frames: int) -> Page:
    """Return the page of a frame; a large one that stands alone is read by bands, which saves a copy of it."""
    shape, deep, samples = (image.height, image.width), _is_deep(start), len(image.getbands())
    if deep or image.format == "JPEG2000":
        decode = partial(_decode_deep, stream, image.format)
        return Page(*shape, (), decode, pixel_bytes=samples * (1 + deep), decoding_bytes=(6 if deep else 5) * samples)
    held = PILLOW_BYTES.get(image.mode, 4)
    if frames > 1:
        return Page(*shape, (), partial(_decode, image, frame), pixel_bytes=samples, decoding_bytes=2 * held + samples)
    rows = None if _is_turned(image) else LoadedRows(partial(_opened, stream, start))
    decode, takes = partial(_decode_anew, partial(_opened, stream, start)), held + samples
    if image.format == "PNG" and is_plain(content := _stored(image)):
        decode, takes = partial(_decode_plain, content, decode), max(takes, QUICK_BYTES * samples)
    return Page(*shape, (), decode, rows, samples, decoding_bytes=takes, held_bytes=held)


def _is_turned(image: Image.Image) -> bool:
    """Return whether a picture does not lie as it is stored; of a PNG that may say so at its end, that it may."""
    if image.format == "PNG" and (stored := _stored(image)):  # getexif would decode all of it first
        return b"eXIf" in stored
    return bool(image.getexif().get(EXIF_ORIENTATION, 1) != 1)


def _stored(image: Image.Image) -> bytes:
    """Return the content of a file that was opened from memory, nothing of another."""
    stored = getattr(image, "fp", None)
    return stored.getvalue() if isinstance(stored, io.BytesIO) else b""


class LoadedRows:
    """Return some rows of a picture that Pillow has in memory, from the first time that any are asked for."""

    def __init__(self, opened: Callable[[], Image.Image]) -> None:
        self._opened, self._lock = opened, Lock()
        self._image: Image.Image | None = None

    def __call__(self, top: int, bottom: int) -> RawPixels:
        """Return the rows from top to bottom."""
        with self._lock:
            if self._image is None:
                self._image = self._opened()
                self._image.load()
            return _as_numbers(self._image.crop((0, top, self._image.width, bottom)))


def _opened(stream: BinaryIO, start: bytes) -> Image.Image:
    """Return the file as Pillow opens it, or laid out anew where Pillow stumbles over what is no pixel."""
    stream.seek(0)
    if start.startswith(JPEG_START):
        require_few_scans(stream.read())
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
    upright = ImageOps.exif_transpose(image) if _is_turned(image) else image
    first = _as_numbers(upright.crop((0, 0, upright.width, 1)))
    raw = np.empty((upright.height, *first.shape[1:]), first.dtype)
    for top, bottom in bands(upright.height, upright.width):  # in one piece Pillow would make two more copies
        raw[top:bottom] = _as_numbers(upright.crop((0, top, upright.width, bottom)))
    return raw


def _decode_anew(opened: Callable[[], Image.Image]) -> RawPixels:
    """Return the pixels of a picture of which nothing is kept once they are decoded."""
    return _decode(opened(), 0)


def _decode_plain(content: bytes, otherwise: Callable[[], RawPixels]) -> RawPixels:
    """Return the pixels of a plain PNG; Pillow decodes one that cannot be decoded so, or says why none can."""
    pixels = plain_png(content)
    return otherwise() if pixels is None else pixels


def _as_numbers(image: Image.Image) -> RawPixels:
    return np.asarray(image if image.mode in AS_THEY_ARE else image.convert("RGB"))


def _decode_deep(stream: BinaryIO, kind: str | None) -> RawPixels:
    """Return pixels with all their bits; of 16-bit colour Pillow keeps only eight."""
    stream.seek(0)
    content = stream.read()
    return np.asarray(imagecodecs.jpeg2k_decode(content)) if kind == "JPEG2000" else deep_png(content)
