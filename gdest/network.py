"""Build the networks; save and load weights with their model card."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights, resnet18

from gdest.archive import write_atomically
from gdest.errors import SettingsError, WeightsError
from gdest.model_file import CARD_KEY
from gdest.records import UNFIT, ModelCard

T = TypeVar("T")
DESCRIPTOR = 2 * (64 + 128 + 256 + 512)
"""A tile's descriptor: mean and deviation of every channel of the four stages of the body."""

NOVELTY_AXES = 64
FARTHEST = 8.0
"""Deviations at which a channel of the descriptor is cut off, so that no single one decides alone."""

SD_FLOOR = 4.0
"""Grey levels: a tile with less contrast than this is not stretched to full contrast."""


class GradeNetwork(nn.Module):
    """Map grey tiles (n, 1, side, side), 0..255, to one G_seen each, (n,), float32.

    Every tile is brought to zero mean and unit deviation first, so neither exposure nor the
    colour of the light matters. Raises nothing; the card says what the numbers mean.
    """

    def __init__(self, card: ModelCard) -> None:
        super().__init__()
        if (card.backbone, card.head, card.task) != ("resnet18", "fc", "regression"):
            raise WeightsError(f"it holds a {card.backbone}/{card.head}/{card.task} network; this gdest cannot run it.")
        self.card = card
        body = resnet18(weights=None)
        body.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
        body.fc = nn.Linear(512, 1)
        self.body = body
        self.judge = Judge()

    def stages(self, tiles: Tensor) -> list[Tensor]:
        """Return the maps of the four stages: (n, 64, side / 4, side / 4) to (n, 512, side / 32, side / 32)."""
        body = self.body
        x = body.maxpool(body.relu(body.bn1(body.conv1(standardise(tiles)))))
        maps = []
        for stage in (body.layer1, body.layer2, body.layer3, body.layer4):
            x = stage(x)
            maps.append(x)
        return maps

    def features(self, tiles: Tensor) -> Tensor:
        """Return the last feature maps (n, 512, side / 32, side / 32)."""
        return self.stages(tiles)[-1]

    def grade(self, features: Tensor) -> Tensor:
        """Return G_seen (n,) from the last feature maps."""
        middle = 0.5 * (self.card.g_min + self.card.g_max)
        return cast(Tensor, self.body.fc(features.mean(dim=(2, 3))).squeeze(1).float() + middle)

    def forward(self, tiles: Tensor) -> Tensor:
        """Return G_seen (n,) of tiles (n, 1, side, side)."""
        return self.grade(self.features(tiles))

    def answer(self, tiles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return G_seen (n,), the log odds of each kind of unfit tile (n, 3), and the novelty (n,)."""
        maps = self.stages(tiles)
        return self.grade(maps[-1]), *self.judge(describe(maps))


class Judge(nn.Module):
    """Tell gradeable tiles from unfit ones by their descriptors; knows nothing until it is fitted.

    One linear layer gives the log odds of each kind in `UNFIT`. The novelty is the root mean square
    of the descriptor's coordinates along the principal axes of the training tiles, each in units of
    its deviation there: a Mahalanobis distance (Lee et al. 2018, a simple unified framework).
    """

    mean: Tensor
    sd: Tensor
    axes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.odds = nn.Linear(DESCRIPTOR, 1 + len(UNFIT))
        nn.init.zeros_(self.odds.weight)
        nn.init.zeros_(self.odds.bias)
        self.register_buffer("mean", torch.zeros(DESCRIPTOR))
        self.register_buffer("sd", torch.ones(DESCRIPTOR))
        self.register_buffer("axes", torch.zeros(DESCRIPTOR, NOVELTY_AXES))

    def normal(self, descriptors: Tensor) -> Tensor:
        """Return descriptors (n, DESCRIPTOR) in deviations from the training tiles, cut off far away."""
        return ((descriptors - self.mean) / self.sd).clamp(-FARTHEST, FARTHEST)

    def forward(self, descriptors: Tensor) -> tuple[Tensor, Tensor]:
        """Return log odds against gradeable (n, 3) and novelty (n,) of descriptors (n, DESCRIPTOR)."""
        normal = self.normal(descriptors)
        scores = self.odds(normal).float()
        novelty = (normal @ self.axes).float().square().mean(dim=1).sqrt()
        return scores[:, 1:] - scores[:, :1], novelty


def describe(maps: list[Tensor]) -> Tensor:
    """Return the descriptors (n, DESCRIPTOR), float32, of the feature maps of the four stages."""
    floats = [stage.float() for stage in maps]
    return torch.cat([pooled for maps in floats for pooled in (maps.mean((2, 3)), maps.std((2, 3)))], dim=1)


def to_device(network: GradeNetwork, device: torch.device) -> GradeNetwork:
    """Return the network on a device, in the memory order that convolutions are fastest in."""
    return network.to(device).to(memory_format=torch.channels_last)


def standardise(tiles: Tensor) -> Tensor:
    """Return tiles (n, 1, side, side) as float with zero mean and unit deviation each."""
    pixels = tiles.float()
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    sd = pixels.std(dim=(1, 2, 3), keepdim=True)
    return (pixels - mean) / sd.clamp_min(SD_FLOOR)


def build(card: ModelCard, init: str = "none") -> GradeNetwork:
    """Return a network for a card, its weights random, from ImageNet, or from a gdest file."""
    network = GradeNetwork(card)
    if init == "imagenet":
        _copy_imagenet(network)
    elif init != "none":
        network.load_state_dict(load(Path(init)).network.state_dict())
    return network


def _copy_imagenet(network: GradeNetwork) -> None:
    """Copy torchvision's ImageNet weights; its three colour filters are summed for grey input."""
    try:
        state = ResNet18_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    except Exception as error:  # urllib, ssl and the hub raise many kinds
        raise SettingsError(
            f"The ImageNet weights cannot be downloaded ({error}); use --init none, or --init FILE with a gdest file."
        ) from error
    state = {name: value for name, value in state.items() if not name.startswith("fc.")}
    state["conv1.weight"] = state["conv1.weight"].sum(dim=1, keepdim=True)
    network.body.load_state_dict(state, strict=False)


@dataclass(frozen=True)
class LoadedModel:
    """Hold a network in evaluation mode, its card, its name and the SHA-256 of its file."""

    network: GradeNetwork
    card: ModelCard
    name: str
    sha256: str


def save(network: GradeNetwork, card: ModelCard, path: Path) -> None:
    """Write the weights in half precision, with the card, under a final name only when complete."""
    state = {name: _stored(value) for name, value in network.state_dict().items()}
    write_atomically(path, lambda temporary: save_file(state, temporary, {CARD_KEY: card.to_json()}))


def _stored(value: Tensor) -> Tensor:
    """Return a weight in half precision; the few numbers per channel keep their full range."""
    value = value.detach().cpu().contiguous()
    return value.half() if value.ndim >= 2 else value


def load(path: Path) -> LoadedModel:
    """Read a weights file; raise `WeightsError` when it is missing, damaged or not gdest's."""
    card, state = _read(path, _card_and_state)
    try:
        network = GradeNetwork(card)
        network.load_state_dict(state)
    except (RuntimeError, WeightsError) as error:
        first_line = str(error).splitlines()[0]
        raise WeightsError(f"Weights {path} cannot be used: {first_line}") from error
    sha256 = _read(path, lambda file: hashlib.sha256(file.read_bytes()).hexdigest())
    return LoadedModel(network.float().eval(), card, path.stem, sha256)


def _card_and_state(path: Path) -> tuple[ModelCard, dict[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        if CARD_KEY not in metadata:
            raise WeightsError("it has no gdest model card.")
        return ModelCard.from_json(metadata[CARD_KEY]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _read(path: Path, reader: Callable[[Path], T]) -> T:
    try:
        return reader(path)
    except (OSError, SafetensorError, WeightsError) as error:
        raise WeightsError(f"Weights {path} cannot be used: {error}") from error
