"""Train a network: the paper's recipe as a story."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gdest import __version__, network
from gdest.archive import write_atomically
from gdest.errors import DataError, SettingsError
from gdest.network import GradeNetwork
from gdest.predict import choose_device
from gdest.records import ModelCard
from gdest.settings import TrainSettings
from gdest.training import metrics
from gdest.training.augment import Batch, cut_batch, validation_batch
from gdest.training.data import Example, load_examples, read_labels, split_by_specimen
from gdest.training.refuse import fit_judge

WARM_UP_SHARE = 0.03
DENSE_WEIGHT = 0.3
"""Weight of each dense target beside the crop's own G, whose smooth-L1 has alpha 1 as in the paper."""


@dataclass(frozen=True)
class Epoch:
    """Hold one line of the training log."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_mae: float
    learning_rate: float


Report = Callable[[str], None]


class Trainer:
    """Hold what changes during a training run, so that it can be stopped and resumed."""

    def __init__(self, card: ModelCard, settings: TrainSettings, steps: int, dense: bool) -> None:
        self.device = choose_device(settings.device)
        self.settings = settings
        torch.manual_seed(settings.seed)
        self.network = network.to_device(network.build(card, settings.init), self.device)
        self.dense_head = nn.Conv2d(512, 2, 1).to(self.device) if dense else None
        parameters = [*self.network.parameters(), *(self.dense_head.parameters() if self.dense_head else ())]
        self.optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, _schedule(settings.schedule, steps))
        self.average: AveragedModel | None = None
        if settings.average:
            averaging = get_ema_multi_avg_fn(settings.average)  # type: ignore[no-untyped-call]
            self.average = AveragedModel(self.network, multi_avg_fn=averaging, use_buffers=True)
        self.rng = np.random.default_rng(settings.seed)
        self.epochs: list[Epoch] = []

    @property
    def kept(self) -> GradeNetwork:
        """Return the network that is validated and saved: the running average where there is one."""
        return cast(GradeNetwork, self.average.module) if self.average is not None else self.network

    def autocast(self) -> torch.autocast:
        """Return the precision the passes run in."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.settings.bf16)

    def step(self, batch: Batch) -> float:
        """Take one optimiser step; return the loss of the crops' G alone."""
        self.network.train()
        with self.autocast():
            features = self.network.features(batch.crops.contiguous(memory_format=torch.channels_last))
            predicted = self.network.grade(features)
            dense = self.dense_head(features).float() if self.dense_head and batch.dense is not None else None
        main = functional.smooth_l1_loss(predicted, batch.g_seen)
        loss = main if dense is None else main + DENSE_WEIGHT * _dense_loss(dense, batch.dense)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.scheduler.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        return float(main.detach())

    @torch.inference_mode()
    def validate(self, batch: Batch) -> tuple[float, float]:
        """Return the loss and the mean absolute error on the validation crops."""
        self.kept.eval()
        predicted = []
        for part in torch.split(batch.crops, self.settings.batch):
            with self.autocast():
                predicted.append(self.kept(part.contiguous(memory_format=torch.channels_last)))
        g_seen = torch.cat(predicted)
        loss = functional.smooth_l1_loss(g_seen, batch.g_seen)
        return float(loss), float((g_seen - batch.g_seen).abs().mean())

    def state(self) -> dict[str, object]:
        """Return all that a resumed run needs."""
        return {
            "settings": asdict(self.settings),
            "network": self.network.state_dict(),
            "dense_head": self.dense_head.state_dict() if self.dense_head else None,
            "average": self.average.state_dict() if self.average is not None else None,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "rng": self.rng.bit_generator.state,
            "epochs": [asdict(epoch) for epoch in self.epochs],
        }

    def resume(self, path: Path) -> None:
        """Go on where a checkpoint stopped; raise `SettingsError` when it is of another run."""
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
        except Exception as error:  # torch raises many kinds for a damaged file
            raise SettingsError(f"The checkpoint {path} cannot be read; delete it to begin again.") from error
        if state["settings"] != asdict(self.settings):
            raise SettingsError(f"The checkpoint {path} is of a run with other settings; delete it or change --out.")
        self.network.load_state_dict(state["network"])
        if self.dense_head:
            self.dense_head.load_state_dict(state["dense_head"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.rng.bit_generator.state = state["rng"]
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]


def _dense_loss(predicted: Tensor, wanted: Tensor | None) -> Tensor:
    if wanted is None:
        raise ValueError("dense predictions need dense targets")
    return functional.smooth_l1_loss(predicted[:, 0], wanted[:, 0]) + functional.smooth_l1_loss(
        predicted[:, 1] + 10.0, wanted[:, 1]
    )


def _schedule(kind: str, steps: int) -> Callable[[int], float]:
    if kind == "constant":
        return lambda _: 1.0
    warm_up = max(1, round(WARM_UP_SHARE * steps))

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, steps - warm_up))))

    return factor


def train(
    data: Path, out: Path, settings: TrainSettings, report: Report, progress: Callable[[int, int], None]
) -> ModelCard:
    """Train on labelled micrographs and write the weights of the best epoch, with cosine the last, to `out`.

    A cosine schedule ends annealed; halfway its validation loss says little, least of all with crops
    smaller than the tiles of validation.
    Beside `out`: `.csv` (a line per epoch), `.png` (the curves), `.checkpoint` (to resume; removed
    at the end). `report` gets a line per epoch, `progress` (done, all) steps. Returns the card.
    """
    torch.set_float32_matmul_precision("high")
    device = choose_device(settings.device)
    labelled = read_labels(data, settings.um_per_px)
    for_training, for_validation = split_by_specimen(labelled, settings.validation_share, settings.seed)
    examples = load_examples(for_training, settings.reference_um_per_px, device)
    held_out = load_examples(for_validation, settings.reference_um_per_px, device)
    report(f"{len(examples)} micrographs for training, {len(held_out)} for validation, on {device}.")
    card = _new_card(examples, settings, data, len(labelled))
    crops = np.repeat(np.arange(len(examples)), settings.crops_per_micrograph)
    steps_per_epoch = max(1, len(crops) // settings.batch)
    steps = settings.epochs * steps_per_epoch
    trainer = Trainer(card, settings, steps, dense=examples[0].pyramid[0].shape[0] == 3)
    checkpoint = out.with_suffix(".checkpoint")
    if checkpoint.exists():
        trainer.resume(checkpoint)
        report(f"Resumed after epoch {len(trainer.epochs)}.")
    validation = validation_batch(held_out, card.tile_px)
    for epoch in range(len(trainer.epochs) + 1, settings.epochs + 1):
        order = trainer.rng.permutation(crops)
        losses = []
        for step in range(steps_per_epoch):
            picked = [examples[i] for i in order[step * settings.batch : (step + 1) * settings.batch]]
            losses.append(trainer.step(cut_batch(picked, settings, (card.g_min, card.g_max), trainer.rng)))
            progress((epoch - 1) * steps_per_epoch + step + 1, steps)
        rate = trainer.optimizer.param_groups[0]["lr"]
        line = Epoch(epoch, float(np.mean(losses)), *trainer.validate(validation), rate)
        if not math.isfinite(line.train_loss):
            raise DataError("The loss is no longer a number; try a smaller --lr.")
        trainer.epochs.append(line)
        report(
            f"epoch {epoch}/{settings.epochs}: train loss {line.train_loss:.4f}, validation loss "
            f"{line.validation_loss:.4f}, validation MAE {line.validation_mae:.3f} G (crops)"
        )
        if settings.schedule == "cosine" or line.validation_loss <= min(e.validation_loss for e in trainer.epochs):
            network.save(trainer.kept, card, out)
        _write_log(out, trainer.epochs)
        write_atomically(checkpoint, lambda path: torch.save(trainer.state(), path))
    if not trainer.epochs:
        network.save(trainer.network, card, out)
    best = network.load(out)
    report("Learning what not to grade, and calibrating the interval.")
    fit_judge(network.to_device(best.network, device), examples, settings)
    others = [item for folder in settings.calibration for item in read_labels(Path(folder), settings.um_per_px)]
    card = metrics.calibrated_card(best, others or for_validation, settings)
    network.save(best.network, card, out)
    checkpoint.unlink(missing_ok=True)
    return card


def _new_card(examples: Sequence[Example], settings: TrainSettings, data: Path, count: int) -> ModelCard:
    seen = [example.g_seen for example in examples]
    record = {name: str(value) for name, value in asdict(settings).items()}
    record |= {"data": data.name, "micrographs": str(count)}
    margin = min(settings.rescale_g, 0.5)
    low, high = max(min(seen) - margin, 0.0), max(seen) + margin
    if settings.init not in ("none", "imagenet"):
        # what the initial weights know stays in range: a scan halves coarse pictures, whatever was trained on
        known = network.load(Path(settings.init)).card
        low, high = min(low, known.g_min), max(high, known.g_max)
    return ModelCard(
        um_per_px=settings.reference_um_per_px,
        g_min=round(low, 2),
        g_max=round(high, 2),
        training=record,
        gdest_version=__version__,
    )


def _write_log(out: Path, epochs: Sequence[Epoch]) -> None:
    """Write the metrics CSV and the picture of the curves beside the weights."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [asdict(epoch) for epoch in epochs]

    def write_csv(path: Path) -> None:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def write_png(path: Path) -> None:
        figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
        for name in ("train_loss", "validation_loss"):
            axes.plot([row["epoch"] for row in rows], [row[name] for row in rows], label=name.replace("_", " "))
        axes.set(xlabel="epoch", ylabel="smooth-L1 loss", yscale="log")
        axes.legend()
        figure.savefig(path, dpi=120)
        pyplot.close(figure)

    write_atomically(out.with_suffix(".csv"), write_csv)
    write_atomically(out.with_suffix(".png"), write_png)
