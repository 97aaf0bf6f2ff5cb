"""Read every kind of TIFF, whole or by bands of rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import tifffile
from tifffile import COMPRESSION, PHOTOMETRIC, PLANARCONFIG

from gdest.core import MicrographError
from gdest.reading.page import Page, RawPixels
from gdest.reading.tiff_sizes import tiff_sizes

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LARGEST_SEGMENT_PX = 64_000_000
"""A strip or tile larger than this is not decoded anew for each band of rows; such a file is read in one piece."""

MOST_PAGES = 10_000
JPEG = (COMPRESSION.OJPEG, COMPRESSION.JPEG, COMPRESSION.ALT_JPEG)


def tiff_pages(stream: BinaryIO, file_bytes: int) -> Iterator[Page]:
    """Yield the pages of a TIFF, without pyramid levels, thumbnails and masks. Foreign errors are not translated."""
    # another file that an OME-XML names is a row of its own
    tiff = tifffile.TiffFile(stream, _multifile=False)
    tiff.filehandle.set_lock(True)  # else its lock is none, and bands that two threads read would mix
    for page, plane in _full_pages(tiff):
        _check_page(page, file_bytes)
        key = page.keyframe
        if plane:
            _check_plane(page, plane, file_bytes)
        in_rows = _lies_row_by_row(page) or int(np.prod(key.chunks)) <= LARGEST_SEGMENT_PX
        yield Page(
            int(key.imagelength),
            int(key.imagewidth),
            tiff_sizes(tiff, page),
            partial(_rows, page, 0, int(key.imagelength), plane) if plane else partial(_whole, page),
            partial(_rows, page, plane=plane) if in_rows else None,
            max(1, int(key.samplesperpixel) * int(key.dtype.itemsize)),
        )


def _full_pages(tiff: tifffile.TiffFile) -> Iterator[tuple[Any, int]]:
    """Yield tifffile's pages, of each series those of full resolution, each with the number of its plane.

    The number is 0 but for the planes of an ImageJ stack beyond 4 GB, which lie behind the only page that it has.
    """
    found = 0
    series: Any = tiff.series
    largest = max((one.shape[one.axes.index("Y")] if "Y" in one.axes else 0) for one in series) if series else 0
    for index, one in enumerate(series):
        if index and _is_preview(one, largest):
            continue
        for page in one.pages:
            # a frame is a page of which tifffile reads only the offsets; it is like its key frame
            if page is None or page.keyframe.is_reduced or page.keyframe.is_mask:
                continue
            found += 1
            if found > MOST_PAGES:
                raise MicrographError(f"holds more than {MOST_PAGES} pages")
            yield page, 0
            for plane in range(1, min(_planes_of(one), MOST_PAGES)):
                yield page, plane
    # of an ImageJ stack that ends early tifffile knows only the first plane
    if found == 1 and series[0].kind != "imagej" and int((tiff.imagej_metadata or {}).get("images", 1)) > 1:
        raise MicrographError("truncated: the file ends before its pixels do")


def _planes_of(series: Any) -> int:
    """Return how many planes the only page of an ImageJ series stands for; 1 for any other."""
    page = series.pages[0]
    if series.kind != "imagej" or len(series.pages) > 1 or not _lies_row_by_row(page):
        return 1
    return max(1, int(series.size) // max(1, int(np.prod(page.keyframe.shape))))


def _check_plane(page: Any, plane: int, file_bytes: int) -> None:
    if page.dataoffsets[0] + (plane + 1) * page.keyframe.nbytes > file_bytes:
        raise MicrographError("truncated: the file ends before its pixels do")


def _is_preview(series: Any, largest: int) -> bool:
    """Return whether a further series is a label, an overview or a thumbnail rather than a field of view."""
    name = series.name.lower()
    rows = series.shape[series.axes.index("Y")] if "Y" in series.axes else 0
    return any(word in name for word in ("thumb", "label", "macro", "overview", "preview")) or rows * 8 <= largest


def _check_page(page: Any, file_bytes: int) -> None:
    key = page.keyframe
    if key.dtype is None:
        raise MicrographError(f"cannot decode: its samples have {key.bitspersample} bits, of a kind that is unknown")
    if key.imagedepth > 1:
        raise MicrographError("holds a volume, not a picture")
    # tifffile fills what is missing with zeros; half an image must not be graded
    ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
    missing = len(ends) < int(np.prod(key.chunked)) or 0 in page.databytecounts
    if not ends or missing or max(ends) > file_bytes:
        raise MicrographError("truncated: the file ends before its pixels do")
    if int(np.prod(key.chunks)) > 4 * max(int(np.prod(key.shape)), LARGEST_SEGMENT_PX):
        raise MicrographError("cannot decode: its tiles are larger than the picture")


def _lies_row_by_row(page: Any) -> bool:
    """Return whether the pixels lie row after row in the file, so that any row can be found."""
    key = page.keyframe
    plain = key.compression == COMPRESSION.NONE and key.bitspersample in (8, 16, 32) and key.fillorder == 1
    return bool(plain and page.is_contiguous and key.planarconfig == PLANARCONFIG.CONTIG and key.predictor == 1)


def _whole(page: Any) -> RawPixels:
    samples = page.asarray()
    if page.keyframe.planarconfig == PLANARCONFIG.SEPARATE and samples.ndim == 3:
        samples = np.moveaxis(samples, 0, -1)
    return as_seen(page.keyframe, samples)


def _rows(page: Any, top: int, bottom: int, plane: int = 0) -> RawPixels:
    """Return some rows of raw pixels; only the strips or tiles that hold them are decoded."""
    key = page.keyframe
    if _lies_row_by_row(page):
        return as_seen(key, _stored_rows(page, top, bottom, plane))
    planes, _, rows, cols, samples = key.shaped
    band = np.empty((bottom - top, cols, planes * samples), key.dtype)
    down, across = (key.tilelength, key.tilewidth) if key.is_tiled else (min(key.rowsperstrip, rows), cols)
    per_row, per_plane = -(-cols // across), -(-cols // across) * -(-rows // down)
    tables = {"jpegtables": page.jpegtables, "jpegheader": key.jpegheader} if key.compression in JPEG else {}
    for plane in range(planes):
        for row in range(top // down, -(-bottom // down)):
            for index in range(plane * per_plane + row * per_row, plane * per_plane + (row + 1) * per_row):
                _paste_segment(page, index, top, band, plane * samples, tables)
    return as_seen(key, band if band.shape[2] > 1 else band[:, :, 0])


def _paste_segment(page: Any, index: int, band_top: int, band: RawPixels, sample: int, tables: dict[str, Any]) -> None:
    handle = page.parent.filehandle
    with handle.lock:
        handle.seek(page.dataoffsets[index])
        content = handle.read(page.databytecounts[index])
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


def as_seen(page: Any, samples: RawPixels) -> RawPixels:
    """Return raw pixels as a viewer shows them: palettes looked up, ink and min-is-white turned round."""
    kind, bits = page.photometric, page.bitspersample
    if kind == PHOTOMETRIC.PALETTE and page.colormap is not None:
        colours = (np.moveaxis(np.asarray(page.colormap), 0, -1) // 256).astype(np.uint8)
        if int(samples.max(initial=0)) >= len(colours):
            raise MicrographError("cannot decode: its palette is shorter than its pixels say")
        return colours[samples]
    if samples.dtype == np.uint8 and isinstance(bits, int) and bits < 8:
        samples = (samples.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8)
    if kind == PHOTOMETRIC.MINISWHITE:
        return np.invert(samples) if samples.dtype.kind in "bu" else -samples
    if kind == PHOTOMETRIC.SEPARATED and samples.ndim == 3 and samples.shape[2] >= 4 and samples.dtype.kind == "u":
        most = float(np.iinfo(samples.dtype).max)
        paper = (most - samples[:, :, :3].astype(np.float32)) * ((most - samples[:, :, 3:4]) / np.float32(most))
        with np.errstate(invalid="ignore"):  # 2^32 - 1 has no float32
            return np.asarray(np.round(paper).astype(samples.dtype))
    # of Y, Cb, Cr and of L, a, b the first is grey; JPEG's are RGB by now
    first_is_grey = kind == PHOTOMETRIC.CIELAB or (kind == PHOTOMETRIC.YCBCR and page.compression not in JPEG)
    # samples beyond red, green, blue and alpha, or two and more greys, are masks of the same field
    extra = samples.ndim == 3 and (samples.shape[2] > 4 or kind == PHOTOMETRIC.MINISBLACK)
    if samples.ndim == 3 and (first_is_grey or extra):
        return samples[:, :, :3] if kind == PHOTOMETRIC.RGB else samples[:, :, 0]
    return samples
