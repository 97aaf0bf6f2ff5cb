"""Turn a file into micrographs: grey pixels, a pixel size and where that came from, and what is no metal."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gdest.core import (
    CalibrationSettings,
    Failed,
    GradeSettings,
    ImageFile,
    Micrograph,
    MicrographError,
    PixelSize,
    Regions,
    alive,
    now,
    page_name,
)
from gdest.reading.grey import Window, bands, check_shape, grey_8_bit, in_window, window_of
from gdest.reading.guarded import vendor_pictures
from gdest.reading.not_metal import CELL_PX, find_not_metal
from gdest.reading.picture import Picture, Samples, decoding
from gdest.reading.pixel_size import choose
from gdest.reading.raster import RASTER_STARTS, raster_pictures
from gdest.reading.scale_bar import scale_bar_size
from gdest.reading.tiff import STARTS, tiff_pictures
from gdest.reading.vendor import READERS

__all__ = ["SMALLEST_PX", "grey_8_bit", "read_micrograph", "read_micrographs"]

SMALLEST_PX = 224
REGIONS_PX = 100_000_000
"""A picture larger than this is read region by region, where its file allows it."""

LOOK_PX = 16_000_000
"""Of a larger picture every second (fourth...) pixel is looked at for what is no metal, and kept for drawing."""


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
    """
    sha256, number = None, 0
    try:
        with _opened(file.path) as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            file_bytes = stream.tell()
            for number, picture in enumerate(_large_enough(_pictures(stream, file.path, file_bytes)), start=1):
                page = ImageFile(file.path, page_name(file.name, number))
                try:
                    picture.check_size(settings.max_megapixels, file_bytes)
                    yield _micrograph(page, picture, settings.calibration, sha256)
                except MicrographError as error:
                    yield Failed(page, str(error), sha256, now())
    except MicrographError as error:
        page = ImageFile(file.path, page_name(file.name, number + 1))
        yield Failed(page, str(error), sha256, now())


def _opened(path: Path) -> BufferedReader:
    """Open a regular file; a FIFO or a socket would wait for ever."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode) or not stat.S_ISREG(mode):
            raise MicrographError(f"cannot be read: {'a folder' if stat.S_ISDIR(mode) else 'not a regular file'}")
        if path.stat().st_size == 0:
            raise MicrographError("the file is empty (0 bytes)")
        return open(path, "rb")
    except OSError as error:
        raise MicrographError(f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the name
        raise MicrographError(f"cannot be read: {error}") from error


def _pictures(stream: BinaryIO, path: Path, file_bytes: int) -> Iterator[Picture]:
    with decoding():
        stream.seek(0)
        start = stream.read(4)
        stream.seek(0)
        suffix, known = path.suffix.lower(), start in STARTS or start.startswith(RASTER_STARTS)
        if suffix in READERS and (not known or suffix == ".vsi"):  # a VSI is a TIFF beside its pixels' folder
            yield from vendor_pictures(path)
        elif start in STARTS:
            yield from tiff_pictures(stream, file_bytes)
        else:
            yield from raster_pictures(stream)


def _large_enough(pictures: Iterator[Picture]) -> Iterator[Picture]:
    """Yield the pictures that hold a tile; raise `MicrographError` when not one does."""
    small: Picture | None = None
    found = False
    for picture in pictures:
        if min(picture.rows, picture.cols) >= SMALLEST_PX:
            found = True
            yield picture
        small = small or picture
    if not found and small is None:
        raise MicrographError("holds no picture")
    if not found and small is not None:
        least = f"at least {SMALLEST_PX}x{SMALLEST_PX} are needed"
        raise MicrographError(f"too small: {small.cols}x{small.rows} px, {least}")


def _micrograph(file: ImageFile, picture: Picture, calibration: CalibrationSettings, sha256: str) -> Micrograph:
    in_parts = picture.band is not None and picture.rows * picture.cols > REGIONS_PX
    regions: Regions | None = None
    if in_parts:
        with decoding():
            window = window_of(picture)
        regions = Regions((picture.rows, picture.cols), partial(_read_rows, picture, window))
        pixels, look, step = _overview(picture, window, regions.shape)
    else:
        with decoding():
            samples = picture.decode()
        check_shape(samples)
        pixels = grey_8_bit(samples)
        step = _step(pixels.size)
        look = _colour_look(samples[::step, ::step], pixels[::step, ::step])
    rows, cols = regions.shape if regions else pixels.shape
    told: list[PixelSize] = list(picture.sizes)
    if calibration.read_scale_bar or calibration.scale_bar_um is not None:
        told += scale_bar_size(look, step, calibration.scale_bar_um)
    size, doubts = choose(file.name, calibration, told, rows, cols)
    um_per_px, source = (size.um_per_px, size.source) if size else (None, "")
    not_metal = find_not_metal(look)
    return Micrograph(file, pixels, um_per_px, source, sha256, doubts, not_metal, CELL_PX * step, regions)


def _step(size: int) -> int:
    """Return the power of two by which rows and columns are thinned so that at most `LOOK_PX` pixels are left."""
    step = 1
    while size > LOOK_PX * step * step:
        step *= 2
    return step


def _colour_look(samples: Samples, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 8-bit colour where the file has it, (rows, cols, 3), else the grey pixels: coloured bars are found."""
    colour = samples.dtype == np.uint8 and samples.ndim == 3 and samples.shape[2] >= 3
    return np.asarray(samples[:, :, :3]) if colour else pixels


def _read_rows(picture: Picture, window: Window | None, top: int, bottom: int) -> NDArray[np.uint8]:
    assert picture.band is not None
    with decoding():
        parts = [picture.band(top + first, top + last) for first, last in bands(bottom - top, picture.cols)]
    alive()
    return np.concatenate([in_window(part, window) for part in parts])


def _overview(
    picture: Picture, window: Window | None, shape: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int]:
    """Return grey pixels for drawing and colour for finding marks, both thinned, and by how much."""
    assert picture.band is not None
    rows, cols = shape
    step = _step(rows * cols)
    grey, look = [], []
    for top, bottom in bands(rows, cols):
        with decoding():
            samples = picture.band(top, bottom)[-top % step :: step, ::step].copy()
        alive()
        grey.append(in_window(samples, window))
        look.append(_colour_look(samples, grey[-1]))
    return np.concatenate(grey), np.concatenate(look), step
