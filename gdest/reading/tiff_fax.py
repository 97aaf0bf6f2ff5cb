"""Decode the strips of fax compression (CCITT T.4), whose tag for lines coded in two dimensions is often wrong."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from tifffile import COMPRESSION

from gdest.core import MicrographError

TWO_DIMENSIONAL = 1
"""The bit of tag 292 (T4Options) that says so."""

ENOUGH_ROWS = 16
"""So many lines are not read in two dimensions by accident, of a strip of one line one in four is."""


def is_fax(key: Any) -> bool:
    """Return whether a page is compressed by T.4; T.6, and T.4's code without end-of-line codes, need no options."""
    return bool(key.compression == COMPRESSION.CCITT_T4)


def decode_fax(key: Any, content: bytes, index: int) -> tuple[NDArray[Any], tuple[int, ...]]:
    """Return a strip or tile (1, rows, cols, 1) of zeros and ones, and its place, as tifffile does.

    Lines in two dimensions prove themselves: their decoder refuses what is not of this kind, and there is no line
    behind the last one. So they are read with or without end-of-line codes, and also where the tag does not tell of
    them. Raises `MicrographError` where it does and they are not of this kind.
    """
    _, place, (_, rows, *_) = key.decode(None, index)
    cols = int(key.tilewidth if key.is_tiled else key.imagewidth)
    # some writers fill the last strip up to the height of the others
    full = int(key.tilelength if key.is_tiled else min(key.rowsperstrip, key.imagelength))
    if key.fillorder == 2:
        content = bytes(imagecodecs.bitorder_decode(content))
    options = int(key.tags.valueof(292) or 0)
    is_told = bool(options & TWO_DIMENSIONAL)
    ways = ((height, options | TWO_DIMENSIONAL) for height in (rows, full) if is_told or rows >= ENOUGH_ROWS)
    found = (_in_two_dimensions(content, height, cols, way, may_end_early=is_told) for height, way in ways)
    pixels = next((lines[:rows] for lines in found if lines is not None), None)
    if pixels is None and is_told:
        raise MicrographError("cannot decode: its fax lines (CCITT T.4) are damaged, or not of the kind that it says")
    if pixels is None:
        pixels = imagecodecs.ccittfax3_decode(content, rows, cols, t4options=options)
    return np.asarray(pixels).reshape(1, rows, cols, 1), place


def _in_two_dimensions(
    content: bytes, rows: int, cols: int, options: int, *, may_end_early: bool
) -> NDArray[Any] | None:
    """Return lines coded in two dimensions; None where they are not, or do not end where the picture does.

    Behind the last line the decoder fails at the bits that fill a byte; where there are none it adds lines of zeros,
    as it does where lines of another kind end too early.
    """
    try:
        pixels = imagecodecs.ccittfax3_decode(content, rows, cols, t4options=options).reshape(rows, cols)
    except imagecodecs.Ccittfax3Error:
        return None
    try:
        behind = imagecodecs.ccittfax3_decode(content, rows + 1, cols, t4options=options).reshape(rows + 1, cols)[rows]
    except imagecodecs.Ccittfax3Error:
        return np.asarray(pixels)
    return np.asarray(pixels) if not behind.any() and (may_end_early or pixels[-1].any()) else None
