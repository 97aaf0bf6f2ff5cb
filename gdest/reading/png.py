"""Decode a PNG: bare of what is no pixel, with all its bits, and in less time than Pillow takes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

import imagecodecs
import numpy as np

from gdest.core import MicrographError
from gdest.reading.page import RawPixels

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf", b"acTL", b"fcTL", b"fdAT")
"""The chunks that hold the pixels, their frames and which way is up; texts and colour profiles do not."""

ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row, first column and their steps of the seven passes of an interlaced PNG."""

PNG_SAMPLES = {0: 1, 2: 3, 4: 2, 6: 4}

QUICK_PX = 16_000_000
"""A larger picture is left to Pillow, which takes less memory."""

QUICK_BYTES = 4
"""What `plain_png` takes for each byte of a picture: its lines, twice as they are handed over, and its pixels."""

PNG_HEADER_BYTES = 33


def is_plain(content: bytes) -> bool:
    """Return whether `plain_png` decodes a PNG: one picture of 8 bits, no palette, not interlaced, not large."""
    if len(content) < PNG_HEADER_BYTES:
        return False
    cols, rows, depth, kind, _, _, interlaced = struct.unpack_from(">IIBBBBB", content, 16)
    others = (b"tRNS", b"acTL", b"eXIf")
    plain = depth == 8 and kind in PNG_SAMPLES and not interlaced and cols * rows <= QUICK_PX
    return plain and not any(name in content for name in others)


def plain_png(content: bytes) -> RawPixels | None:
    """Return the pixels of a plain PNG, (rows, cols[, samples]) uint8; None where it is damaged.

    libdeflate unpacks the lines in half of libpng's time and checks them; libpng is left to undo their filters. Both
    take 9 ms for 1280x960 grey pixels, libpng alone 11, Pillow 13. Pillow tells what is wrong with a damaged one.
    """
    cols, rows, _, kind = struct.unpack_from(">IIBB", content, 16)
    packed = b"".join(data for name, data in _chunks(content) if name == b"IDAT")
    size = rows * (1 + cols * PNG_SAMPLES[kind])
    try:
        lines = imagecodecs.deflate_decode(packed, out=size)
        if len(lines) != size:
            return None
        stored = imagecodecs.deflate_encode(lines, level=0)
        chunks = ((b"IHDR", content[16:29]), (b"IDAT", stored), (b"IEND", b""))
        return np.asarray(imagecodecs.png_decode(_laid_out(chunks)))
    except (RuntimeError, ValueError):  # those of imagecodecs
        return None


def bare_png(content: bytes) -> bytes:
    """Return a PNG without its texts and profiles, of which libpng warns on the terminal and Pillow refuses long ones.

    What follows a damaged or cut chunk stays as it is.
    """
    kept, at = [content[: len(PNG_START)]], len(PNG_START)
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content) or not kind.isalpha():
            break
        if kind in PNG_NEEDED:
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, content[at:]])


def deep_png(content: bytes) -> RawPixels:
    """Return the pixels of a PNG of 16 bits, interlaced or not; Pillow keeps only eight of colour."""
    content = bare_png(content)
    cols, rows, _, kind, _, _, interlaced = struct.unpack_from(">IIBBBBB", content, 16)
    if not interlaced or kind not in PNG_SAMPLES:
        return np.asarray(imagecodecs.png_decode(content))
    samples = PNG_SAMPLES[kind]
    whole = np.empty((rows, cols, samples), np.uint16)
    passes = [whole[top::down, left::across] for top, left, down, across in ADAM7]
    sizes = [part.shape[0] * (1 + 2 * part.shape[1] * samples) if part.size else 0 for part in passes]
    packed = b"".join(data for name, data in _chunks(content) if name == b"IDAT")
    lines = zlib.decompressobj().decompress(packed, sum(sizes))
    if len(lines) < sum(sizes):
        raise MicrographError("truncated: the file ends before its pixels do")
    for part, size in zip(passes, sizes, strict=True):
        if size:
            part[...] = _one_pass(part, kind, lines[:size])
            lines = lines[size:]
    return whole[:, :, 0] if samples == 1 else whole


def _one_pass(part: RawPixels, kind: int, lines: bytes) -> RawPixels:
    """Return the pixels of one pass, by letting libpng decode it as a picture of its own."""
    header = struct.pack(">IIBBBBB", part.shape[1], part.shape[0], 16, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 1)), (b"IEND", b""))
    return np.asarray(imagecodecs.png_decode(_laid_out(chunks))).reshape(part.shape)


def _laid_out(chunks: Iterable[tuple[bytes, bytes | bytearray]]) -> bytes:
    """Return a PNG of chunks, with their lengths and checksums."""
    parts: list[bytes | bytearray] = [PNG_START]
    for name, data in chunks:
        parts += (struct.pack(">I", len(data)), name, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(name))))
    return b"".join(parts)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(PNG_START)
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        yield kind, content[at + 8 : at + 8 + length]
        at += 12 + length
