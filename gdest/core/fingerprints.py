"""Tell pictures of one field from pictures of two, whatever the format that they were saved in.

A fingerprint is the difference of grey between two small windows, side by side, at 64 points of the picture. Light
that falls off, mounting and banners, which fields share, hardly show in it, the grains do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

POINTS = 8
"""To a side; the fingerprint has the square of it."""

WINDOWS_PER_SIDE = 200
"""A window is this part of the smaller side: 5 px of a thousand, above the blocks and the noise of a JPEG."""

LARGEST_STEP = 32.0
"""In greys: a few edges of banners or mounting must not outweigh the grains."""

LEAST_ALIKE = 0.8
"""Correlation from which two pictures show one field: of 2850 pairs of real fields none has more than 0.47, of 76
fields saved again as JPEG of quality 50 none less than 0.86."""

AT_ONCE = 2048
"""Fingerprints that are compared with as many others in one matrix."""


def fingerprint(pixels: NDArray[np.uint8]) -> str:
    """Return the fingerprint of grey pixels (rows, cols), as 128 hexadecimal digits."""
    rows, cols = pixels.shape
    side = max(min(rows, cols) // WINDOWS_PER_SIDE, 1)
    tops = ((np.arange(POINTS) + 0.5) * rows / POINTS - side / 2.0).astype(int)
    lefts = ((np.arange(POINTS) + 0.5) * cols / POINTS - side).astype(int)
    down, across = (np.add.outer(starts, np.arange(px)).ravel() for starts, px in ((tops, side), (lefts, 2 * side)))
    windows = pixels[down[:, None], across].reshape(POINTS, side, POINTS, 2, side).mean(axis=(1, 4))
    steps = (windows[:, :, 0] - windows[:, :, 1]).ravel()
    return bytes((np.clip(np.rint(steps), -127, 127) + 128).astype(np.uint8)).hex()


def alike(fingerprints: Sequence[str]) -> list[int]:
    """Return for each fingerprint the place of the first one that shows the same field, its own place for a new field.

    What is no fingerprint, or that of a picture without any grey, is like no other.
    """
    steps = np.array([_read(text) for text in fingerprints], np.float32).reshape(-1, POINTS * POINTS)
    first = list(range(len(steps)))
    for start in range(0, len(steps), AT_ONCE):
        rows = steps[start : start + AT_ONCE]
        for column in range(0, start + len(rows), AT_ONCE):
            found = rows @ steps[column : column + AT_ONCE].T >= LEAST_ALIKE
            for row in np.flatnonzero(found.any(axis=1)):
                first[start + row] = min(first[start + row], column + int(found[row].argmax()))
    for place, earlier in enumerate(first):
        first[place] = first[earlier]
    return first


def _read(text: str) -> NDArray[np.float32]:
    """Return the steps of a fingerprint, clipped and of length 1; all 0 where it holds none."""
    nothing = np.zeros(POINTS * POINTS, np.float32)
    try:
        steps = np.frombuffer(bytes.fromhex(text), np.uint8).astype(np.float32) - 128.0
    except ValueError:
        return nothing
    steps = np.clip(steps, -LARGEST_STEP, LARGEST_STEP)
    length = float(np.linalg.norm(steps))
    return (steps / length).astype(np.float32) if len(steps) == POINTS * POINTS and length > 0 else nothing
