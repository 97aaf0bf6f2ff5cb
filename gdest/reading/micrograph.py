"""Turn a file into micrographs: grey pixels, a pixel size and where that came from, and what is not metal."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gdest.core import (
    NO_MEMORY,
    CalibrationSettings,
    Failed,
    GradeSettings,
    ImageFile,
    Micrograph,
    MicrographError,
    PassingError,
    PixelSizeSource,
    Regions,
    crop_for,
    fingerprint,
    heartbeat,
    now,
    page_name,
    wait_for_room,
)
from gdest.reading.decoders import decoding, of_the_system
from gdest.reading.disk_file import CPU_S_PER_BYTE, CPU_S_PER_PX, OPEN_CPU_S, PAGE_CPU_S, DiskFile
from gdest.reading.grey import GreyRange, bands, grey_8_bit, range_of_page, stretched
from gdest.reading.not_metal import CELL_PX, not_metal_within
from gdest.reading.page import ONE_PIECE_BYTES, Page, RawPixels
from gdest.reading.pixel_size import choose_pixel_size
from gdest.reading.raster import RASTER_STARTS, raster_pages
from gdest.reading.scale_bar import scale_bar_size
from gdest.reading.tiff import TIFF_STARTS, tiff_pages
from gdest.reading.vendor import READERS
from gdest.reading.vendor_pool import vendor_pages

SHOWN_PX = 1600
"""Longest side of the colour that is kept to show; whole squares of pixels are averaged, so it may be shorter."""

SMALLEST_PX = 224
"""Side of a tile: a page must hold at least one."""

REGIONS_PX = 100_000_000
"""A page larger than this is read by bands of rows, where its file allows it."""

GRADING_BYTES = 3
"""What a pixel of a page in memory takes while it is graded: itself, and what looks and drawing take for a while."""

OVERVIEW_PX = 16_000_000
"""Of a larger page every second (fourth...) pixel is searched for what is not metal, and kept for drawing."""


def read_micrograph(
    file: ImageFile, calibration: CalibrationSettings = CalibrationSettings(), max_megapixels: float = 1500.0
) -> Micrograph:
    """Return the first micrograph of a file; raise `MicrographError` with one sentence when there is none."""
    found = read_micrographs(file, GradeSettings(calibration, max_megapixels=max_megapixels))
    first = next(found)
    if isinstance(first, Failed):
        raise MicrographError(first.reason)
    if first.regions is not None:  # the file stays open as long as its regions are of use
        return replace(first, regions=replace(first.regions, source=found))
    return first


def read_micrographs(file: ImageFile, settings: GradeSettings) -> Iterator[Micrograph | Failed]:
    """Yield every micrograph of a file, at least one row: each page, scene or frame is one.

    The first keeps the file's name, the others are `name#2`, `name#3`... Pyramid levels, thumbnails and
    pages smaller than a tile are left out, as long as another is left. What cannot be decoded whole is `Failed`.
    The file is open, and its regions can be read, until the next micrograph is asked for.
    """
    sha256, number, stream = None, 0, None
    try:
        with opened(file.path) as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            file_bytes = stream.tell()
            stream.allow(OPEN_CPU_S + CPU_S_PER_BYTE * file_bytes)
            for number, page in enumerate(large_enough(pages_of_stream(stream, file.path, file_bytes)), start=1):
                named = ImageFile(file.path, page_name(file.name, number))
                found: Micrograph | Failed
                try:
                    page.check(settings.max_megapixels, file_bytes)
                    stream.allow(PAGE_CPU_S + CPU_S_PER_PX * page.size)
                    wait_for_room(page.bytes_in_bands if _in_bands(page) else page.bytes_to_decode)
                    found = _micrograph(named, page, settings, sha256)
                    stream.check()
                    if not _in_bands(page):
                        wait_for_room(page.size * GRADING_BYTES)
                except (MicrographError, MemoryError, OSError) as error:
                    found = _failed(named, error, sha256, stream)
                left_s = stream.pause()
                yield found
                del found  # else its pixels were held while the next page is decoded
                if stream.has_ended:
                    return
                stream.allow(left_s)
            stream.check()
    except (MicrographError, MemoryError, OSError) as error:
        named = ImageFile(file.path, page_name(file.name, number + 1))
        yield _failed(named, error, sha256, stream)


def _failed(
    file: ImageFile, error: MicrographError | MemoryError | OSError, sha256: str | None, stream: DiskFile | None
) -> Failed:
    """Return the row of what cannot be read; where disk or clock say more, a decoder's words stand for that."""
    error = (stream.fault() if stream else None) or error
    if isinstance(error, MemoryError):
        error = PassingError(NO_MEMORY)
    elif isinstance(error, OSError):
        error = of_the_system(error)
    return Failed(file, str(error), sha256, now(), again=isinstance(error, PassingError))


def opened(path: Path) -> DiskFile:
    """Open a regular file; a FIFO or a socket would wait for ever."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode) or not stat.S_ISREG(mode):
            raise MicrographError(f"cannot be read: {'a folder' if stat.S_ISDIR(mode) else 'not a regular file'}")
        if path.stat().st_size == 0:
            raise MicrographError("the file is empty (0 bytes)")
        return DiskFile(path)
    except OSError as error:
        raise of_the_system(error) from error
    except ValueError as error:  # a NUL in the name
        raise MicrographError(f"cannot be read: {error}") from error


def pages_of_stream(stream: BinaryIO, path: Path, file_bytes: int) -> Iterator[Page]:
    """Yield the pages of a file by its first bytes; its suffix only counts for the microscopes' own formats."""
    with decoding():
        stream.seek(0)
        start = stream.read(4)
        stream.seek(0)
        suffix, known = path.suffix.lower(), start in TIFF_STARTS or start.startswith(RASTER_STARTS)
        if suffix in READERS and (not known or suffix == ".vsi"):  # a VSI is a TIFF beside its pixels' folder
            yield from vendor_pages(path)
        elif start in TIFF_STARTS:
            yield from tiff_pages(stream, file_bytes)
        else:
            yield from raster_pages(stream)


def large_enough(pages: Iterator[Page]) -> Iterator[Page]:
    """Yield the pages that hold a tile; raise `MicrographError` when not one does."""
    small: Page | None = None
    found = False
    for page in pages:
        if min(page.rows, page.cols) >= SMALLEST_PX:
            found = True
            yield page
        small = small or page
    if not found and small is None:
        raise MicrographError("holds no picture")
    if not found and small is not None:
        least = f"at least {SMALLEST_PX}x{SMALLEST_PX} are needed"
        raise MicrographError(f"too small: {small.cols}x{small.rows} px, {least}")


def _micrograph(file: ImageFile, page: Page, settings: GradeSettings, sha256: str) -> Micrograph:
    calibration = settings.calibration
    regions: Regions | None = None
    if _in_bands(page):
        with decoding():
            grey_range = range_of_page(page)
        regions = Regions((page.rows, page.cols), partial(_read_rows, page, grey_range))
        pixels, overview, step = _overview_of(page, grey_range)
    else:
        with decoding():
            raw = page.decode()
            pixels = grey_8_bit(raw)
        step = _step(pixels.size)
        overview = _colour_or_grey(raw[::step, ::step], pixels[::step, ::step])
    rows, cols = regions.shape if regions else pixels.shape
    sizes = list(page.pixel_sizes)
    doubts_of_bar: tuple[str, ...] = ()
    if calibration.read_scale_bar or calibration.scale_bar_um is not None:
        by_bar, doubts_of_bar = scale_bar_size(overview, step, calibration.scale_bar_um)
        sizes += by_bar
    size, doubts = choose_pixel_size(file.name, calibration, sizes, rows, cols)
    if size is None or size.source == PixelSizeSource.SCALE_BAR or doubts:  # else another source confirms the bar
        doubts = (*doubts, *doubts_of_bar)
    um_per_px, source = (size.um_per_px, size.source) if size else (None, "")
    not_metal = not_metal_within(overview, step, crop_for(file.name, settings.crops))
    cells_px, alike = CELL_PX * step, fingerprint(pixels)
    return Micrograph(
        file, pixels, um_per_px, source, sha256, doubts, not_metal, cells_px, regions, alike, _shown(overview)
    )


def _in_bands(page: Page) -> bool:
    """Return whether a page is read by bands of rows, since it is large and its file allows it."""
    return page.decode_rows is not None and (page.size > REGIONS_PX or page.bytes_to_decode > ONE_PIECE_BYTES)


def _shown(overview: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Return a colour overview shrunk to at most about `SHOWN_PX`; None of a grey one, in one channel or in three."""
    if overview.ndim == 2 or not np.ptp(overview[::8, ::8], axis=2).any():
        return None
    return np.asarray(Image.fromarray(overview).reduce(-(-max(overview.shape) // SHOWN_PX)))


def _step(size: int) -> int:
    """Return the power of two by which rows and columns are thinned so that at most `OVERVIEW_PX` pixels are left."""
    step = 1
    while size > OVERVIEW_PX * step * step:
        step *= 2
    return step


def _colour_or_grey(raw: RawPixels, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 8-bit colour where the file has it, (rows, cols, 3), so that coloured bars are found; else `pixels`."""
    colour = raw.dtype == np.uint8 and raw.ndim == 3 and raw.shape[2] >= 3
    return np.asarray(raw[:, :, :3]) if colour else pixels


def _read_rows(page: Page, grey_range: GreyRange | None, top: int, bottom: int) -> NDArray[np.uint8]:
    assert page.decode_rows is not None
    with decoding():
        parts = [page.decode_rows(top + first, top + last) for first, last in bands(bottom - top, page.cols)]
        pixels = np.concatenate([stretched(part, grey_range) for part in parts])
    heartbeat()
    return pixels


def _overview_of(page: Page, grey_range: GreyRange | None) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int]:
    """Return every `step`-th pixel of a page, grey for drawing and in colour for finding marks, and the step."""
    assert page.decode_rows is not None
    step = _step(page.rows * page.cols)
    grey, colour = [], []
    for top, bottom in bands(page.rows, page.cols):
        with decoding():
            raw = page.decode_rows(top, bottom)[-top % step :: step, ::step].copy()
            grey.append(stretched(raw, grey_range))
        heartbeat()
        colour.append(_colour_or_grey(raw, grey[-1]))
    return np.concatenate(grey), np.concatenate(colour), step
