"""Name labelled micrographs whose error may be that of a label or of a pixel size, and not of the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gdest.core import PIXEL_SIZES_DISAGREE, how_many, named, warn
from gdest.training.measuring import Measured

FEWEST = 5
"""Of fewer fields none is far from the others."""

FAR = 4.0
"""Scatters from the median error: of normal errors one in 16,000 lies beyond."""

LEAST_FAR_G = 1.0
"""Half the error of the next objective; less is what networks and counters do."""

OF_MAD = 1.4826
"""Standard deviation over the median absolute deviation, of normal errors."""


def warn_of_suspects(measured: Sequence[Measured]) -> None:
    """Warn once of contradicting pixel sizes, and once of errors that lie far from the others."""
    disagree = [one.item.file.name for one in measured if _sizes_disagree(one)]
    if disagree:
        state = "states" if len(disagree) == 1 else "state"
        told = f"{how_many(len(disagree), 'micrograph')} {state} another pixel size than the labels: {named(disagree)}."
        warn(f"{told} Which one is right? The next objective is an error of 2 G or more.")
    far = [f"{one.item.file.name} ({one.error:+.1f} G)" for one in far_ones(measured)]
    if far:
        lie = "lies" if len(far) == 1 else "lie"
        told = f"{len(far)} of {how_many(len(measured), 'micrograph')} {lie} far from the others: {named(far)}."
        warn(f"{told} Look at label, pixel size and picture.")


def _sizes_disagree(one: Measured) -> bool:
    return any(doubt.startswith(PIXEL_SIZES_DISAGREE) for doubt in one.row.micrograph.doubts)


def far_ones(measured: Sequence[Measured]) -> Iterator[Measured]:
    """Yield what is farther from the median error than the others' scatter explains."""
    if len(measured) < FEWEST:
        return
    errors = np.array([one.error for one in measured])
    apart = np.abs(errors - np.median(errors))
    limit = max(FAR * OF_MAD * float(np.median(apart)), LEAST_FAR_G)
    yield from (one for one, distance in zip(measured, apart, strict=True) if distance > limit)
