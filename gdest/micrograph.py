"""Turn a file into a micrograph: grey pixels, a pixel size, and where that came from."""

from __future__ import annotations

import hashlib
import io
import logging
import warnings
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from gdest.errors import MicrographError
from gdest.records import ImageFile, Micrograph
from gdest.settings import CalibrationSettings

SMALLEST_PX = 224
FIELD_UM = (20.0, 50_000.0)
"""The width of a field of view that a light microscope or a stitched scan can have."""

SCREEN_AND_PRINTER_DPI = (72.0, 96.0, 150.0, 300.0, 600.0)
UM_PER_UNIT = {2: 25_400.0, 3: 10_000.0}
"""um per TIFF resolution unit: 2 is inch, 3 is centimetre; 1, no unit, says nothing."""

WINDOW_PERCENT = (0.1, 99.9)
"""Data of more than 8 bits are stretched between these percentiles, so that dark ones stay visible."""

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# a damaged file is one row of the report; tifffile's log of how exactly it is damaged is noise
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def read_micrograph(
    file: ImageFile, calibration: CalibrationSettings = CalibrationSettings(), max_megapixels: float = 400.0
) -> Micrograph:
    """Read TIFF, PNG, JPEG or BMP, 8 or 16 bit, grey, colour or palette, with or without alpha.

    Of a file with several pages the first is read. Raises `MicrographError` with one clear
    sentence for whatever cannot be decoded whole or is smaller than one tile.
    """
    try:
        content = file.path.read_bytes()
    except OSError as error:
        raise MicrographError(f"cannot be read: {error.strerror or error}") from error
    if not content:
        raise MicrographError("the file is empty (0 bytes)")
    decoded, um_per_px = _decode(content, max_megapixels)
    pixels = grey_8_bit(decoded)
    rows, cols = pixels.shape
    if min(rows, cols) < SMALLEST_PX:
        raise MicrographError(f"too small: {cols}x{rows} px, at least {SMALLEST_PX}x{SMALLEST_PX} are needed")
    stated = calibration.stated_um_per_px
    if stated is not None:
        _check_stated_field(stated, rows, cols)
    source = "command-line" if stated is not None else "tiff-resolution"
    um_per_px = stated if stated is not None else _plausible(um_per_px, rows, cols)
    sha256 = hashlib.sha256(content).hexdigest()
    return Micrograph(file, pixels, um_per_px, source if um_per_px is not None else "", sha256)


def _decode(content: bytes, max_megapixels: float) -> tuple[NDArray[Any], float | None]:
    """Return the samples as stored, (rows, cols) or (rows, cols, samples), and the TIFF's pixel size."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if content.startswith(TIFF_STARTS):
                return _decode_tiff(content, max_megapixels)
            return _decode_with_pillow(content, max_megapixels), None
    except MicrographError:
        raise
    except MemoryError as error:
        raise MicrographError("too large for the memory of this machine") from error
    except Exception as error:  # decoders raise anything
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        what = "not an image format that gdest reads" if "cannot identify image" in what else what
        raise MicrographError(f"cannot decode: {what}") from error


def _check_size(cols: int, rows: int, max_megapixels: float) -> None:
    if rows * cols > max_megapixels * 1e6:
        raise MicrographError(f"too large: {cols}x{rows} px, the limit is {max_megapixels:g} megapixels")


def _decode_tiff(content: bytes, max_megapixels: float) -> tuple[NDArray[Any], float | None]:
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        page = tiff.pages.first
        _check_size(page.imagewidth, page.imagelength, max_megapixels)
        # tifffile fills what is missing with zeros; half an image must not be graded
        ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if not ends or max(ends) > len(content):
            raise MicrographError("truncated: the file ends before its pixels do")
        samples = page.asarray()
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
            samples = (np.moveaxis(np.asarray(page.colormap), 0, -1) // 256).astype(np.uint8)[samples]
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            samples = np.invert(samples) if samples.dtype.kind in "bu" else -samples
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and samples.ndim == 3:
            samples = np.moveaxis(samples, 0, -1)
        return samples, _tiff_um_per_px(page)


def _tiff_um_per_px(page: tifffile.TiffPage) -> float | None:
    """Return the pixel size of the resolution tags, None where they are absent, odd or a default."""
    sizes = []
    unit = page.tags.get("ResolutionUnit")
    for name in ("XResolution", "YResolution"):
        tag = page.tags.get(name)
        if tag is None or unit is None or int(unit.value) not in UM_PER_UNIT:
            return None
        numerator, denominator = tag.value
        if not numerator or not denominator:
            return None
        sizes.append(UM_PER_UNIT[int(unit.value)] * denominator / numerator)
    dpi = 25_400.0 / sizes[0]
    square = abs(sizes[0] - sizes[1]) <= 0.01 * sizes[0]
    default = any(abs(dpi - screen) < 0.6 for screen in SCREEN_AND_PRINTER_DPI)
    return sizes[0] if square and not default else None


def _plausible(um_per_px: float | None, rows: int, cols: int) -> float | None:
    """Return a file's own pixel size only if the field it makes can be a micrograph's."""
    if um_per_px is None:
        return None
    return um_per_px if FIELD_UM[0] <= um_per_px * max(rows, cols) <= FIELD_UM[1] else None


def _check_stated_field(um_per_px: float, rows: int, cols: int) -> None:
    field = um_per_px * max(rows, cols)
    if not FIELD_UM[0] <= field <= FIELD_UM[1]:
        raise MicrographError(
            f"the stated {um_per_px:g} um/px makes the field {field:g} um wide; "
            f"{FIELD_UM[0]:g}..{FIELD_UM[1]:g} um is plausible"
        )


def _decode_with_pillow(content: bytes, max_megapixels: float) -> NDArray[Any]:
    with Image.open(io.BytesIO(content)) as opened:
        _check_size(opened.width, opened.height, max_megapixels)
        opened.load()
        image = ImageOps.exif_transpose(opened)
        if image.mode in ("P", "CMYK", "YCbCr", "LAB", "HSV", "PA"):
            image = image.convert("RGB")
        return np.asarray(image)


def grey_8_bit(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Return grey pixels (rows, cols) uint8 from samples (rows, cols[, 1..4]) of any number type.

    Colour is weighted as ITU-R 601 does, alpha is dropped. 8-bit data stay as they are; others are
    stretched between their 0.1 and 99.9 percentiles.
    """
    if samples.ndim not in (2, 3) or (samples.ndim == 3 and samples.shape[2] > 4):
        raise MicrographError(f"cannot be read as one grey or colour image: its shape is {samples.shape}")
    eight_bit = samples.dtype == np.uint8
    if samples.dtype == np.bool_:
        samples, eight_bit = samples.astype(np.uint8) * np.uint8(255), True
    grey = _grey(samples)
    if eight_bit:
        return np.round(grey).astype(np.uint8)
    if not np.isfinite(grey).all():
        raise MicrographError("its pixels hold values that are not numbers")
    low, high = np.percentile(grey, WINDOW_PERCENT)
    stretched = (grey - low) / max(float(high - low), 1e-12)
    return np.asarray(np.round(np.clip(stretched, 0.0, 1.0) * 255), np.uint8)


def _grey(samples: NDArray[Any]) -> NDArray[Any]:
    if samples.ndim == 2:
        return samples
    if samples.shape[2] < 3:
        return samples[:, :, 0]
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    return np.asarray(samples[:, :, :3].astype(np.float32) @ weights)
