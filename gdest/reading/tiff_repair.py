"""Read what is whole in a TIFF whose own tables say otherwise: byte counts that are wrong, a last table cut short."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import numpy as np
from tifffile import COMPRESSION

ENDS_ITSELF = (
    COMPRESSION.LZW, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE, COMPRESSION.PACKBITS, COMPRESSION.LZMA,
    COMPRESSION.ZSTD,
)  # fmt: skip
"""Codecs of which too many bytes do no harm and too few are noticed, so that a wrong byte count can be left aside."""


class EndsInZeros(io.RawIOBase):
    """Read a stream as if a few zeros followed it.

    Some writers leave out the last four (or eight) bytes of a TIFF, which say that no further page follows. Read as
    it is, the table before them is taken for the place of a page.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._size, self._at = stream, size, 0
        self._whole = size + (8 if _is_big(stream) else 4)

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte to read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, from the start, from here or from the end behind the zeros; return it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._whole}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from here on; return how many bytes of it are filled, fewer only at the end."""
        view = memoryview(buffer).cast("B")
        self._stream.seek(min(self._at, self._size))
        found = 0
        while found < len(view) and (more := self._stream.readinto(view[found:])):  # type: ignore[attr-defined]
            found += more
        zeros = max(0, min(len(view), self._whole - self._at) - found)
        view[found : found + zeros] = bytes(zeros)
        self._at += found + zeros
        return found + zeros


def _is_big(stream: BinaryIO) -> bool:
    stream.seek(0)
    return stream.read(4) in (b"II+\0", b"MM\0+")


def table_is_whole(page: Any, file_bytes: int) -> bool:
    """Return whether the file ends behind the last tag of a page's table, but for the place of the next page."""
    tiff, handle = page.parent.tiff, page.parent.filehandle
    if page.offset is None:  # a plane without a table of its own
        return True
    with handle.lock:
        handle.seek(page.offset)
        tags = int.from_bytes(handle.read(tiff.tagnosize), "little" if tiff.byteorder == "<" else "big")
    return bool(page.offset + tiff.tagnosize + tags * tiff.tagsize <= file_bytes)


def mend_byte_counts(page: Any, file_bytes: int) -> None:
    """Replace byte counts of a page that are 0, too large, or too small for pixels that are all there.

    How long uncompressed segments are follows from their shape. Compressed ones are read up to the next thing in the
    file. What cannot be mended stays as it is, to be refused.
    """
    key, counts = page.keyframe, list(page.databytecounts)
    if len(counts) != len(page.dataoffsets) or len(counts) != int(np.prod(key.chunked)):
        return
    needs = plain_bytes(key)
    starts = sorted({*page.dataoffsets, page.offset or 0, file_bytes})
    for index, (offset, count) in enumerate(zip(page.dataoffsets, counts, strict=True)):
        following = next((start for start in starts if start > offset), offset)
        is_wrong = count == 0 or offset + count > file_bytes
        if not offset:
            continue
        if needs and (is_wrong or count < needs[index]) and offset + needs[index] <= following:
            counts[index] = needs[index]
        elif is_wrong and key.compression in ENDS_ITSELF:
            counts[index] = following - offset
    page.databytecounts = tuple(counts)


def plain_bytes(key: Any) -> list[int] | None:
    """Return how many bytes each strip or tile has; None where it is compressed or its samples are not all alike."""
    is_plain = key.compression == COMPRESSION.NONE and not key.is_subsampled and key.imagedepth <= 1
    if not is_plain or not isinstance(key.bitspersample, int):
        return None
    planes, _, rows, cols, samples = key.shaped
    down, across = (key.tilelength, key.tilewidth) if key.is_tiled else (min(key.rowsperstrip, rows), cols)
    row_bytes = -(-across * samples * key.bitspersample // 8)
    if key.is_tiled:
        return [down * row_bytes] * int(np.prod(key.chunked))
    return [min(down, rows - top) * row_bytes for _ in range(planes) for top in range(0, rows, down)]
