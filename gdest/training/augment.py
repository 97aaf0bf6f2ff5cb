"""Cut and augment crops: one resampling for zoom, rotation, flip and place, on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional

from gdest.grading import COARSE_G, FINE_G, G_PER_HALVING
from gdest.training.data import Example, log2_density
from gdest.training.dense import DenseTargets, dense_targets
from gdest.training.settings import TrainSettings

EXACT_SHARE = 0.35
"""This share of the crops is cut pixel by pixel, turned by right angles only, from the picture as it is, halved
or enlarged as a scan does. A turn by any other angle smooths, and a network that has only seen smoothed
pixels reads sharp ones as finer grains: +0.46 G at G 12."""

USUAL_SHARE = 0.6
"""This share of the crops that may change size shows grains of the sizes at which a scan keeps the answer."""


@dataclass(frozen=True)
class Batch:
    """Hold crops (n, 1, side, side) float 0..255, their G_seen (n,), and dense targets of the first of them or None."""

    crops: Tensor
    g_seen: Tensor
    dense: DenseTargets | None


def joined(first: Batch, second: Batch) -> Batch:
    """Return two batches as one; only the first may have dense targets."""
    return Batch(torch.cat([first.crops, second.crops]), torch.cat([first.g_seen, second.g_seen]), first.dense)


def cut_batch(
    examples: Sequence[Example],
    settings: TrainSettings,
    g_range: tuple[float, float],
    rng: np.random.Generator,
    classes: tuple[float, ...] = (),
) -> Batch:
    """Cut one randomly placed, turned, mirrored and rescaled crop, or whole image, from each example.

    The label moves with the size, G - 2 log2(zoom), by at most `settings.rescale_g` and never out
    of `g_range`, with `classes` only from one class to another one whole grade away; where there is
    a label map it also moves to the grains that lie in the crop. Crops stay inside the image where
    they fit; what does not fit is mirrored at the rim. Whole images are all cut to the smallest one's size.
    """
    shape = picture_shape(examples, settings)
    exact = rng.random(len(examples)) < EXACT_SHARE
    shift = [
        _change(example.g_seen, settings, g_range, classes, rng, exact=bool(as_is))
        for example, as_is in zip(examples, exact, strict=True)
    ]
    zooms = [2.0 ** (-value / 2.0) for value in shift]
    cuts = [
        _window(example, zoom, shape, rng, exact=bool(as_is))
        for example, zoom, as_is in zip(examples, zooms, exact, strict=True)
    ]
    source = torch.stack([window for window, _, _ in cuts]).float()
    theta = _sent(np.stack([theta for _, theta, _ in cuts]), source.device)
    grid = functional.affine_grid(theta, [len(examples), source.shape[1], *shape], align_corners=False)
    sampled = functional.grid_sample(source, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    whole = [example.g_seen + value for example, value in zip(examples, shift, strict=True)]
    g_seen = _sent(whole, source.device)
    dense = None
    if source.shape[1] == 3:
        g_seen += _finer(sampled[:, 2], examples, [level for _, _, level in cuts])
        dense = dense_targets(sampled[:, 1:], _sent(zooms, source.device))
    return Batch(_contrast_jitter(sampled[:, :1], settings.contrast, rng), g_seen, dense)


def _sent(numbers: ArrayLike, device: torch.device) -> Tensor:
    """Return numbers as float32 on a device, which need not first be done with the step before."""
    return torch.from_numpy(np.asarray(numbers, np.float32)).to(device, non_blocking=True)


def picture_shape(examples: Sequence[Example], settings: TrainSettings) -> tuple[int, int]:
    """Return the rows and columns of what the network is shown in one step."""
    if settings.input == "crop":
        return settings.crop_px, settings.crop_px
    sizes = [example.pyramid[0].shape[1:] for example in examples]
    return min(rows for rows, _ in sizes), min(cols for _, cols in sizes)


def _finer(code: Tensor, examples: Sequence[Example], levels: Sequence[int]) -> Tensor:
    """Return by how many G the grains in each crop's code (n, rows, cols) are finer than its micrograph's."""
    wholes = [example.log2_density[level] for example, level in zip(examples, levels, strict=True)]
    return log2_density(code) - _sent(wholes, code.device)


def _change(
    g_seen: float,
    settings: TrainSettings,
    g_range: tuple[float, float],
    classes: tuple[float, ...],
    rng: np.random.Generator,
    *,
    exact: bool,
) -> float:
    """Return by how much the rescale augmentation changes G: the paper's four ranges, whole steps for exact crops."""
    whole = settings.input == "image"
    if classes:
        steps = () if exact or not settings.shift_limit else (-1.0,) if whole else (-1.0, 1.0)
        return float(rng.choice([0.0, *(step for step in steps if np.isclose(classes, g_seen + step).any())]))
    if exact:
        return 0.0 if whole else _as_a_scan(g_seen, settings.shift_limit, g_range, rng)
    return _shift(g_seen, settings.shift_limit, g_range, rng, coarser_only=whole)


def _shift(
    g_seen: float, limit: float, g_range: tuple[float, float], rng: np.random.Generator, *, coarser_only: bool
) -> float:
    low, high = max(-limit, min(g_range[0] - g_seen, 0.0)), min(limit, max(g_range[1] - g_seen, 0.0))
    high = 0.0 if coarser_only else high
    usual = max(low, COARSE_G - g_seen), min(high, FINE_G - g_seen)
    if limit >= G_PER_HALVING and usual[0] < usual[1] and rng.random() < USUAL_SHARE:
        low, high = usual
    return float(rng.uniform(low, high))


def _as_a_scan(g_seen: float, limit: float, g_range: tuple[float, float], rng: np.random.Generator) -> float:
    """Return the change of G by halving, enlarging (what is fine, or nearly) or neither, where that is allowed."""
    if limit < G_PER_HALVING:
        return 0.0
    changes = [0.0]
    if g_seen + G_PER_HALVING <= g_range[1]:
        changes.append(G_PER_HALVING)
    if g_seen >= FINE_G - 1.0:
        changes.append(-G_PER_HALVING)
    usual = [change for change in changes if COARSE_G <= g_seen + change <= FINE_G]
    return float(rng.choice(usual if usual and rng.random() < USUAL_SHARE else changes))


def _window(
    example: Example, zoom: float, shape: tuple[int, int], rng: np.random.Generator, *, exact: bool
) -> tuple[Tensor, np.ndarray[tuple[int, int], np.dtype[np.float64]], int]:
    """Return a window of the pyramid that holds the crop, (c, w, w), the crop's affine in it (2, 3), and its level.

    Exact crops are turned by right angles; what is not square by half turns, so that it stays inside.
    """
    level = int(np.clip(np.ceil(np.log2(0.75 / zoom)), 0, len(example.pyramid) - 1))
    image, zoom = example.pyramid[level], zoom * 2.0**level
    rows, cols = image.shape[1:]
    turns = 4 if shape[0] == shape[1] else 2
    angle = rng.integers(turns) * 2 * np.pi / turns if exact else rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(angle), np.sin(angle)
    down, right = 0.5 * shape[0] / zoom, 0.5 * shape[1] / zoom
    reach = (down * abs(cos) + right * abs(sin), right * abs(cos) + down * abs(sin))
    row, col = (
        float(rng.uniform(far, size - far)) if size > 2 * far else size / 2.0
        for size, far in zip((rows, cols), reach, strict=True)
    )
    if exact:
        # the crop's rim must fall between pixels, which half its side decides
        row, col = (round(centre - side / 2) + side / 2 for centre, side in ((row, shape[0]), (col, shape[1])))
    window = int(np.ceil(np.hypot(*shape) / 0.75))
    top, left = (
        int(np.clip(centre - window / 2, 0, max(size - window, 0))) for centre, size in ((row, rows), (col, cols))
    )
    cut = image[:, top : top + window, left : left + window]
    pad = (0, window - cut.shape[2], 0, window - cut.shape[1])
    if max(pad):
        cut = _mirrored(cut, pad)
    flip = rng.choice([-1.0, 1.0])
    unit = 2.0 / window
    theta = np.array(
        [
            [flip * cos * right * unit, -sin * down * unit, (col - left) * unit - 1.0],
            [flip * sin * right * unit, cos * down * unit, (row - top) * unit - 1.0],
        ]
    )
    return cut, theta, level


def _mirrored(image: Tensor, pad: tuple[int, int, int, int]) -> Tensor:
    """Mirror a uint8 image (c, rows, cols) at its right and lower rim until it is large enough."""
    rows = _mirror_index(image.shape[1], image.shape[1] + pad[3], image.device)
    cols = _mirror_index(image.shape[2], image.shape[2] + pad[1], image.device)
    return image[:, rows][:, :, cols]


def _mirror_index(size: int, wanted: int, device: torch.device) -> Tensor:
    index = torch.arange(wanted, device=device) % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)


def _contrast_jitter(crops: Tensor, amount: float, rng: np.random.Generator) -> Tensor:
    """Change gain, offset and gamma of each crop, as light and etching strength do."""
    count = len(crops)
    draw = _sent(rng.uniform(-amount, amount, (3, count, 1, 1, 1)), crops.device)
    grey = (crops / 255.0).clamp(0.0, 1.0) ** torch.exp(draw[0])
    return ((grey - 0.5) * (1.0 + draw[1]) + 0.5 + 0.5 * draw[2]).clamp(0.0, 1.0) * 255.0


def validation_batch(examples: Sequence[Example], settings: TrainSettings, side: int) -> Batch:
    """Return what the network is validated on, untouched, as one batch.

    With crops the four corner crops of each example (4 n, 1, side, side); with whole images the middle
    of each (n, 1, rows, cols), cut to the size of the smallest.
    """
    if settings.input == "image":
        shape = picture_shape(examples, settings)
        pictures = torch.stack([_middle(example.pyramid[0][:1], shape) for example in examples])
        g_seen = torch.tensor([example.g_seen for example in examples], device=pictures.device)
        return Batch(pictures.float(), g_seen.float(), None)
    corners = []
    for example in examples:
        image = example.pyramid[0]
        pad = (0, max(side - image.shape[2], 0), 0, max(side - image.shape[1], 0))
        image = _mirrored(image, pad) if max(pad) else image
        corners += [image[:, :side, :side], image[:, :side, -side:], image[:, -side:, :side], image[:, -side:, -side:]]
    crops = torch.stack(corners)
    g_seen = torch.tensor([example.g_seen for example in examples], device=crops.device).repeat_interleave(4)
    if crops.shape[1] == 3:
        owners = [example for example in examples for _ in range(4)]
        g_seen = g_seen + _finer(crops[:, 2], owners, [0] * len(owners))
    return Batch(crops[:, :1].float(), g_seen.float(), None)


def _middle(image: Tensor, shape: tuple[int, int]) -> Tensor:
    top, left = ((have - wanted) // 2 for have, wanted in zip(image.shape[1:], shape, strict=True))
    return image[:, top : top + shape[0], left : left + shape[1]]
