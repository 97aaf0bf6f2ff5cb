"""Decode fax lines coded in two dimensions (CCITT T.4), and notice where they are not."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from tifffile import COMPRESSION

from gdest.core import MicrographError

TWO_DIMENSIONAL = 1
"""The bit of tag 292 (T4Options) that says so."""


def is_two_dimensional(key: Any) -> bool:
    """Return whether a page says that it is compressed by T.4 with lines that follow from the line before."""
    options = key.tags.valueof(292)
    return bool(key.compression == COMPRESSION.CCITT_T4 and isinstance(options, int) and options & TWO_DIMENSIONAL)


def decode_fax(key: Any, content: bytes, index: int) -> tuple[NDArray[Any], tuple[int, ...]]:
    """Return a strip or tile (1, rows, cols, 1) of zeros and ones, and its place, as tifffile does.

    Such lines prove themselves, with end-of-line codes or without: their decoder refuses most of what is not of this
    kind, and there is no line behind the last one. Raises `MicrographError` where they do not.
    """
    _, place, (_, rows, *_) = key.decode(None, index)
    cols = int(key.tilewidth if key.is_tiled else key.imagewidth)
    # some writers fill the last strip up to the height of the others
    full = int(key.tilelength if key.is_tiled else min(key.rowsperstrip, key.imagelength))
    if key.fillorder == 2:
        content = bytes(imagecodecs.bitorder_decode(content))
    found = (_in_two_dimensions(content, height, cols, key.tags.valueof(292)) for height in (rows, full))
    lines = next((lines[:rows] for lines in found if lines is not None), None)
    if lines is None:
        raise MicrographError("cannot decode: its fax lines (CCITT T.4) are damaged, or not of the kind that it says")
    return lines.reshape(1, rows, cols, 1), place


def _in_two_dimensions(content: bytes, rows: int, cols: int, options: int) -> NDArray[Any] | None:
    """Return lines coded in two dimensions; None where they are not, or do not end where the picture does.

    Behind the last line the decoder fails at the bits that fill a byte; where there are none it adds lines of zeros.
    """
    try:
        lines = imagecodecs.ccittfax3_decode(content, rows, cols, t4options=options).reshape(rows, cols)
    except imagecodecs.Ccittfax3Error:
        return None
    try:
        behind = imagecodecs.ccittfax3_decode(content, rows + 1, cols, t4options=options).reshape(rows + 1, cols)[rows]
    except imagecodecs.Ccittfax3Error:
        return np.asarray(lines)
    return None if behind.any() else np.asarray(lines)
