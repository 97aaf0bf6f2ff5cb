"""Build the networks; save and load weights with their model card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from gdest.core import UNFIT, ModelCard, SettingsError, WeightsError, write_atomically
from gdest.model.backbones import head_of, head_prefix, imagenet_state, make_body, pool, resnet_maps
from gdest.model.decoder import BoundaryDecoder
from gdest.model.judge import LAST_MEANS, Judge, describe, with_every_kind
from gdest.model.weights_file import CARD_KEY, read_model_file, unusable

SD_FLOOR = 4.0
"""Grey levels: a tile with less contrast than this is not stretched to full contrast."""


class GradeNetwork(nn.Module):
    """Map grey pictures (n, 1, rows, cols), 0..255, to one G_seen each, (n,), float32.

    Every picture is brought to zero mean and unit deviation first, so neither exposure nor the
    colour of the light matters. A regressor has one output; a classifier has one per class of its
    card, and its G is the mean of the classes by their probabilities. Raises `WeightsError` for a
    card that this gdest cannot run.
    """

    judge: Judge | None
    decoder: BoundaryDecoder | None
    class_g: Tensor

    def __init__(self, card: ModelCard) -> None:
        super().__init__()
        if card.task not in ("regression", "classification") or (card.task == "classification") != bool(card.classes):
            raise WeightsError(f"it holds a {card.task} with {len(card.classes)} classes; this gdest cannot run it.")
        self.card = card
        self.body = make_body(card.backbone, card.head, len(card.classes) or 1)
        self.judge = Judge() if has_judge(card) else None
        self.decoder = BoundaryDecoder() if card.boundaries else None
        if card.classes:
            self.register_buffer("class_g", torch.tensor(card.classes), persistent=False)

    def maps(self, tiles: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the maps of the stem and of the four stages of a ResNet18."""
        return resnet_maps(self.body, standardise(tiles))

    def stages(self, tiles: Tensor) -> list[Tensor]:
        """Return the maps of the four stages of a ResNet18."""
        return self.maps(tiles)[1]

    def features(self, tiles: Tensor) -> Tensor:
        """Return the last feature maps (n, channels, about rows / 32, about cols / 32)."""
        if self.card.backbone == "resnet18":
            return self.stages(tiles)[-1]
        return cast(Tensor, self.body.features(standardise(tiles)))  # type: ignore[operator]

    def embedding(self, features: Tensor) -> Tensor:
        """Return the last numbers before the output: 256 with the head `ext`, what the backbone gives with `fc`."""
        return self._embedding_of(pool(self.body, features))

    def _embedding_of(self, pooled: Tensor) -> Tensor:
        head = head_of(self.body)
        return cast(Tensor, head[:-1](pooled)) if isinstance(head, nn.Sequential) else pooled

    def outputs(self, embedding: Tensor) -> Tensor:
        """Return the outputs from an embedding: G_seen (n, 1), or the log odds of the classes (n, classes)."""
        head = head_of(self.body)
        last = head[-1] if isinstance(head, nn.Sequential) else head
        middle = 0.0 if self.card.classes else 0.5 * (self.card.g_min + self.card.g_max)
        return cast(Tensor, last(embedding).float() + middle)

    def _g_seen_of(self, pooled: Tensor) -> Tensor:
        outputs = self.outputs(self._embedding_of(pooled))
        return outputs.softmax(dim=1) @ self.class_g if self.card.classes else outputs.squeeze(1)

    def forward(self, tiles: Tensor) -> Tensor:
        """Return G_seen (n,) of tiles (n, 1, side, side)."""
        return self._g_seen_of(pool(self.body, self.features(tiles)))

    @property
    def tells_places(self) -> bool:
        """Return whether G_seen is the mean of what single places of a tile say: a regressor with a linear head."""
        return self.judge is not None and isinstance(head_of(self.body), nn.Linear)

    def places(self, last: Tensor) -> Tensor:
        """Return by how much G_seen at each place of the last maps (n, 512, rows, cols) differs from their mean.

        The head is linear on the mean of the maps, so the mean over the places (n, rows, cols), float32, is 0.
        """
        head = cast(nn.Linear, head_of(self.body))
        with torch.autocast(last.device.type, enabled=False):
            seen = torch.einsum("nchw,c->nhw", last.float(), head.weight[0].float())
        return seen - seen.mean(dim=(1, 2), keepdim=True)

    def answer(self, tiles: Tensor, *, places: bool = False) -> tuple[Tensor, ...]:
        """Return G_seen (n,), the log odds of each kind of unfit tile (n, 4), the novelty (n,), and `places` if asked.

        Without a judge odds and novelty are NaN: nothing is known of what must not be graded.
        """
        if self.judge is None:
            g_seen = self(tiles)
            return g_seen, g_seen.new_full((len(tiles), len(UNFIT)), torch.nan), torch.full_like(g_seen, torch.nan)
        stages = self.stages(tiles)
        descriptors = describe(stages)
        with torch.autocast(tiles.device.type, enabled=False):  # bf16 near G 8 knows steps of 0.03 only
            return *self.answer_described(descriptors), *([self.places(stages[-1])] if places else [])

    def answer_with_boundaries(self, tiles: Tensor, *, places: bool = False) -> tuple[Tensor, ...]:
        """Return what `answer` does, the boundary maps (n, 3, side / 2, side / 2) uint8, 255 is sure, before `places`.

        Raises `ValueError` for a network without a judge or without a decoder.
        """
        if self.decoder is None:
            raise ValueError("a network without a decoder draws no boundaries")
        stem, stages = self.maps(tiles)
        boundaries = self.decoder.probabilities(stem, stages)
        descriptors = describe(stages)
        with torch.autocast(tiles.device.type, enabled=False):  # as in `answer`
            answered = *self.answer_described(descriptors), boundaries
            return *answered, *([self.places(stages[-1])] if places else [])

    def answer_described(self, descriptors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what `answer` does, from the descriptors (n, DESCRIPTOR) of tiles, of a network with a judge."""
        if self.judge is None:
            raise ValueError("a network without a judge answers tiles, not descriptors")
        return self._g_seen_of(descriptors[:, LAST_MEANS]), *self.judge(descriptors)


def has_judge(card: ModelCard) -> bool:
    """Return whether a network learns what must not be graded: a ResNet18 that regresses from crops."""
    return card.judges


def to_device(network: GradeNetwork, device: torch.device) -> GradeNetwork:
    """Return the network on a device, in the memory order that convolutions are fastest in."""
    return network.to(device).to(memory_format=torch.channels_last)


def standardise(tiles: Tensor) -> Tensor:
    """Return tiles (n, 1, side, side) as float with zero mean and unit deviation each."""
    pixels = tiles.float()
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    sd = pixels.std(dim=(1, 2, 3), keepdim=True)
    return (pixels - mean) / sd.clamp_min(SD_FLOOR)


def build_network(card: ModelCard, init: str = "none", *, backbone_only: bool = False) -> GradeNetwork:
    """Return a network for a card, its weights random, from ImageNet, or from a gdest file.

    From a file of the same backbone comes all that fits; the head only if it answers the same question,
    and never with `backbone_only`. Raises `SettingsError` for a file with another backbone.
    """
    network = GradeNetwork(card)
    if init == "imagenet":
        network.body.load_state_dict(imagenet_state(card.backbone), strict=False)
    elif init != "none":
        _copy_known(load_model(Path(init)), network, backbone_only)
    return network


def _copy_known(known: LoadedModel, network: GradeNetwork, backbone_only: bool) -> None:
    card = network.card
    if known.card.backbone != card.backbone:
        raise SettingsError(f"--init {known.name} holds a {known.card.backbone}, not a {card.backbone}.")
    state = known.network.state_dict()
    same = (known.card.head, known.card.task, known.card.classes) == (card.head, card.task, card.classes)
    if backbone_only or not same:
        state = {name: value for name, value in state.items() if not name.startswith(head_prefix(card.backbone))}
    wanted = network.state_dict()
    network.load_state_dict({name: value for name, value in state.items() if name in wanted}, strict=False)


@dataclass(frozen=True)
class LoadedModel:
    """Hold a network in evaluation mode, its card, its name and the SHA-256 of its file."""

    network: GradeNetwork
    card: ModelCard
    name: str
    sha256: str


def save_model(network: GradeNetwork, card: ModelCard, path: Path) -> None:
    """Write the weights in half precision, with the card, under a final name only when complete."""
    state = {name: _stored(value) for name, value in network.state_dict().items()}
    content = save(state, {CARD_KEY: card.to_json()})  # `save_file` makes files that nobody else may read
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def _stored(value: Tensor) -> Tensor:
    """Return a weight in half precision; the few numbers per channel keep their full range."""
    value = value.detach().cpu().contiguous()
    return value.half() if value.ndim >= 2 else value


def load_model(path: Path) -> LoadedModel:
    """Read a weights file; raise `WeightsError` when it is missing, damaged or not gdest's."""
    file = read_model_file(path)
    try:
        network = GradeNetwork(file.card)
        network.load_state_dict(with_every_kind(load_file(path)))
        if not all(bool(value.isfinite().all()) for value in network.state_dict().values()):
            raise WeightsError("it holds weights that are not finite numbers.")
    except Exception as error:  # torch and safetensors raise many kinds for weights that do not fit
        raise unusable(path, error) from error
    return LoadedModel(network.float().eval(), file.card, file.name, file.sha256)
