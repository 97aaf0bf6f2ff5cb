"""Turn pixels of any number type, grey or colour, into grey pixels of 8 bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gdest.core import MicrographError
from gdest.reading.page import Page, RawPixels

RANGE_PERCENT = (0.1, 99.9)
"""Data of more than 8 bits are stretched between these percentiles, so that dark ones stay visible."""

RANGE_PX = 4_000_000
"""Of a larger page the percentiles are those of evenly spaced rows, about this many pixels."""

BAND_PX = 4_000_000
"""Pixels that are decoded or converted at once."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""The weights of red, green and blue in grey, ITU-R BT.601."""

GreyRange = tuple[float, float]
"""The two grey values that become 0 and 255."""


def grey_8_bit(raw: RawPixels) -> NDArray[np.uint8]:
    """Return grey pixels (rows, cols) uint8 from raw pixels (rows, cols[, 1..4]) of any number type.

    Colour is weighted as ITU-R 601 does, alpha is dropped. 8-bit data stay as they are; others are
    stretched between their 0.1 and 99.9 percentiles.
    """
    rows, cols = raw.shape[:2] if raw.ndim > 1 else (0, 0)
    check_shape(raw)
    limits = percentile_range(raw[:: row_step(rows, cols)])
    grey = np.empty((rows, cols), np.uint8)
    for top, bottom in bands(rows, cols):
        grey[top:bottom] = stretched(raw[top:bottom], limits)
    return grey


def check_shape(raw: RawPixels) -> None:
    """Raise `MicrographError` unless the raw pixels are numbers of one grey or colour page."""
    if raw.ndim not in (2, 3) or (raw.ndim == 3 and raw.shape[2] > 4) or not raw.size:
        raise MicrographError(f"cannot be read as one grey or colour image: its shape is {raw.shape}")
    if raw.dtype.kind not in "buif":
        raise MicrographError(f"cannot be read as grey or colour: its pixels are of the kind {raw.dtype}")


def row_step(rows: int, cols: int) -> int:
    """Return the step between the rows from which the percentiles are taken."""
    return max(1, rows * cols // RANGE_PX)


def bands(rows: int, cols: int) -> Iterator[tuple[int, int]]:
    """Yield (top, bottom) of bands that hold about `BAND_PX` pixels each."""
    height = max(1, BAND_PX // max(cols, 1))
    for top in range(0, rows, height):
        yield top, min(top + height, rows)


def range_of_page(page: Page) -> GreyRange | None:
    """Return the grey range of a page that is read by bands of rows; it equals that of the whole page."""
    assert page.decode_rows is not None
    step, kept = row_step(page.rows, page.cols), []
    for top, bottom in bands(page.rows, page.cols):
        band = page.decode_rows(top, bottom)
        check_shape(band)
        if _is_8_bit(band):
            return None
        kept.append(band[-top % step :: step])
    return percentile_range(np.concatenate(kept))


def percentile_range(raw: RawPixels) -> GreyRange | None:
    """Return the grey range between which raw pixels are stretched; None for 8 bits, which stay as they are."""
    if _is_8_bit(raw):
        return None
    grey = _grey(raw)
    if not np.isfinite(grey).all():
        raise MicrographError("its pixels hold values that are not numbers")
    low, high = np.percentile(grey, RANGE_PERCENT)
    return float(low), float(high)


def stretched(raw: RawPixels, limits: GreyRange | None) -> NDArray[np.uint8]:
    """Return raw pixels as grey ones (rows, cols), uint8, by the range that `percentile_range` chose."""
    if raw.dtype == np.bool_:
        raw = raw.astype(np.uint8) * np.uint8(255)
    grey = _grey(raw)
    if limits is None:
        return np.round(grey).astype(np.uint8)
    if not np.isfinite(grey).all():
        raise MicrographError("its pixels hold values that are not numbers")
    share = (grey - limits[0]) / max(limits[1] - limits[0], 1e-12)
    return np.asarray(np.round(np.clip(share, 0.0, 1.0) * 255), np.uint8)


def _is_8_bit(raw: RawPixels) -> bool:
    return raw.dtype in (np.uint8, np.bool_)


def _grey(raw: RawPixels) -> RawPixels:
    if raw.ndim == 2:
        return raw
    if raw.shape[2] < 3:
        return raw[:, :, 0]
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is refused
        return np.asarray(raw[:, :, :3].astype(np.float32) @ LUMA)
