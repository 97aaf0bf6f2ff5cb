"""Train a network: the paper's recipe as a story."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gdest.core import DataError, ModelCard, __version__
from gdest.grading import COARSE_G
from gdest.model import LoadedModel, choose_device, load_model, save_model, to_device
from gdest.training.augment import Batch, cut_batch, validation_batch
from gdest.training.calibrating import calibrated_card
from gdest.training.checkpoints import Keeper, checkpoint_path, unfinished_path
from gdest.training.eight_bit_samples import with_int8_limits
from gdest.training.examples import Example, grades_present, load_examples
from gdest.training.judge import fit_judge
from gdest.training.labels import Labelled, Split, read_labels, split_in_three
from gdest.training.log import write_split
from gdest.training.paper_scores import answers_of, card_figures
from gdest.training.settings import TrainSettings
from gdest.training.stages import Say, Stage, no_stage, silent
from gdest.training.trainer import Epoch, Trainer

MOST_MARGIN_G = 0.5
"""The range of a card reaches beyond the training micrographs by the rescale augmentation, at most by this."""


@dataclass(frozen=True)
class Decoded:
    """Hold the decoded micrographs of a run; `mixed` gives a share of the crops of every step."""

    training: Sequence[Example]
    validation: Sequence[Example]
    mixed: Sequence[Example] = ()


def train(data: Path, out: Path, settings: TrainSettings, say: Say = silent, stage: Stage = no_stage) -> ModelCard:
    """Train on labelled micrographs and write the weights of the best epoch, with cosine the last, to `out`.

    A cosine schedule ends annealed; halfway its validation loss says little, least of all with crops smaller than
    the tiles of validation.
    `out` appears when it is calibrated and whole. Beside it: `.csv` (a line per epoch), `.png` (the curves),
    `.split.csv` (with a test set); until the end `.checkpoint` and `.unfinished.safetensors`, to resume. `say` gets a
    line per epoch, `stage` hears what is being done. Returns the card.
    """
    device = choose_device(settings.device)
    labelled = read_labels(data, settings.um_per_px)
    split = split_in_three(labelled, settings)
    decoded = _decode(split, settings, stage)
    beside = f" and {len(decoded.mixed)} mixed in" if decoded.mixed else ""
    counts = f"{len(decoded.training)} micrographs for training{beside}, {len(decoded.validation)} for validation"
    say(f"{counts}, on {device}.")
    card = new_card([*decoded.training, *decoded.mixed], settings, data.name, len(labelled))
    fit(card, decoded, out, settings, say, stage)
    unfinished = unfinished_path(out)
    with stage("measuring the limits for 8 bits", 0):
        best = with_int8_limits(load_model(unfinished))
    to_device(best.network, device)
    card = _finished_card(best, decoded, split, settings, stage)
    save_model(best.network, card, out)
    if split.test:
        write_split(out, split)
    for needless in (checkpoint_path(out), unfinished):
        needless.unlink(missing_ok=True)
    return card


def fit(
    card: ModelCard,
    decoded: Decoded,
    out: Path,
    settings: TrainSettings,
    say: Say = silent,
    stage: Stage = no_stage,
    *,
    title: str = "training",
    backbone_only: bool = False,
) -> list[Epoch]:
    """Run the epochs, resuming from a checkpoint; write the log, and the kept weights to `unfinished_path(out)`.

    Return the epochs. The checkpoint stays: it goes when the caller has made use of the weights.
    """
    steps_per_epoch = steps_of_epoch(decoded, settings)
    steps = settings.epochs * steps_per_epoch
    torch.manual_seed(settings.seed)
    dense = _has_label_maps(decoded.training, settings)
    trainer = Trainer(card, settings, steps, dense=dense, backbone_only=backbone_only)
    if checkpoint_path(out).exists():
        trainer.resume(checkpoint_path(out))
        say(f"Resumed after epoch {len(trainer.epochs)}.")
    keeper = Keeper(trainer, card, out)
    with stage("cutting the pictures to validate on", 0):
        validation = validation_batch(decoded.validation, settings, card.tile_px)
    left = range(len(trainer.epochs) + 1, settings.epochs + 1)
    with stage(title, len(left) * steps_per_epoch) as advance:
        for number in left:
            _run_epoch(number, trainer, decoded, validation, advance)
            say(_line(trainer.epochs[-1], settings))
            keeper.keep(last=number == settings.epochs)
    if not trainer.epochs:
        save_model(trainer.network, card, unfinished_path(out))
    return trainer.epochs


def _run_epoch(
    number: int, trainer: Trainer, decoded: Decoded, validation: Batch, advance: Callable[[int], None]
) -> None:
    """Take the steps of an epoch and validate; raise `DataError` for a loss that is no longer a number."""
    settings, losses = trainer.settings, []
    for batch in _batches(decoded, trainer.network.card, settings, trainer.rng, steps_of_epoch(decoded, settings)):
        losses.append(trainer.step(batch))
        advance(1)
    rate = trainer.optimizer.param_groups[0]["lr"]
    epoch = Epoch(number, float(torch.stack(losses).double().mean()), *trainer.validate(validation), rate)
    if not math.isfinite(epoch.train_loss):
        raise DataError("The loss is no longer a number; try a smaller --lr.")
    trainer.epochs.append(epoch)


def steps_of_epoch(decoded: Decoded, settings: TrainSettings) -> int:
    """Return how many steps show each training micrograph as often as any other."""
    return max(1, len(_crops_of(decoded.training, settings)) // _own_crops(settings))


def _line(epoch: Epoch, settings: TrainSettings) -> str:
    return (
        f"epoch {epoch.epoch}/{settings.epochs}: train loss {epoch.train_loss:.4f}, validation loss "
        f"{epoch.validation_loss:.4f}, validation MAE {epoch.validation_mae:.3f} G ({settings.input}s)"
    )


def _own_crops(settings: TrainSettings) -> int:
    """Return how many crops of a step come from the training micrographs themselves."""
    return settings.batch - settings.mixed_crops


def _crops_of(examples: Sequence[Example], settings: TrainSettings) -> NDArray[np.intp]:
    """Return the index of the micrograph of each crop of an epoch."""
    return np.repeat(np.arange(len(examples)), settings.crops_per_micrograph if settings.input == "crop" else 1)


def _batches(
    decoded: Decoded, card: ModelCard, settings: TrainSettings, rng: np.random.Generator, steps: int
) -> Iterator[Batch]:
    """Yield the crops of each step of an epoch, every micrograph as often as any other."""
    order = rng.permutation(_crops_of(decoded.training, settings))
    own = _own_crops(settings)
    for step in range(steps):
        picked = [decoded.training[i] for i in order[step * own : (step + 1) * own]]
        yield cut_mixed(picked, decoded.mixed, card, settings, rng)


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
    return batch.followed_by(cut_batch(others, settings, g_range, rng, card.classes))


def learns_from_label_maps(settings: TrainSettings) -> bool:
    """Return whether the network learns from label maps: only a ResNet18 that regresses crops does."""
    return (settings.backbone, settings.task, settings.input) == ("resnet18", "regression", "crop")


def _has_label_maps(examples: Sequence[Example], settings: TrainSettings) -> bool:
    return learns_from_label_maps(settings) and bool(examples[0].log2_density)


def _labelled(sources: Sequence[str], settings: TrainSettings) -> list[Labelled]:
    """Return the labelled micrographs that further settings name."""
    return [item for source in sources for item in read_labels(Path(source), settings.um_per_px)]


def _decode(split: Split, settings: TrainSettings, stage: Stage) -> Decoded:
    """Decode what is trained and validated on; coarse micrographs that are mixed in are halved as a scan does."""
    coarsest = COARSE_G - settings.shift_limit if settings.task == "regression" else -math.inf
    mixed = _load(_labelled(settings.mix, settings), settings, stage, coarsest)
    return Decoded(_load(split.training, settings, stage), _load(split.validation, settings, stage), mixed)


def _load(
    items: Sequence[Labelled], settings: TrainSettings, stage: Stage, coarsest: float = -math.inf
) -> list[Example]:
    device, maps = choose_device(settings.device), learns_from_label_maps(settings)
    return load_examples(items, settings.reference_um_per_px, device, label_maps=maps, coarsest=coarsest, stage=stage)


def new_card(examples: Sequence[Example], settings: TrainSettings, data_name: str, count: int) -> ModelCard:
    """Return the card of a network that is to be trained: what it answers, its range of G, its settings.

    It draws boundaries where it learns from label maps; a network that learns without them forgets how.
    """
    seen, keeps = [example.g_seen for example in examples], False
    record = {name: str(value) for name, value in asdict(settings).items()}
    record |= {"data": data_name, "micrographs": str(count)}
    margin = min(settings.rescale_g, MOST_MARGIN_G)
    low, high = max(min(seen) - margin, 0.0), max(seen) + margin
    if settings.init not in ("none", "imagenet") and settings.task == "regression":
        # what the initial weights know stays in range: a scan halves coarse pictures, whatever was trained on
        known = load_model(Path(settings.init)).card
        low, high = min(low, known.g_min), max(high, known.g_max)
        keeps = not settings.epochs and known.boundaries
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
        boundaries=keeps or (settings.epochs > 0 and _has_label_maps(examples, settings)),
    )


def _finished_card(
    best: LoadedModel, decoded: Decoded, split: Split, settings: TrainSettings, stage: Stage
) -> ModelCard:
    """Return the card with all that is learnt after the last epoch; fit the judge in place where there is one."""
    card = best.card
    judge = best.network.judge
    if judge is not None:
        fit_judge(best.network, judge, decoded.training, settings, mixed=decoded.mixed, stage=stage)
    if settings.input == "crop":
        others = _labelled(settings.calibration, settings)
        card = calibrated_card(best, others or split.validation, settings, stage)
    figures = dict(card.errors)
    for name, items in (("validation", split.validation if judge is None else []), ("test", split.test)):
        if items:
            examples = _load(items, settings, stage)
            with stage(f"measuring on the {name} set", 0):
                answers = answers_of(best.network, examples, settings.batch, bf16=settings.bf16)
            figures |= card_figures(name, answers, card.classes)
    return replace(card, errors=figures)
