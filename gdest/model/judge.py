"""Tell tiles that must not be graded from the others, by means and deviations of the network's maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gdest.core import STRUCTURES, UNFIT

DESCRIPTOR = 2 * (64 + 128 + 256 + 512)
"""A tile's descriptor: means and deviations of every channel of the four stages of the body."""

LAST_MEANS = slice(DESCRIPTOR - 2 * 512, DESCRIPTOR - 512)
"""Where a descriptor holds the means of the last stage, which the head is given."""

NOVELTY_AXES = 64
KINDS = (*UNFIT[:-1], *STRUCTURES)
"""What a judge tells apart: each kind of `UNFIT`, the last of which, the structures, by their looks."""

NEVER = -1e4
"""The log odds of a kind of which weights know nothing."""

FARTHEST = 8.0
"""Deviations at which a channel of the descriptor is cut off, so that no single one decides alone."""


class Judge(nn.Module):
    """Tell gradeable tiles from unfit ones by their descriptors; knows nothing until it is fitted.

    One linear layer gives the log odds of each of `KINDS`; those of the structures are summed up. The novelty is the
    root mean square of the descriptor's coordinates along the principal axes of the training tiles, each in units of
    its deviation there: a Mahalanobis distance (Lee et al. 2018, a simple unified framework).
    """

    mean: Tensor
    sd: Tensor
    axes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.odds = nn.Linear(DESCRIPTOR, 1 + len(KINDS))
        nn.init.zeros_(self.odds.weight)
        nn.init.zeros_(self.odds.bias)
        self.register_buffer("mean", torch.zeros(DESCRIPTOR))
        self.register_buffer("sd", torch.ones(DESCRIPTOR))
        self.register_buffer("axes", torch.zeros(DESCRIPTOR, NOVELTY_AXES))

    def normal(self, descriptors: Tensor) -> Tensor:
        """Return descriptors (n, DESCRIPTOR) in deviations from the training tiles, cut off far away."""
        return ((descriptors - self.mean) / self.sd).clamp(-FARTHEST, FARTHEST)

    def forward(self, descriptors: Tensor) -> tuple[Tensor, Tensor]:
        """Return log odds against gradeable (n, 4) and novelty (n,) of descriptors (n, DESCRIPTOR)."""
        normal = self.normal(descriptors)
        scores = self.odds(normal).float()
        novelty = (normal @ self.axes).float().square().mean(dim=1).sqrt()
        odds = scores[:, 1:] - scores[:, :1]
        of_structures = odds[:, -len(STRUCTURES) :].logsumexp(dim=1, keepdim=True)
        return torch.cat([odds[:, : -len(STRUCTURES)], of_structures], dim=1), novelty


def with_every_kind(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a weights file, those of a judge that knows fewer kinds with rows that tell none of them.

    A kind is always added as the last, so that the first rows keep their meaning.
    """
    weight, bias = (state.get(f"judge.odds.{name}") for name in ("weight", "bias"))
    if weight is None or bias is None or len(weight) != len(bias) or not 1 < len(bias) < 1 + len(KINDS):
        return state
    unknown = 1 + len(KINDS) - len(bias)
    weight = functional.pad(weight, (0, 0, 0, unknown))
    return {**state, "judge.odds.weight": weight, "judge.odds.bias": functional.pad(bias, (0, unknown), value=NEVER)}


def describe(maps: list[Tensor]) -> Tensor:
    """Return the descriptors (n, DESCRIPTOR), float32, of the feature maps of the four stages.

    Means and sums of squares; `Tensor.std` is five times slower in the memory order of the convolutions.
    """
    parts = []
    for stage in maps:
        floats = stage.float()
        mean = floats.mean((2, 3), keepdim=True)
        squares = (floats - mean).square().sum((2, 3))
        parts += [mean.flatten(1), (squares / (floats.shape[2] * floats.shape[3] - 1)).sqrt()]
    return torch.cat(parts, dim=1)
