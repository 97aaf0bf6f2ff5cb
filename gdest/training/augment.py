"""Cut and augment crops: one resampling for zoom, rotation, flip and place, on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional

from gdest.training.channels import CHANNELS, NUMBERS, SMOOTH
from gdest.training.dense import DenseTargets, dense_targets
from gdest.training.examples import Example, log2_density
from gdest.training.rescaling import changes_of_g
from gdest.training.settings import TrainSettings
from gdest.training.windows import Shape, Windows, cut_windows, mirrored

EXACT_SHARE = 0.35
"""This share of the crops is cut pixel by pixel, turned by right angles only, from the picture as it is, halved
or enlarged as a scan does. A turn by any other angle smooths, and a network that has only seen smoothed
pixels reads sharp ones as finer grains: +0.46 G at G 12."""

AT_A_TIME = 16
"""Crops that a CPU samples at a time, since more leave its caches: 256 at once took twice as long."""


@dataclass(frozen=True)
class Batch:
    """Hold crops (n, 1, rows, cols) float 0..255, their G_seen (n,), and dense targets of the first of them or None."""

    crops: Tensor
    g_seen: Tensor
    dense: DenseTargets | None

    def followed_by(self, other: Batch) -> Batch:
        """Return this batch and another as one; only the first may have dense targets."""
        return Batch(torch.cat([self.crops, other.crops]), torch.cat([self.g_seen, other.g_seen]), self.dense)


def cut_batch(
    examples: Sequence[Example],
    settings: TrainSettings,
    g_range: tuple[float, float],
    rng: np.random.Generator,
    classes: tuple[float, ...] = (),
) -> Batch:
    """Cut one randomly placed, turned, mirrored and rescaled crop, or whole image, from each example.

    The label moves with the size, G - 2 log2(zoom), by at most `settings.rescale_g` and never out of `g_range`;
    with `classes` it moves only to another class, one whole grade away. With a label map it also moves to the grains
    that lie in the crop. Crops stay inside the image where they fit; what does not fit is mirrored at the rim.
    Whole images are all cut to the smallest one's size.
    """
    shape = picture_shape(examples, settings)
    exact = rng.random(len(examples)) < EXACT_SHARE
    before = np.array([example.g_seen for example in examples])
    changes = changes_of_g(before, settings, g_range, classes, rng, exact)
    windows = cut_windows(examples, 2.0 ** (-changes / 2.0), shape, rng, exact)
    sampled = _sampled(windows, shape)
    g_seen = _sent(before + changes, sampled.device)
    dense = None
    if sampled.shape[1] == len(CHANNELS):
        g_seen += _finer(sampled[:, 2], examples, windows.level)
        known = _sent([example.shows_features for example in examples], sampled.device)
        dense = dense_targets(sampled[:, 1], sampled[:, 2], sampled[:, 3:], known)
    return Batch(contrast_jitter(sampled[:, :1], settings.contrast, rng), g_seen, dense)


def _sampled(windows: Windows, shape: Shape) -> Tensor:
    """Return the crops (n, channels, *shape), float, that lie in windows; the numbers of grains are not mixed."""
    device = windows.pixels[0].device
    theta = _sent(windows.theta, device)
    some = AT_A_TIME if device.type == "cpu" else len(theta)
    parts = []
    for first in range(0, len(theta), some):
        source, part = torch.stack(list(windows.pixels[first : first + some])), theta[first : first + some]
        grid = functional.affine_grid(part, [*source.shape[:2], *shape], align_corners=False)
        if source.shape[1] == 1:
            parts.append(_at(grid, source, "bilinear"))
            continue
        smooth, numbers = _at(grid, source[:, SMOOTH], "bilinear"), _at(grid, source[:, NUMBERS], "nearest")
        parts.append(torch.cat([smooth[:, :1], numbers, smooth[:, 1:]], dim=1))
    return torch.cat(parts)


def _at(grid: Tensor, source: Tensor, mode: str) -> Tensor:
    return functional.grid_sample(source.float(), grid, mode=mode, padding_mode="reflection", align_corners=False)


def picture_shape(examples: Sequence[Example], settings: TrainSettings) -> tuple[int, int]:
    """Return the rows and columns of what the network is shown in one step."""
    if settings.input == "crop":
        return settings.crop_px, settings.crop_px
    sizes = [example.pyramid[0].shape[1:] for example in examples]
    return min(rows for rows, _ in sizes), min(cols for _, cols in sizes)


def _sent(numbers: ArrayLike, device: torch.device) -> Tensor:
    """Return numbers as float32 on a device, without waiting for the step before to end there."""
    return torch.from_numpy(np.asarray(numbers, np.float32)).to(device, non_blocking=True)


def _finer(code: Tensor, examples: Sequence[Example], levels: Sequence[int]) -> Tensor:
    """Return by how many G (n,) the grains in each crop's code (n, rows, cols) are finer than its micrograph's."""
    wholes = [example.log2_density[level] for example, level in zip(examples, levels, strict=True)]
    return log2_density(code) - _sent(wholes, code.device)


def contrast_jitter(crops: Tensor, amount: float, rng: np.random.Generator) -> Tensor:
    """Change gamma, gain and offset of each crop by its own draws, as light and etching strength do.

    `amount` limits the change of log gamma, of gain and of offset, half the range of grey being an offset of 1.
    """
    draw = _sent(rng.uniform(-amount, amount, (3, len(crops), 1, 1, 1)), crops.device)
    grey = (crops / 255.0).clamp(0.0, 1.0) ** torch.exp(draw[0])
    return ((grey - 0.5) * (1.0 + draw[1]) + 0.5 + 0.5 * draw[2]).clamp(0.0, 1.0) * 255.0


def validation_batch(examples: Sequence[Example], settings: TrainSettings, side: int) -> Batch:
    """Return what the network is validated on, without augmentation, as one batch.

    With crops these are the four corner crops of each example (4 n, 1, side, side); with whole images the middle
    of each (n, 1, rows, cols), cut to the size of the smallest.
    """
    g_seen = torch.tensor([example.g_seen for example in examples], device=examples[0].pyramid[0].device)
    if settings.input == "image":
        shape = picture_shape(examples, settings)
        pictures = torch.stack([_middle(example.pyramid[0][:1], shape) for example in examples])
        return Batch(pictures.float(), g_seen.float(), None)
    crops = torch.stack([corner for example in examples for corner in _corners(example.pyramid[0], side)])
    g_seen = g_seen.repeat_interleave(4)
    if crops.shape[1] == len(CHANNELS):
        owners = [example for example in examples for _ in range(4)]
        g_seen = g_seen + _finer(crops[:, 2], owners, [0] * len(owners))
    return Batch(crops[:, :1].float(), g_seen.float(), None)


def _corners(image: Tensor, side: int) -> list[Tensor]:
    """Return the corner crops of an image (c, rows, cols), upper left first, lower right last."""
    image = mirrored(image, side, side)
    return [image[:, :side, :side], image[:, :side, -side:], image[:, -side:, :side], image[:, -side:, -side:]]


def _middle(image: Tensor, shape: tuple[int, int]) -> Tensor:
    top, left = ((have - wanted) // 2 for have, wanted in zip(image.shape[1:], shape, strict=True))
    return image[:, top : top + shape[0], left : left + shape[1]]
