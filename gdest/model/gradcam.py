"""Show at each pixel which class a classifier sees evidence for: the paper's arg-max GradCAM (section VI)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gdest.core import GradeSettings, WeightsError, tile_grid
from gdest.model.devices import choose_device
from gdest.model.network import GradeNetwork, LoadedModel, to_device


@dataclass(frozen=True)
class Evidence:
    """Hold the class with the most evidence at each pixel, `g_seen` (rows, cols) float32, and how much there is.

    NaN where no class has any. `strength` (rows, cols) is that class's GradCAM value, 0 where there is none, in
    the network's own units: one scale for all classes and all tiles.
    """

    g_seen: NDArray[np.float32]
    strength: NDArray[np.float32]


def class_maps(network: GradeNetwork, pictures: Tensor) -> Tensor:
    """Return one GradCAM map per class, (n, classes, h, w) float32, of pictures (n, 1, rows, cols).

    As Selvaraju et al. 2017: the last feature maps, weighted by the mean gradient of the class's output
    before the softmax, summed, and what is negative set to 0. Nothing is stretched, so the maps of all classes
    and pictures compare. One pass forward, and one back for each class.
    """
    with torch.no_grad():
        features = network.features(pictures)
    features = features.float().requires_grad_()
    outputs = network.outputs(network.embedding(features))
    maps = []
    for column in range(outputs.shape[1]):
        (gradient,) = torch.autograd.grad(outputs[:, column].sum(), features, retain_graph=True)
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        maps.append((weights * features).sum(dim=1).clamp_min(0.0).detach())
    return torch.stack(maps, dim=1)


def explain(pixels: NDArray[np.uint8], model: LoadedModel, settings: GradeSettings) -> Evidence:
    """Return the evidence of grey pixels (rows, cols): tile by tile for a model of crops, else the whole image at once.

    Where tiles overlap, the stronger evidence counts. Raises `WeightsError` for a regressor, which has no classes.
    """
    if not model.card.classes:
        raise WeightsError(f"Weights {model.name} are a regressor's; explain needs a classifier's.")
    device = choose_device(settings.device)
    network = to_device(model.network, device).eval()
    show = _shower(network, device)
    rows, cols = pixels.shape
    if model.card.input == "image":
        return _strongest(show(pixels[None]), (rows, cols), model.card.classes)[0]
    grid = tile_grid(rows, cols, model.card.tile_px, settings.stride_px)
    side = grid.tile_px
    g_seen, strength = np.full((rows, cols), np.nan, np.float32), np.zeros((rows, cols), np.float32)
    for top in grid.tops:
        tiles = np.stack([pixels[top : top + side, left : left + side] for left in grid.lefts])
        found = _strongest(show(tiles), (side, side), model.card.classes)
        for left, tile in zip(grid.lefts, found, strict=True):
            place = np.s_[top : top + side, left : left + side]
            better = tile.strength > strength[place]
            g_seen[place] = np.where(better, tile.g_seen, g_seen[place])
            strength[place] = np.where(better, tile.strength, strength[place])
    return Evidence(g_seen, strength)


def _shower(network: GradeNetwork, device: torch.device) -> Callable[[NDArray[np.uint8]], Tensor]:
    def show(pictures: NDArray[np.uint8]) -> Tensor:
        batch = torch.from_numpy(np.ascontiguousarray(pictures)).unsqueeze(1).to(device)
        return class_maps(network, batch)

    return show


def _strongest(maps: Tensor, shape: tuple[int, int], classes: tuple[float, ...]) -> list[Evidence]:
    """Return the arg-max class of each picture's maps (n, classes, h, w), enlarged to the picture's shape."""
    found = []
    for one in maps:
        large = functional.interpolate(one[None], shape, mode="bilinear", align_corners=False)[0]
        strength, column = (part.cpu().numpy() for part in large.max(dim=0))
        g_seen = np.array(classes, np.float32)[column]
        found.append(Evidence(np.where(strength > 0, g_seen, np.nan).astype(np.float32), strength))
    return found


def share_within(g_seen: NDArray[np.float32], truth: NDArray[np.float32], margin: float = 1.0) -> float:
    """Return the share of all pixels whose grade lies within `margin` of the true one; undefined is not within."""
    with np.errstate(invalid="ignore"):
        return float(np.mean(np.abs(g_seen - truth) <= margin + 1e-3))


def splice(quarters: list[NDArray[np.uint8]], grades: list[float]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return a picture made of the upper left corners of four, in reading order, and its true grades (Fig. 8)."""
    rows, cols = (min(quarter.shape[axis] for quarter in quarters) for axis in (0, 1))
    cut = [quarter[:rows, :cols] for quarter in quarters]
    true = [np.full((rows, cols), g, np.float32) for g in grades]
    return np.block([cut[:2], cut[2:]]), np.block([true[:2], true[2:]])
