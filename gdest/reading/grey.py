"""Turn samples of any kind into grey pixels of 8 bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gdest.core import MicrographError
from gdest.reading.picture import Picture, Samples

WINDOW_PERCENT = (0.1, 99.9)
"""Data of more than 8 bits are stretched between these percentiles, so that dark ones stay visible."""

WINDOW_PX = 4_000_000
"""Of a larger picture the percentiles are those of evenly spaced rows, about this many pixels."""

BAND_PX = 4_000_000
"""Pixels that are decoded or converted at once."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R 601."""

Window = tuple[float, float]


def grey_8_bit(samples: Samples) -> NDArray[np.uint8]:
    """Return grey pixels (rows, cols) uint8 from samples (rows, cols[, 1..4]) of any number type.

    Colour is weighted as ITU-R 601 does, alpha is dropped. 8-bit data stay as they are; others are
    stretched between their 0.1 and 99.9 percentiles.
    """
    rows, cols = samples.shape[:2] if samples.ndim > 1 else (0, 0)
    check_shape(samples)
    window = percentile_window(samples[:: row_step(rows, cols)])
    grey = np.empty((rows, cols), np.uint8)
    for top, bottom in bands(rows, cols):
        grey[top:bottom] = in_window(samples[top:bottom], window)
    return grey


def check_shape(samples: Samples) -> None:
    """Raise `MicrographError` unless the samples are one grey or colour picture of numbers."""
    if samples.ndim not in (2, 3) or (samples.ndim == 3 and samples.shape[2] > 4) or not samples.size:
        raise MicrographError(f"cannot be read as one grey or colour image: its shape is {samples.shape}")
    if samples.dtype.kind not in "buif":
        raise MicrographError(f"cannot be read as grey or colour: its pixels are of the kind {samples.dtype}")


def row_step(rows: int, cols: int) -> int:
    """Return the distance of the rows that say where the percentiles lie."""
    return max(1, rows * cols // WINDOW_PX)


def bands(rows: int, cols: int) -> Iterator[tuple[int, int]]:
    """Yield (top, bottom) of bands that hold about `BAND_PX` pixels each."""
    height = max(1, BAND_PX // max(cols, 1))
    for top in range(0, rows, height):
        yield top, min(top + height, rows)


def window_of(picture: Picture) -> Window | None:
    """Return the window of a picture that is read by bands, the same as that of its samples in one piece."""
    assert picture.band is not None
    step, kept = row_step(picture.rows, picture.cols), []
    for top, bottom in bands(picture.rows, picture.cols):
        band = picture.band(top, bottom)
        check_shape(band)
        if _is_8_bit(band):
            return None
        kept.append(band[-top % step :: step])
    return percentile_window(np.concatenate(kept))


def percentile_window(samples: Samples) -> Window | None:
    """Return the two grey values between which samples are stretched; None for 8 bits, which stay as they are."""
    if _is_8_bit(samples):
        return None
    grey = _grey(samples)
    if not np.isfinite(grey).all():
        raise MicrographError("its pixels hold values that are not numbers")
    low, high = np.percentile(grey, WINDOW_PERCENT)
    return float(low), float(high)


def in_window(samples: Samples, window: Window | None) -> NDArray[np.uint8]:
    """Return samples as grey pixels (rows, cols), uint8, by a window that `percentile_window` chose."""
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8) * np.uint8(255)
    grey = _grey(samples)
    if window is None:
        return np.round(grey).astype(np.uint8)
    if not np.isfinite(grey).all():
        raise MicrographError("its pixels hold values that are not numbers")
    stretched = (grey - window[0]) / max(window[1] - window[0], 1e-12)
    return np.asarray(np.round(np.clip(stretched, 0.0, 1.0) * 255), np.uint8)


def _is_8_bit(samples: Samples) -> bool:
    return samples.dtype in (np.uint8, np.bool_)


def _grey(samples: Samples) -> Samples:
    if samples.ndim == 2:
        return samples
    if samples.shape[2] < 3:
        return samples[:, :, 0]
    return np.asarray(samples[:, :, :3].astype(np.float32) @ LUMA)
