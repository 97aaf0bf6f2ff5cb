"""Read every kind of TIFF, whole or by bands of rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO, cast

import numpy as np
import tifffile
from tifffile import PHOTOMETRIC

from gdest.reading.page import Page
from gdest.reading.tiff_fields import fields_of_view
from gdest.reading.tiff_ome import promises_too_much
from gdest.reading.tiff_pixels import LARGEST_SEGMENT_PX, lies_row_by_row, rows_reader, whole
from gdest.reading.tiff_repair import EndsInZeros, mend_byte_counts, plain_bytes, table_is_whole
from gdest.reading.tiff_sizes import tiff_sizes

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
TRUNCATED = "truncated: the file ends before its pixels do"


def tiff_pages(stream: BinaryIO, file_bytes: int) -> Iterator[Page]:
    """Yield the pages of a TIFF that are fields of view, in the order of the file.

    Foreign errors are not translated.
    """
    # another file that an OME-XML names is a row of its own
    whole_stream = cast(BinaryIO, EndsInZeros(stream, file_bytes))
    tiff = tifffile.TiffFile(whole_stream, _multifile=False)
    if promises_too_much(tiff):
        whole_stream.seek(0)
        tiff = tifffile.TiffFile(whole_stream, _multifile=False, is_ome=False)
    tiff.filehandle.set_lock(True)  # else its lock is none, and bands that two threads read would mix
    for page, plane in fields_of_view(tiff):
        key = page.keyframe
        mend_byte_counts(page, file_bytes)
        refusal = _refusal(page, plane, file_bytes)
        yield Page(
            int(key.imagelength),
            int(key.imagewidth),
            tiff_sizes(tiff, page),
            partial(whole, page, plane),
            None if refusal else rows_reader(page, plane),
            0 if refusal else _pixel_bytes(key),
            refusal,
        )


def _pixel_bytes(key: Any) -> float:
    """Return the bytes of a pixel in the file before it was packed: an eighth for one bit."""
    bits = key.bitspersample if isinstance(key.bitspersample, int) else 8 * int(key.dtype.itemsize)
    return float(key.samplesperpixel * (bits if bits < 8 else 8 * int(key.dtype.itemsize)) / 8)


def _refusal(page: Any, plane: int, file_bytes: int) -> str:
    """Return why a page cannot be read, or the empty text."""
    key = page.keyframe
    if key.dtype is None:
        return f"cannot decode: its samples have {key.bitspersample} bits, of a kind that is unknown"
    if key.imagedepth > 1:
        return "holds a volume, not a picture"
    if key.photometric == PHOTOMETRIC.CFA:
        return "holds a camera's raw mosaic; save it as grey or colour"
    if plane and not lies_row_by_row(page):
        return "is a further plane of a compressed stack; save it as a file of its own"
    # tifffile fills what is missing with zeros; half an image must not be graded
    if not table_is_whole(page, file_bytes) or not _holds_all_pixels(page, plane, file_bytes):
        return TRUNCATED
    if int(np.prod(key.chunks)) > 4 * max(int(np.prod(key.shape)), LARGEST_SEGMENT_PX):
        return "cannot decode: its tiles are larger than the picture"
    return ""


def _holds_all_pixels(page: Any, plane: int, file_bytes: int) -> bool:
    offsets, counts = page.dataoffsets, page.databytecounts
    if not offsets or len(offsets) != len(counts) or len(counts) < int(np.prod(page.keyframe.chunked)) or 0 in counts:
        return False
    needs = plain_bytes(page.keyframe)
    if needs and any(count < need for count, need in zip(counts, needs, strict=False)):
        return False
    if plane and offsets[0] + (plane + 1) * page.keyframe.nbytes > file_bytes:
        return False
    return bool(max(offset + count for offset, count in zip(offsets, counts, strict=True)) <= file_bytes)
