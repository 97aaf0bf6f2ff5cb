"""Lay a TIFF out tag by tag, for kinds that no writer at hand makes."""

from __future__ import annotations

import io
import re
import struct

import tifffile
from PIL import Image

END_OF_LINE = "000000000001"

COUNTS, STARTS = 279, 273


def tiff_bytes(tags, strips, *, is_at_end=False, ends=b"\0\0\0\0"):
    """Return a little-endian TIFF of one page.

    `tags` map a code to (type, value): a number, or bytes of that type. Strips lie one behind the other; where they
    are is added, how long they are only where tag 279 is (4, None). `is_at_end` puts the table behind the pixels,
    followed by `ends`, the place of a next page.
    """
    tags = {**tags, STARTS: (4, None)}
    table = 2 + 12 * len(tags) + len(ends)
    tail_at = 8 + (sum(map(len, strips)) if is_at_end else 0) + table
    values = {}
    tail = b""
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1, 12: 8}

    def packed(code, kind, value, pixels_at):
        nonlocal tail
        if value is None:
            starts = [pixels_at + sum(map(len, strips[:index])) for index in range(len(strips))]
            numbers = starts if code == STARTS else [len(strip) for strip in strips]
            value = struct.pack(f"<{len(numbers)}I", *numbers)
        if not isinstance(value, bytes):
            return 1, struct.pack("<I", value)
        if len(value) <= 4:
            return len(value) // sizes[kind], value.ljust(4, b"\0")
        at, tail = tail_at + len(tail), tail + value + b"\0" * (len(value) % 2)
        return len(value) // sizes[kind], struct.pack("<I", at)

    # once to learn how long the tail is, and again with the place of the pixels behind it
    for _ in range(2):
        pixels_at = 8 if is_at_end else tail_at + len(tail)
        tail = b""
        values = {code: (kind, *packed(code, kind, value, pixels_at)) for code, (kind, value) in sorted(tags.items())}
    rows = b"".join(struct.pack("<HHI", code, kind, count) + value for code, (kind, count, value) in values.items())
    directory = struct.pack("<H", len(values)) + rows + ends
    pixels = b"".join(strips)
    start = b"II*\0" + struct.pack("<I", 8 + len(pixels) if is_at_end else 8)
    return start + (pixels + directory + tail if is_at_end else directory + tail + pixels)


def plain_tags(pixels, **changes):
    """Return the tags of uncompressed 8-bit grey pixels (rows, cols) in one strip; changes are `t259=(3, 5)`."""
    rows, cols = pixels.shape[:2]
    tags = {256: (4, cols), 257: (4, rows), 258: (3, 8), 259: (3, 1), 262: (3, 1), 277: (3, 1), 278: (4, rows)}
    return {**tags, COUNTS: (4, None), **{int(code[1:]): value for code, value in changes.items()}}


def fax_lines(black_and_white, options):
    """Return the lines of a picture (rows, cols) of bool as bits of T.4 by libtiff, without end-of-line codes.

    With option 1 each begins with its tag bit: 1 for a line by itself, 0 for one that follows from the line before.
    """
    saved = io.BytesIO()
    tags = {292: options, 278: len(black_and_white)}
    Image.fromarray(black_and_white).save(saved, format="TIFF", compression="group3", tiffinfo=tags)
    content = saved.getvalue()
    page = tifffile.TiffFile(io.BytesIO(content)).pages[0]
    (start,), (count,) = page.dataoffsets, page.databytecounts
    bits = "".join(f"{byte:08b}" for byte in content[start : start + count])
    return re.split("0{11}1", bits)[1 : 1 + len(black_and_white)]


def packed_bits(bits):
    """Return a text of zeros and ones as bytes, filled up with zeros."""
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
