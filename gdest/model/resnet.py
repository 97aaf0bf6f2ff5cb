"""Build ResNet18 for one grey channel (He et al. 2016, Deep residual learning), as torchvision does.

Names, order and numbers are torchvision's, so that weights fit either; a test holds the two against each other.
torchvision itself brings forty other networks and PyTorch's compiler: three times the time that PyTorch alone takes
to import.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

CHANNELS = (64, 128, 256, 512)
"""Of the maps of the four stages."""

BLOCKS = 2
"""In each stage."""


class Block(nn.Module):
    """Add to maps what two convolutions make of them, their first with a stride; one of 1x1 brings them to its size."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample: nn.Module | None = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (n, out, rows / stride, cols / stride) of maps (n, channels, rows, cols)."""
        added = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(maps)))))
        added += maps if self.downsample is None else self.downsample(maps)
        return cast(Tensor, self.relu(added))


class ResNet18(nn.Module):
    """Map grey pictures (n, 1, rows, cols) to what a head makes of 512 means; random weights (He et al. 2015)."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, CHANNELS[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(CHANNELS[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(CHANNELS[0], CHANNELS[0], 1)
        self.layer2 = _stage(CHANNELS[0], CHANNELS[1], 2)
        self.layer3 = _stage(CHANNELS[1], CHANNELS[2], 2)
        self.layer4 = _stage(CHANNELS[2], CHANNELS[3], 2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.fc = head


def _stage(channels: int, out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(Block(channels, out, stride), *(Block(out, out, 1) for _ in range(BLOCKS - 1)))
