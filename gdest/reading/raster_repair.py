"""Lay out a PNG, JPEG or BMP anew where its own decoder stumbles over what is no pixel."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import imagecodecs
import numpy as np

from gdest.core import MicrographError
from gdest.reading.page import RawPixels

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf", b"acTL", b"fcTL", b"fdAT")
"""The chunks that hold the pixels, their frames and which way is up; texts and colour profiles do not."""

JPEG_SCAN = b"\xff\xda"
MOST_SCANS = 200
"""Each scan goes over the whole picture, 2.3 ns a pixel; cameras and programs write 1 to 14. 2000 of them in 125 KB
took 75 s."""

JFIF_BYTES = 16
ALONE = (0x01, *range(0xD0, 0xD9))
"""JPEG markers without a segment of their own: TEM, the restarts and the start."""

ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row, first column and their steps of the seven passes of an interlaced PNG."""

PNG_SAMPLES = {0: 1, 2: 3, 4: 2, 6: 4}


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
    packed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return np.asarray(imagecodecs.png_decode(PNG_START + b"".join(packed))).reshape(part.shape)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(PNG_START)
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        yield kind, content[at + 8 : at + 8 + length]
        at += 12 + length


def require_few_scans(content: bytes) -> None:
    """Raise `MicrographError` for a JPEG of so many scans that decoding it would hold up all other files."""
    if content.count(JPEG_SCAN) > MOST_SCANS:
        raise MicrographError(f"cannot decode: a JPEG of more than {MOST_SCANS} scans, which would not finish")


def tidy_jpeg(content: bytes) -> bytes:
    """Return a JPEG without stray bytes between its segments, and without a JFIF segment that is too short."""
    kept, at = [content[:2]], 2
    while (at := content.find(b"\xff", at)) >= 0 and at + 4 <= len(content):
        marker = content[at + 1]
        if marker in (0x00, 0xFF) or marker in ALONE:
            at += 1
            continue
        if marker in (0xD9, 0xDA):  # the end, or the coded pixels
            kept.append(content[at:])
            break
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        if marker != 0xE0 or length >= JFIF_BYTES:
            kept.append(content[at : at + 2 + length])
        at += 2 + max(length, 2)
    return b"".join(kept)


def bitfields_bmp(content: bytes) -> RawPixels:
    """Return the pixels (rows, cols, 3) uint8 of a BMP of 16 or 32 bits whose colours lie under masks of any layout."""
    start, _, cols, rows, _, bits, _ = struct.unpack_from("<IIiiHHI", content, 10)
    masks = struct.unpack_from("<III", content, 54)
    row_bytes = -(-cols * bits // 32) * 4
    if bits not in (16, 32) or cols <= 0 or start + row_bytes * abs(rows) > len(content):
        raise MicrographError("truncated: the file ends before its pixels do")
    lines = np.frombuffer(content, np.uint8, row_bytes * abs(rows), start).reshape(abs(rows), row_bytes)
    stored = np.ascontiguousarray(lines[:, : cols * bits // 8]).view(f"<u{bits // 8}").astype(np.uint64)
    colours = [_under(stored, mask) for mask in masks]
    return np.stack(colours if rows < 0 else [colour[::-1] for colour in colours], axis=2)


def _under(stored: RawPixels, mask: int) -> RawPixels:
    """Return the part of each pixel that lies under a mask, stretched to 0..255; 0 where the mask is empty."""
    lowest = mask & -mask or 1
    most = mask // lowest or 1
    return np.asarray(((stored & np.uint64(mask)) // np.uint64(lowest) * 255 + most // 2) // most, np.uint8)
