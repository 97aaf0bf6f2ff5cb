"""Lay out a JPEG or BMP anew where its own decoder stumbles over what is no pixel."""

from __future__ import annotations

import struct

import numpy as np

from gdest.core import MicrographError
from gdest.reading.page import RawPixels

JPEG_SCAN = b"\xff\xda"
MOST_SCANS = 200
"""Each scan goes over the whole picture, 2.3 ns a pixel; cameras and programs write 1 to 14. 2000 of them in 125 KB
took 75 s."""

JFIF_BYTES = 16
ALONE = (0x01, *range(0xD0, 0xD9))
"""JPEG markers without a segment of their own: TEM, the restarts and the start."""


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
