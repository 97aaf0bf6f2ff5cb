"""Teach every place of a crop what its label map shows: the grains that lie there, and where boundaries run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from gdest.training.examples import log2_of_code

STRIDE_PX = 32
"""The network's last feature maps have one value per 32 px; so have the targets of the local grains."""

BOUNDARY_STAGES = {1: (8, 128), 2: (16, 256)}
"""Index, stride in px and channels of the stages that learn where boundaries run: where a line can still be told
from the next, and enough is seen around it (99 and 211 px) to tell a grain boundary from a twin's or a scratch."""

LOCAL_WEIGHT, BOUNDARY_WEIGHT = 0.3, 0.15
"""Weights of each target beside the crop's own G, whose smooth-L1 has alpha 1 as in the paper."""

USUAL_LOG2_DENSITY, USUAL_LOG_ODDS = -10.0, -1.0
"""What the heads answer before they have learnt anything."""


@dataclass(frozen=True)
class DenseTargets:
    """Hold what the label maps of m crops show, at the size of the crops.

    `local` (m, 2, side / 32, side / 32): log(1 + boundary px per 32 px square side) and the local grain size
    log2(grains per px). `boundaries`, (m, side / stride, side / stride) per stage: the share 0..1 of a boundary
    that crosses the square, 1 for one from side to side.
    """

    local: Tensor
    boundaries: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.local)


def dense_targets(maps: Tensor, zooms: Tensor) -> DenseTargets:
    """Return the targets of crops from their boundary masks and codes (m, 2, side, side), enlarged `zooms` (m,)."""
    zoom = zooms[:, None, None]
    edges = torch.log1p(_boundary_length(maps[:, 0], STRIDE_PX, zoom))
    codes = functional.avg_pool2d(maps[:, 1], STRIDE_PX)
    local = log2_of_code(codes) - 2.0 * torch.log2(zoom)
    boundaries = (_boundary_length(maps[:, 0], stride, zoom) for stride, _ in BOUNDARY_STAGES.values())
    return DenseTargets(torch.stack([edges, local], dim=1), tuple(length.clamp(0.0, 1.0) for length in boundaries))


def _boundary_length(mask: Tensor, side: int, zoom: Tensor) -> Tensor:
    """Return the boundary length in squares of a mask (m, rows, cols), 0..255, in sides of a square.

    The zoom made its lines wider or thinner too.
    """
    return functional.avg_pool2d(mask, side) / 255.0 / zoom * side


class DenseHeads(nn.Module):
    """Answer the dense targets from the maps of a ResNet18's stages; needed in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.local = nn.Conv2d(512, 2, 1)
        self.boundaries = nn.ModuleList(nn.Conv2d(channels, 1, 1) for _, channels in BOUNDARY_STAGES.values())
        for head in self.boundaries:
            nn.init.zeros_(head.weight)  # type: ignore[arg-type]
            nn.init.constant_(head.bias, USUAL_LOG_ODDS)  # type: ignore[arg-type]

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the local answers (n, 2, side / 32, side / 32) and the log odds of a boundary of each stage."""
        boundaries = [
            head(maps[stage]).float().squeeze(1) for stage, head in zip(BOUNDARY_STAGES, self.boundaries, strict=True)
        ]
        return self.local(maps[-1]).float(), boundaries

    def loss(self, maps: Sequence[Tensor], targets: DenseTargets) -> Tensor:
        """Return the weighted loss over the first crops, those that have targets."""
        local, boundaries = self([stage[: len(targets)] for stage in maps])
        found = LOCAL_WEIGHT * functional.smooth_l1_loss(local[:, 0], targets.local[:, 0])
        found += LOCAL_WEIGHT * functional.smooth_l1_loss(local[:, 1] + USUAL_LOG2_DENSITY, targets.local[:, 1])
        for odds, wanted in zip(boundaries, targets.boundaries, strict=True):
            found += BOUNDARY_WEIGHT * functional.binary_cross_entropy_with_logits(odds, wanted)
        return found
