"""Draw boundaries: a light decoder on the stages of a ResNet18."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gdest.core import BOUNDARY_CLASSES

STAGES = (64, 128, 256, 512)
"""Channels of the four stages, at a quarter to a thirty-second of the picture's resolution."""

STEM = 64
"""Channels of the first convolution, at half the picture's resolution: where lines a few px apart are still two."""

WIDE, NARROW = 64, 32
USUAL_LOG_ODDS = -2.0
"""What the decoder answers before it has learnt anything: about an eighth of a micrograph is boundary."""


class BoundaryDecoder(nn.Module):
    """Map the stem and the stages to log odds (n, 3, rows / 2, cols / 2) of `BOUNDARY_CLASSES`.

    A feature pyramid (Lin et al. 2017) that ends in the stem as a U-Net does (Ronneberger et al. 2015): 0.23 million
    weights, a fifth of the ResNet18's arithmetic.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(channels, WIDE, 1) for channels in STAGES)
        self.smooth = nn.ModuleList(_smoothing(WIDE) for _ in STAGES)
        self.narrow = nn.Conv2d(WIDE, NARROW, 1)
        self.stem = nn.Conv2d(STEM, NARROW, 1)
        self.sharp = _smoothing(NARROW)
        self.out = nn.Conv2d(NARROW, len(BOUNDARY_CLASSES), 1)
        nn.init.constant_(cast(Tensor, self.out.bias), USUAL_LOG_ODDS)

    def forward(self, stem: Tensor, stages: Sequence[Tensor]) -> Tensor:
        """Return the log odds, float32."""
        x = self.smooth[3](self.lateral[3](stages[3]))
        for level in (2, 1, 0):
            x = self.smooth[level](_enlarged(x, stages[level]) + self.lateral[level](stages[level]))
        x = self.sharp(_enlarged(self.narrow(x), stem) + self.stem(stem))
        return cast(Tensor, self.out(x)).float()

    def probabilities(self, stem: Tensor, stages: Sequence[Tensor]) -> Tensor:
        """Return the probabilities in steps of 1/255, uint8."""
        log_odds: Tensor = self(stem, stages)
        return (log_odds.sigmoid() * 255.0).round().to(torch.uint8)


def _smoothing(channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
    )


def _enlarged(maps: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(maps, size=like.shape[-2:], mode="bilinear", align_corners=False)
