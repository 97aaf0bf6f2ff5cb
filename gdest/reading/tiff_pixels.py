"""Decode a page of a TIFF, whole or by bands of rows."""

from __future__ import annotations

from functools import partial
from typing import Any

import imagecodecs
import numpy as np
from tifffile import COMPRESSION, PLANARCONFIG

from gdest.reading.page import DecodeRows, RawPixels
from gdest.reading.raster_repair import require_few_scans
from gdest.reading.tiff_colour import JPEG, TURNED, as_seen, orientation_of, upright
from gdest.reading.tiff_fax import decode_fax, is_two_dimensional

LARGEST_SEGMENT_PX = 64_000_000
"""A strip or tile larger than this is not decoded anew for each band of rows; such a file is read in one piece."""


def whole(page: Any, plane: int) -> RawPixels:
    """Return a page's raw pixels, or those of a further plane behind it, the right way up."""
    key = page.keyframe
    if _needs_libtiff(key):
        return _by_libtiff(page)
    if plane or is_two_dimensional(key):
        return upright(_rows(page, 0, int(key.imagelength), plane), orientation_of(key))
    if key.compression in JPEG:
        _require_few_scans(page)
    samples = page.asarray()
    if key.planarconfig == PLANARCONFIG.SEPARATE and samples.ndim == 3:
        samples = np.moveaxis(samples, 0, -1)
    return upright(as_seen(key, samples), orientation_of(key))


def _require_few_scans(page: Any) -> None:
    handle = page.parent.filehandle
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        with handle.lock:
            handle.seek(offset)
            content = handle.read(count)
        require_few_scans(content)


def rows_reader(page: Any, plane: int) -> DecodeRows | None:
    """Return a function that decodes some rows of a page; None where it must be decoded whole."""
    key = page.keyframe
    in_rows = lies_row_by_row(page) or int(np.prod(key.chunks)) <= LARGEST_SEGMENT_PX
    if not in_rows or orientation_of(key) in TURNED or _needs_libtiff(key):
        return None
    return partial(_upright_rows, page, plane)


def lies_row_by_row(page: Any) -> bool:
    """Return whether the pixels lie row after row in the file, so that any row can be found."""
    key = page.keyframe
    plain = key.compression == COMPRESSION.NONE and key.bitspersample in (8, 16, 32) and key.fillorder == 1
    contiguous = page.is_contiguous and not key.is_subsampled and _lies_without_gaps(page)
    return bool(plain and contiguous and key.planarconfig == PLANARCONFIG.CONTIG and key.predictor == 1)


def _lies_without_gaps(page: Any) -> bool:
    ends = np.add(page.dataoffsets, page.databytecounts)
    return bool((ends[:-1] == page.dataoffsets[1:]).all())


def _needs_libtiff(key: Any) -> bool:
    """Return whether tifffile cannot decode a page but libtiff can: halved chroma, and JPEG of the old style."""
    return bool(key.compression == COMPRESSION.OJPEG or (key.is_subsampled and key.compression not in JPEG))


def _by_libtiff(page: Any) -> RawPixels:
    """Return colours (rows, cols, 3) uint8, the right way up."""
    handle = page.parent.filehandle
    with handle.lock:
        handle.seek(0)
        content = handle.read()
    colours = imagecodecs.tiff_decode(content, index=page.index, asrgb=True)[:, :, :3]
    orientation = orientation_of(page.keyframe)
    # libtiff has mirrored them by the first two of the number's three bits; mirrored again they lie as stored
    stored = upright(np.asarray(colours), (orientation - 1) % 4 + 1)
    return upright(stored, orientation)


def _upright_rows(page: Any, plane: int, top: int, bottom: int) -> RawPixels:
    key = page.keyframe
    if orientation_of(key) in (3, 4):  # upside down
        top, bottom = key.imagelength - bottom, key.imagelength - top
    return upright(_rows(page, top, bottom, plane), orientation_of(key))


def _rows(page: Any, top: int, bottom: int, plane: int) -> RawPixels:
    """Return some rows of raw pixels as they are stored; only the strips or tiles that hold them are decoded."""
    key = page.keyframe
    if lies_row_by_row(page):
        return as_seen(key, _stored_rows(page, top, bottom, plane))
    planes, _, rows, cols, samples = key.shaped
    band = np.empty((bottom - top, cols, planes * samples), key.dtype)
    down, across = (key.tilelength, key.tilewidth) if key.is_tiled else (min(key.rowsperstrip, rows), cols)
    per_row, per_plane = -(-cols // across), -(-cols // across) * -(-rows // down)
    tables = {"jpegtables": page.jpegtables, "jpegheader": key.jpegheader} if key.compression in JPEG else {}
    for colour in range(planes):
        for row in range(top // down, -(-bottom // down)):
            for index in range(colour * per_plane + row * per_row, colour * per_plane + (row + 1) * per_row):
                _paste_segment(page, index, top, band, colour * samples, tables)
    return as_seen(key, band if band.shape[2] > 1 else band[:, :, 0])


def _paste_segment(page: Any, index: int, band_top: int, band: RawPixels, sample: int, tables: dict[str, Any]) -> None:
    handle = page.parent.filehandle
    with handle.lock:
        handle.seek(page.dataoffsets[index])
        content = handle.read(page.databytecounts[index])
    if page.keyframe.compression in JPEG:
        require_few_scans(content)
    if is_two_dimensional(page.keyframe):
        segment, (_, _, top, left, _) = decode_fax(page.keyframe, content, index)
    else:
        segment, (_, _, top, left, _), _ = page.keyframe.decode(content, index, **tables)
    segment = segment[0]
    first, last = max(top, band_top), min(top + segment.shape[0], band_top + band.shape[0])
    width = min(segment.shape[1], band.shape[1] - left)
    target = band[first - band_top : last - band_top, left : left + width, sample : sample + segment.shape[2]]
    target[...] = segment[first - top : last - top, :width]


def _stored_rows(page: Any, top: int, bottom: int, plane: int) -> RawPixels:
    key, handle = page.keyframe, page.parent.filehandle
    stored = np.dtype(page.parent.byteorder + key.dtype.char)
    row = int(np.prod(key.shape[1:]))
    with handle.lock:
        handle.seek(page.dataoffsets[0] + plane * key.nbytes + top * row * stored.itemsize)
        content = handle.read((bottom - top) * row * stored.itemsize)
    return np.frombuffer(content, stored).reshape(bottom - top, *key.shape[1:]).astype(key.dtype, copy=False)
