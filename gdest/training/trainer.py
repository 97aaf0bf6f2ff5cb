"""Hold a training run and take its steps: network, optimiser, learning rate, randomness."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gdest.core import ModelCard, SettingsError
from gdest.model import GradeNetwork, build_network, choose_device, to_device
from gdest.training.augment import Batch
from gdest.training.dense import DenseHead
from gdest.training.settings import TrainSettings, initial_weights

WARM_UP_SHARE = 0.03
SGD_MOMENTUM, SGD_WEIGHT_DECAY = 0.9, 5e-4


@dataclass(frozen=True)
class Epoch:
    """Hold one line of the training log."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_mae: float
    learning_rate: float


class Trainer:
    """Hold what changes during a training run, so that it can be stopped and resumed.

    The network's first weights come from torch's generator, which the caller seeds.
    """

    def __init__(
        self, card: ModelCard, settings: TrainSettings, steps: int, *, dense: bool, backbone_only: bool = False
    ) -> None:
        self.device = choose_device(settings.device)
        self.settings = settings
        built = build_network(card, initial_weights(settings.init), backbone_only=backbone_only)
        self.network = to_device(built, self.device)
        self.dense_head = DenseHead().to(self.device) if dense else None
        parameters = [*self.network.parameters(), *(self.dense_head.parameters() if self.dense_head else ())]
        self.optimizer = _optimizer(parameters, settings)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, _schedule(settings.schedule, steps))
        self.average = _running_average(self.network, settings.average)
        self.rng = np.random.default_rng(settings.seed)
        self.epochs: list[Epoch] = []

    @property
    def kept(self) -> GradeNetwork:
        """Return the network that is validated and saved: the running average where there is one."""
        return cast(GradeNetwork, self.average.module) if self.average is not None else self.network

    def autocast(self) -> torch.autocast:
        """Return the precision the passes run in."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.settings.bf16)

    def step(self, batch: Batch) -> Tensor:
        """Take one optimiser step; return the loss of the pictures' G alone, still on the device."""
        self.network.train()
        if self.settings.keep_norm:
            _hold_statistics(self.network)
        with self.autocast():
            crops = batch.crops.contiguous(memory_format=torch.channels_last)
            if self.dense_head and self.network.decoder and batch.dense:
                stem, maps = self.network.maps(crops)
                dense = self.dense_head.loss(maps, self.network.decoder(stem, maps), batch.dense)
            else:
                maps, dense = [self.network.features(crops)], None
            outputs = self.network.outputs(self.network.embedding(maps[-1]))
        main = grade_loss(outputs, batch.g_seen, self.network)
        loss = main if dense is None else main + dense
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.scheduler.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        return main.detach()

    @torch.inference_mode()
    def validate(self, batch: Batch) -> tuple[float, float]:
        """Return the loss and the mean absolute error on the validation pictures."""
        kept = self.kept.eval()
        parts = []
        for part in torch.split(batch.crops, self.settings.batch):
            with self.autocast():
                features = kept.features(part.contiguous(memory_format=torch.channels_last))
                parts.append(kept.outputs(kept.embedding(features)))
        outputs = torch.cat(parts)
        g_seen = outputs.softmax(dim=1) @ kept.class_g if kept.card.classes else outputs.squeeze(1)
        return float(grade_loss(outputs, batch.g_seen, kept)), float((g_seen - batch.g_seen).abs().mean())

    def state(self) -> dict[str, object]:
        """Return all that a resumed run needs."""
        return {
            "settings": self.settings.record(),
            "network": self.network.state_dict(),
            "dense_head": self.dense_head.state_dict() if self.dense_head else None,
            "average": self.average.state_dict() if self.average is not None else None,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "rng": self.rng.bit_generator.state,
            "torch_rng": torch.get_rng_state(),
            "epochs": [asdict(epoch) for epoch in self.epochs],
        }

    def resume(self, path: Path) -> None:
        """Go on where a checkpoint stopped; raise `SettingsError` when it is of another run."""
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
        except Exception as error:  # torch raises many kinds for a damaged file
            raise SettingsError(f"The checkpoint {path} cannot be read; delete it to begin again.") from error
        if state["settings"] != self.settings.record() or state.keys() != self.state().keys():
            raise SettingsError(
                f"The checkpoint {path} is of a run with other settings or of another gdest; delete it or change --out."
            )
        self.network.load_state_dict(state["network"])
        if self.dense_head:
            self.dense_head.load_state_dict(state["dense_head"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.rng.bit_generator.state = state["rng"]
        torch.set_rng_state(state["torch_rng"].cpu())
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]


def _hold_statistics(known: nn.Module) -> None:
    """Keep the means and deviations of batch normalisation as they are."""
    for module in known.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def grade_loss(outputs: Tensor, g_seen: Tensor, known: GradeNetwork) -> Tensor:
    """Return the paper's loss (equations 1 and 2) against G_seen (n,): cross-entropy, or smooth-L1 with alpha 1."""
    if not known.card.classes:
        return functional.smooth_l1_loss(outputs.squeeze(1), g_seen)
    return functional.cross_entropy(outputs, (g_seen[:, None] - known.class_g).abs().argmin(dim=1))


def _optimizer(parameters: list[nn.Parameter], settings: TrainSettings) -> torch.optim.Optimizer:
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, lr=settings.learning_rate, momentum=SGD_MOMENTUM, weight_decay=SGD_WEIGHT_DECAY
        )
    return torch.optim.Adam(parameters, lr=settings.learning_rate)


def _running_average(known: GradeNetwork, decay: float) -> AveragedModel | None:
    if not decay:
        return None
    averaging = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(known, multi_avg_fn=averaging, use_buffers=True)


def _schedule(kind: str, steps: int) -> Callable[[int], float]:
    """Return the factor of the learning rate at each step: 1, or a short warm-up and half a cosine down to 0."""
    if kind == "constant":
        return lambda _: 1.0
    warm_up = max(1, round(WARM_UP_SHARE * steps))

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, steps - warm_up))))

    return factor
