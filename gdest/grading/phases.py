"""Tell two phases by the grey of the counted grains: pearlite lies dark among bright ferrite, and nothing between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from gdest.core import Mark, Overlay
from gdest.grading.two_groups import two_groups

BORDERS = (Mark.GRAIN, Mark.LARGEST, Mark.HIT, Mark.LEFT_OUT)
"""What separates grains in an overlay; the hits of test lines lie on boundaries."""

FEWEST_CELLS = 6
"""Of a grain whose grey is looked at."""

FEWEST_GRAINS = 10

TWO_GREYS = 0.78
"""Share of the variance of the grains' grey, by area, that two greys explain: 0.83 and 0.90 in two fields of ferrite
and pearlite. 40 real single-phase fields have 0.4 to 0.7, tint etches up to 0.80."""

LEAST_STEP = 85.0
"""Grey levels between the two: 101 and 123 there. Of 38 real and 109 drawn single-phase fields that have both, all but
one drawn one are dark on more of their area."""

DARK_SHARE = (0.05, 0.42)
"""Share of the area that is dark, 0.21 and 0.36 there: less are pores, more leaves no bright matrix."""


@dataclass(frozen=True)
class TwoGreys:
    """Hold how the grains' grey falls in two: the share of variance explained, of the dark area, and the step."""

    explained: float
    dark_share: float
    step: float


def second_phase(pixels: NDArray[np.uint8], overlays: Iterable[Overlay]) -> Iterator[str]:
    """Yield why a micrograph of grey pixels (rows, cols) may show two phases, if its counted grains have two greys."""
    found = two_greys(pixels, overlays)
    least, most = DARK_SHARE
    if (
        found is not None
        and found.explained >= TWO_GREYS
        and found.step >= LEAST_STEP
        and least <= found.dark_share <= most
    ):
        yield (
            f"regions on {found.dark_share:.0%} of the area are darker than the rest by {found.step:.0f} grey levels: "
            "if that is a second phase, such as pearlite, G is not that of the grains"
        )


def two_greys(pixels: NDArray[np.uint8], overlays: Iterable[Overlay]) -> TwoGreys | None:
    """Return how the grey of the grains falls in two (Otsu, by area); None for few grains."""
    greys, areas = [], []
    for overlay in overlays:
        rows, cols = overlay.marks.shape
        top, left = round(overlay.top), round(overlay.left)
        part = pixels[top : top + round(rows * overlay.cell_px), left : left + round(cols * overlay.cell_px)]
        grey = np.asarray(Image.fromarray(part).resize((cols, rows), Image.Resampling.BOX), np.float64)
        labels, count = ndimage.label(~np.isin(overlay.marks, BORDERS))
        cells = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        sums = np.bincount(labels.ravel(), grey.ravel(), count + 1)[1:]
        large = cells >= FEWEST_CELLS
        greys.append(sums[large] / cells[large])
        areas.append(cells[large] * overlay.cell_px**2)
    if sum(map(len, greys)) < FEWEST_GRAINS:
        return None
    return _split(np.concatenate(greys), np.concatenate(areas))


def _split(greys: NDArray[np.float64], areas: NDArray[np.float64]) -> TwoGreys:
    """Return the two groups of greys (n,) that explain most of their variance, weighed by area (Otsu)."""
    order = np.argsort(greys)
    grey, weight = greys[order], areas[order] / areas.sum()
    split = two_groups(grey, weight)
    variance = float((weight * (grey - float((weight * grey).sum())) ** 2).sum())
    return TwoGreys(split.explained / max(variance, 1e-12), split.share, split.apart)
