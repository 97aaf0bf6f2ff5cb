"""Place a turned, mirrored and rescaled crop in a picture, and cut the window of the picture that holds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gdest.training.examples import Example

SMALLEST_ZOOM = 0.75
"""A crop that is reduced further is cut from the next level of the pyramid: bilinear sampling does not smooth."""

Shape = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Hold a square part of a level of a pyramid (c, side, side) and where the crop lies in it.

    `theta` (2, 3) is the affine of the crop in the window, in the units of `affine_grid`: -1..1 across, then down.
    """

    pixels: Tensor
    theta: NDArray[np.float64]
    level: int


def cut_window(example: Example, zoom: float, shape: Shape, rng: np.random.Generator, *, exact: bool) -> Window:
    """Return the window of a randomly placed, turned and mirrored crop of `shape` (rows, cols), enlarged by `zoom`.

    Exact crops are turned by right angles; those that are not square by half turns, so that they stay inside.
    """
    level = int(np.clip(np.ceil(np.log2(SMALLEST_ZOOM / zoom)), 0, len(example.pyramid) - 1))
    image, zoom = example.pyramid[level], zoom * 2.0**level
    turns = 4 if shape[0] == shape[1] else 2
    angle = rng.integers(turns) * 2 * np.pi / turns if exact else rng.uniform(0, 2 * np.pi)
    down, right = 0.5 * shape[0] / zoom, 0.5 * shape[1] / zoom
    cos, sin = np.cos(angle), np.sin(angle)
    reach = (down * abs(cos) + right * abs(sin), right * abs(cos) + down * abs(sin))
    row, col = _centre(image, reach, shape, rng, exact=exact)
    side = int(np.ceil(np.hypot(*shape) / SMALLEST_ZOOM))
    rows, cols = image.shape[1:]
    top, left = (int(np.clip(centre - side / 2, 0, max(size - side, 0))) for centre, size in ((row, rows), (col, cols)))
    pixels = mirrored(image[:, top : top + side, left : left + side], side, side)
    flip = rng.choice([-1.0, 1.0])
    unit = 2.0 / side
    theta = np.array(
        [
            [flip * cos * right * unit, -sin * down * unit, (col - left) * unit - 1.0],
            [flip * sin * right * unit, cos * down * unit, (row - top) * unit - 1.0],
        ]
    )
    return Window(pixels, theta, level)


def _centre(
    image: Tensor, reach: tuple[float, float], shape: Shape, rng: np.random.Generator, *, exact: bool
) -> tuple[float, float]:
    """Return a random centre (row, col) of a crop that reaches so far; the middle where it does not fit."""
    row, col = (
        float(rng.uniform(far, size - far)) if size > 2 * far else size / 2.0
        for size, far in zip(image.shape[1:], reach, strict=True)
    )
    if exact:  # the crop's rim must fall between pixels, which half its side decides
        row, col = (round(centre - side / 2) + side / 2 for centre, side in ((row, shape[0]), (col, shape[1])))
    return row, col


def mirrored(image: Tensor, rows: int, cols: int) -> Tensor:
    """Return a uint8 image (c, ...) mirrored at its lower and right rim to at least `rows` and `cols`."""
    if image.shape[1] >= rows and image.shape[2] >= cols:
        return image
    down = _mirror_index(image.shape[1], max(rows, image.shape[1]), image.device)
    right = _mirror_index(image.shape[2], max(cols, image.shape[2]), image.device)
    return image[:, down][:, :, right]


def _mirror_index(size: int, wanted: int, device: torch.device) -> Tensor:
    index = torch.arange(wanted, device=device) % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)
