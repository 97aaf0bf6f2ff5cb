"""Place turned, mirrored and rescaled crops in pictures, and cut the windows of the pictures that hold them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gdest.training.examples import Example

SMALLEST_ZOOM = 0.75
"""A crop that is reduced further is cut from the next level of the pyramid: bilinear sampling does not smooth."""

Shape = tuple[int, int]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Windows:
    """Hold a square part (c, side, side) uint8 of a level of n pyramids, and where the crop lies in each.

    `theta` (n, 2, 3) is the affine of a crop in its window, in the units of `affine_grid`: -1..1 across, then down.
    """

    pixels: Sequence[Tensor]
    theta: Numbers
    level: Sequence[int]


def cut_windows(
    examples: Sequence[Example], zooms: Numbers, shape: Shape, rng: np.random.Generator, exact: NDArray[np.bool_]
) -> Windows:
    """Return the windows of randomly placed, turned and mirrored crops of `shape` (rows, cols), enlarged by `zooms`.

    Exact crops are turned by right angles; those that are not square by half turns, so that they stay inside. All
    places are drawn at once: one by one they cost half a millisecond each, more than a GPU needs to learn from a crop.
    """
    count = len(examples)
    deepest = np.array([len(example.pyramid) - 1 for example in examples])
    level = np.clip(np.ceil(np.log2(SMALLEST_ZOOM / zooms)), 0, deepest).astype(int)
    images = [example.pyramid[at] for example, at in zip(examples, level.tolist(), strict=True)]
    zooms = zooms * 2.0**level
    turns = 4 if shape[0] == shape[1] else 2
    angle = np.where(exact, rng.integers(turns, size=count) * (2 * np.pi / turns), rng.uniform(0, 2 * np.pi, count))
    down, right = 0.5 * shape[0] / zooms, 0.5 * shape[1] / zooms
    cos, sin = np.cos(angle), np.sin(angle)
    sizes = np.array([image.shape[1:] for image in images], np.float64)
    reach = np.stack([down * abs(cos) + right * abs(sin), right * abs(cos) + down * abs(sin)], axis=1)
    centre = _centres(sizes, reach, shape, rng, exact)
    side = int(np.ceil(np.hypot(*shape) / SMALLEST_ZOOM))
    corner = np.clip(centre - side / 2, 0, np.maximum(sizes - side, 0)).astype(int)
    pixels = [
        mirrored(image[:, top : top + side, left : left + side], side, side)
        for image, (top, left) in zip(images, corner.tolist(), strict=True)
    ]
    flip, unit = rng.choice([-1.0, 1.0], count), 2.0 / side
    row, col = ((centre - corner) * unit - 1.0).T
    theta = np.array(
        [[flip * cos * right * unit, -sin * down * unit, col], [flip * sin * right * unit, cos * down * unit, row]]
    )
    return Windows(pixels, theta.transpose(2, 0, 1), level.tolist())


def _centres(
    sizes: Numbers, reach: Numbers, shape: Shape, rng: np.random.Generator, exact: NDArray[np.bool_]
) -> Numbers:
    """Return random centres (n, 2) of crops that reach so far, row before column; the middle where one does not fit."""
    free = sizes - 2 * reach
    centre = np.where(free > 0, reach + rng.random(sizes.shape) * free, sizes / 2.0)
    half = np.array(shape) / 2  # an exact crop's rim must fall between pixels, which half its side decides
    return np.where(exact[:, None], np.round(centre - half) + half, centre)


def mirrored(image: Tensor, rows: int, cols: int) -> Tensor:
    """Return a uint8 image (c, ...) mirrored at its lower and right rim to at least `rows` and `cols`."""
    for across, wanted in ((1, rows), (2, cols)):
        size = image.shape[across]
        if size < wanted:  # whole pieces: a pixel for a pixel, by an index, takes ten times as long
            both = [image, image.flip(across)] * math.ceil(wanted / (2 * size))
            image = torch.cat(both[: math.ceil(wanted / size)], across).narrow(across, 0, wanted)
    return image
