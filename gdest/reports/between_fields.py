"""Tell whether the fields of a specimen differ by more than their own scatter explains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

NOTABLE_SD = 0.25
"""In G: less between the fields of one specimen is not notable, however sure it is."""

CHANCE = 0.01
"""Fields of one grain size differ as much in one specimen of a hundred."""

LEAST_SD = 0.02
"""In G: no field is known better, however many tiles or grains it holds."""


class OwnScatter(NamedTuple):
    """Hold G of one field and the standard deviation that its own tiles or grains leave to it, NaN if not known."""

    g: float
    sd: float


def excess_sd(fields: Sequence[OwnScatter]) -> float:
    """Return the standard deviation of G between fields that their own scatter does not explain; NaN if not known.

    DerSimonian and Laird's moment estimate. Where fields of one grain size would differ as much by chance, it is 0.
    NaN for fewer than two fields, or a field whose own scatter is not known.
    """
    if len(fields) < 2 or not all(math.isfinite(one.sd) and math.isfinite(one.g) for one in fields):
        return math.nan
    from scipy.special import chdtrc  # a fifth of a second, which only specimens need

    g, sd = np.array(sorted(fields)).T
    weight = np.maximum(sd, LEAST_SD) ** -2.0
    mean = float((weight * g).sum() / weight.sum())
    scatter, free = float((weight * (g - mean) ** 2).sum()), len(fields) - 1
    if float(chdtrc(free, scatter)) > CHANCE:
        return 0.0
    return math.sqrt(max(scatter - free, 0.0) / float(weight.sum() - (weight**2).sum() / weight.sum()))


def are_scattered(fields: Sequence[OwnScatter]) -> bool:
    """Return whether the fields notably differ; False where that is not known."""
    return excess_sd(fields) >= NOTABLE_SD
