"""Teach every place of a crop what its label map shows: where boundaries run, and the grains that lie there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from gdest.training.examples import log2_of_code

STRIDE_PX = 32
"""The network's last feature maps have one value per 32 px; so have the targets of the local grains."""

LINE_PX = 3
"""A boundary is taught as wide as this at the crop's resolution, whatever its picture was drawn at."""

SEEN_SHARE = 0.3
"""A line that a reduction has left this much of its grey is still a line."""

LOCAL_WEIGHT = 0.3
"""Weight of each local target beside the crop's own G, whose smooth-L1 has alpha 1 as in the paper."""

BOUNDARY_WEIGHTS = (1.0, 0.5, 0.5)
"""Weights of the cross-entropy of each of `BOUNDARY_CLASSES` of the core."""

USUAL_LOG2_DENSITY = -10.0
"""What the local head answers before it has learnt anything."""


@dataclass(frozen=True)
class DenseTargets:
    """Hold what the label maps of m crops show.

    `local` (m, 2, side / 32, side / 32): log(1 + boundary px per 32 px square side) and the local grain size
    log2(grains per px). `boundaries` (m, 3, side / 2, side / 2): the share 0..1 of each square of two px that shows
    each of `BOUNDARY_CLASSES`, NaN where the label map does not say.
    """

    local: Tensor
    boundaries: Tensor

    def __len__(self) -> int:
        return len(self.local)


def dense_targets(grains: Tensor, codes: Tensor, features: Tensor, known: Tensor) -> DenseTargets:
    """Return the targets of crops, all (m, side, side) but `features` (m, 2, side, side), 0..255.

    `grains` are numbers that tell neighbours apart, `codes` those of the local grain size, `features` the twin
    boundaries and the particles, known of the crops where `known` (m,) is 1, not where it is 0.
    """
    edges = _edges(grains)
    length = torch.log1p(functional.avg_pool2d(edges, STRIDE_PX) * STRIDE_PX)
    local = log2_of_code(functional.avg_pool2d(codes, STRIDE_PX))
    twins, particles = (features > SEEN_SHARE * 255.0).float().unbind(dim=1)
    shown = torch.stack([_widened(edges), _widened(twins), particles], dim=1)
    boundaries = functional.avg_pool2d(shown, 2)
    unknown = torch.stack([torch.zeros_like(known), 1.0 - known, 1.0 - known], dim=1)[..., None, None] > 0
    return DenseTargets(torch.stack([length, local], dim=1), boundaries.masked_fill(unknown, torch.nan))


def _edges(grains: Tensor) -> Tensor:
    """Return 1 where the right or lower neighbour belongs to another grain, (m, side, side)."""
    edges = torch.zeros_like(grains)
    edges[:, :, :-1] = (grains[:, :, :-1] != grains[:, :, 1:]).float()
    edges[:, :-1] = torch.maximum(edges[:, :-1], (grains[:, :-1] != grains[:, 1:]).float())
    return edges


def _widened(lines: Tensor) -> Tensor:
    return functional.max_pool2d(lines, LINE_PX, stride=1, padding=LINE_PX // 2)


class DenseHead(nn.Module):
    """Answer the local targets from the last maps of a ResNet18; needed in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.local = nn.Conv2d(512, 2, 1)

    def loss(self, maps: Sequence[Tensor], log_odds: Tensor, targets: DenseTargets) -> Tensor:
        """Return the weighted loss over the first crops, those that have targets.

        `log_odds` (n, 3, side / 2, side / 2) are what the network's decoder answers.
        """
        local = self.local(maps[-1][: len(targets)]).float()
        found = LOCAL_WEIGHT * functional.smooth_l1_loss(local[:, 0], targets.local[:, 0])
        found += LOCAL_WEIGHT * functional.smooth_l1_loss(local[:, 1] + USUAL_LOG2_DENSITY, targets.local[:, 1])
        return found + boundary_loss(log_odds[: len(targets)], targets.boundaries)


def boundary_loss(log_odds: Tensor, wanted: Tensor) -> Tensor:
    """Return the weighted cross-entropy of boundary maps (m, 3, rows, cols) against shares 0..1, NaN left out."""
    each = functional.binary_cross_entropy_with_logits(log_odds, wanted.nan_to_num(), reduction="none")
    by_class = (each * wanted.isfinite()).mean(dim=(0, 2, 3))
    return sum((weight * loss for weight, loss in zip(BOUNDARY_WEIGHTS, by_class, strict=True)), by_class.new_zeros(()))
