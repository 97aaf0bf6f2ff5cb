"""Train a network: the paper's recipe as a story."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from gdest import __version__
from gdest.core import DataError, ModelCard, write_atomically
from gdest.grading import COARSE_G
from gdest.model import GradeNetwork, LoadedModel, choose_device, load_model, save_model, to_device
from gdest.training import metrics
from gdest.training.augment import Batch, cut_batch, joined, validation_batch
from gdest.training.data import Example, Labelled, Split, grades_present, load_examples, read_labels, split_in_three
from gdest.training.eight_bit_samples import with_int8_limits
from gdest.training.judge import fit_judge
from gdest.training.log import write_log, write_split
from gdest.training.scores import answer, card_figures
from gdest.training.settings import TrainSettings
from gdest.training.trainer import Epoch, Trainer

WRITING_SHARE = 0.05
"""Share of the time that may go into checkpoints and curves; the first and the last epoch are always written."""

Report = Callable[[str], None]
Progress = Callable[[int, int], None]


def train(data: Path, out: Path, settings: TrainSettings, report: Report, progress: Progress) -> ModelCard:
    """Train on labelled micrographs and write the weights of the best epoch, with cosine the last, to `out`.

    A cosine schedule ends annealed; halfway its validation loss says little, least of all with crops
    smaller than the tiles of validation.
    Beside `out`: `.csv` (a line per epoch), `.png` (the curves), `.split.csv` (with a test set), `.checkpoint`
    (to resume; removed at the end). `report` gets a line per epoch, `progress` (done, all) steps. Returns the card.
    """
    torch.set_float32_matmul_precision("high")
    device = choose_device(settings.device)
    labelled = read_labels(data, settings.um_per_px)
    split = split_in_three(labelled, settings)
    examples, held_out = (_load(items, settings) for items in (split.training, split.validation))
    too_coarse = COARSE_G - settings.shift_limit if settings.task == "regression" else -math.inf
    mixed = _load(_labelled(settings.mix, settings), settings, coarsest=too_coarse)
    beside = f" and {len(mixed)} mixed in" if mixed else ""
    report(f"{len(examples)} micrographs for training{beside}, {len(held_out)} for validation, on {device}.")
    card = new_card([*examples, *mixed], settings, data.name, len(labelled))
    fit(card, examples, held_out, out, settings, report, progress, mixed=mixed)
    best = with_int8_limits(load_model(out))
    to_device(best.network, device)
    card = _finished_card(best, examples, mixed, split, settings, report)
    save_model(best.network, card, out)
    if split.test:
        write_split(out, split)
    checkpoint_path(out).unlink(missing_ok=True)
    return card


def fit(
    card: ModelCard,
    examples: Sequence[Example],
    held_out: Sequence[Example],
    out: Path,
    settings: TrainSettings,
    report: Report,
    progress: Progress,
    *,
    mixed: Sequence[Example] = (),
    backbone_only: bool = False,
) -> list[Epoch]:
    """Run the epochs, resuming from a checkpoint; write the kept weights and the log; return the epochs.

    The checkpoint stays: it goes when the caller has made use of the weights.
    """
    crops = np.repeat(np.arange(len(examples)), settings.crops_per_micrograph if settings.input == "crop" else 1)
    own = settings.batch - settings.mixed_crops
    steps_per_epoch = max(1, len(crops) // own)
    steps = settings.epochs * steps_per_epoch
    dense = learns_from_label_maps(settings) and examples[0].pyramid[0].shape[0] == 3
    trainer = Trainer(card, settings, steps, dense=dense, backbone_only=backbone_only)
    if checkpoint_path(out).exists():
        trainer.resume(checkpoint_path(out))
        report(f"Resumed after epoch {len(trainer.epochs)}.")
    keeper = _Keeper(trainer, card, out)
    validation = validation_batch(held_out, settings, card.tile_px)
    for epoch in range(len(trainer.epochs) + 1, settings.epochs + 1):
        order = trainer.rng.permutation(crops)
        losses = []
        for step in range(steps_per_epoch):
            picked = [examples[i] for i in order[step * own : (step + 1) * own]]
            batch = cut_mixed(picked, mixed, card, settings, trainer.rng)
            losses.append(trainer.step(batch))
            progress((epoch - 1) * steps_per_epoch + step + 1, steps)
        rate = trainer.optimizer.param_groups[0]["lr"]
        line = Epoch(epoch, float(torch.stack(losses).double().mean()), *trainer.validate(validation), rate)
        if not math.isfinite(line.train_loss):
            raise DataError("The loss is no longer a number; try a smaller --lr.")
        trainer.epochs.append(line)
        report(
            f"epoch {epoch}/{settings.epochs}: train loss {line.train_loss:.4f}, validation loss "
            f"{line.validation_loss:.4f}, validation MAE {line.validation_mae:.3f} G ({settings.input}s)"
        )
        keeper.keep(last=epoch == settings.epochs)
    if not trainer.epochs:
        save_model(trainer.network, card, out)
    return trainer.epochs


def cut_mixed(
    picked: Sequence[Example],
    mixed: Sequence[Example],
    card: ModelCard,
    settings: TrainSettings,
    rng: np.random.Generator,
) -> Batch:
    """Cut the crops of one step, some of them from micrographs that are mixed in."""
    g_range = card.g_min, card.g_max
    batch = cut_batch(picked, settings, g_range, rng, card.classes)
    if not mixed:
        return batch
    others = [mixed[i] for i in rng.integers(len(mixed), size=settings.mixed_crops)]
    return joined(batch, cut_batch(others, settings, g_range, rng, card.classes))


class _Keeper:
    """Keep the best epoch's weights, and write them with the log and a checkpoint without slowing the run."""

    def __init__(self, trainer: Trainer, card: ModelCard, out: Path) -> None:
        self.trainer, self.card, self.out = trainer, card, out
        self.unsaved: GradeNetwork | None = None
        self.cost_s = self.written_at = 0.0

    def keep(self, *, last: bool) -> None:
        epochs = self.trainer.epochs
        best = epochs[-1].validation_loss <= min(epoch.validation_loss for epoch in epochs)
        if self.trainer.settings.schedule == "cosine" or best:
            self.unsaved = copy.deepcopy(self.trainer.kept)
        began = time.monotonic()
        if not last and began - self.written_at < self.cost_s / WRITING_SHARE:
            return
        if self.unsaved is not None:
            save_model(self.unsaved, self.card, self.out)
            self.unsaved = None
        write_log(self.out, epochs)
        write_atomically(checkpoint_path(self.out), lambda path: torch.save(self.trainer.state(), path))
        self.written_at = time.monotonic()
        self.cost_s = self.written_at - began


def checkpoint_path(out: Path) -> Path:
    """Return where the checkpoint of a run that writes `out` lies."""
    return out.with_suffix(".checkpoint")


def learns_from_label_maps(settings: TrainSettings) -> bool:
    """Return whether label maps teach the crops' own grains and dense targets: to a ResNet18 that regresses crops."""
    return (settings.backbone, settings.task, settings.input) == ("resnet18", "regression", "crop")


def _labelled(sources: Sequence[str], settings: TrainSettings) -> list[Labelled]:
    """Return the labelled micrographs that further settings name."""
    return [item for source in sources for item in read_labels(Path(source), settings.um_per_px)]


def _load(items: Sequence[Labelled], settings: TrainSettings, coarsest: float = -math.inf) -> list[Example]:
    device, maps = choose_device(settings.device), learns_from_label_maps(settings)
    return load_examples(items, settings.reference_um_per_px, device, label_maps=maps, coarsest=coarsest)


def new_card(examples: Sequence[Example], settings: TrainSettings, data_name: str, count: int) -> ModelCard:
    """Return the card of a network that is to be trained: what it answers, its range of G, its settings."""
    seen = [example.g_seen for example in examples]
    record = {name: str(value) for name, value in asdict(settings).items()}
    record |= {"data": data_name, "micrographs": str(count)}
    margin = min(settings.rescale_g, 0.5)
    low, high = max(min(seen) - margin, 0.0), max(seen) + margin
    if settings.init not in ("none", "imagenet") and settings.task == "regression":
        # what the initial weights know stays in range: a scan halves coarse pictures, whatever was trained on
        known = load_model(Path(settings.init)).card
        low, high = min(low, known.g_min), max(high, known.g_max)
    return ModelCard(
        backbone=settings.backbone,
        head=settings.head,
        task=settings.task,
        classes=grades_present(examples) if settings.task == "classification" else (),
        um_per_px=settings.reference_um_per_px,
        g_min=round(low, 2),
        g_max=round(high, 2),
        training=record,
        gdest_version=__version__,
        input=settings.input,
    )


def _finished_card(
    best: LoadedModel,
    examples: Sequence[Example],
    mixed: Sequence[Example],
    split: Split,
    settings: TrainSettings,
    report: Report,
) -> ModelCard:
    """Return the card with all that is learnt after the last epoch; fits the judge in place where there is one."""
    card = best.card
    if best.network.judge is not None:
        report("Learning what not to grade, and calibrating the interval.")
        fit_judge(best.network, best.network.judge, examples, settings, mixed=mixed)
    if settings.input == "crop":
        others = _labelled(settings.calibration, settings)
        card = metrics.calibrated_card(best, others or split.validation, settings)
    figures = dict(card.errors)
    plain = best.network.judge is None
    for name, items in (("validation", split.validation if plain else []), ("test", split.test)):
        if items:
            found = answer(best.network, _load(items, settings), settings.batch, bf16=settings.bf16)
            figures |= card_figures(name, found, card.classes)
    return replace(card, errors=figures)
