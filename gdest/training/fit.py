"""Train a network: the paper's recipe as a story."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from gdest.core import DataError, ModelCard, __version__, in_time, require
from gdest.grading import COARSE_G
from gdest.model import LoadedModel, choose_device, load_model, save_model, to_device
from gdest.training.augment import Batch, validation_batch
from gdest.training.calibrating import calibrated_card
from gdest.training.checkpoints import Keeper
from gdest.training.drawn_sets import drawn_to_judge, drawn_to_validate
from gdest.training.eight_bit_samples import with_int8_limits
from gdest.training.examples import Example, grades_present, load_examples
from gdest.training.feeding import Decoded, Feed, alike, feeding, joined, steps_of_epoch
from gdest.training.forecast import Forecast
from gdest.training.judge import fit_judge
from gdest.training.labels import Labelled, Split, read_labels, split_in_three
from gdest.training.log import write_split
from gdest.training.paper_scores import answers_of, card_figures
from gdest.training.run_files import checkpoint_path, unfinished_path
from gdest.training.settings import TrainSettings, initial_weights
from gdest.training.stages import Say, Stage, no_stage, silent
from gdest.training.trainer import Epoch, Trainer
from gdest.training.unfit_files import unfit_files, unfit_tiles

MOST_MARGIN_G = 0.5
"""The range of a card reaches beyond the training micrographs by the rescale augmentation, at most by this."""

FEWEST_FOR_COVERAGE = 20
"""A coverage of nine in ten that two micrographs show says nothing of it."""


def train(
    data: Path | None, out: Path, settings: TrainSettings, say: Say = silent, stage: Stage = no_stage
) -> ModelCard:
    """Train on labelled micrographs and write the weights of the best epoch, with cosine the last, to `out`.

    Without `data` those that `settings.drawing` names are all there are. A cosine schedule ends annealed; halfway its
    validation loss says little, least of all with crops smaller than the tiles of validation.
    `out` appears when it is calibrated and whole. Beside it: `.csv` (a line per epoch), `.png` (the curves),
    `.split.csv` (with a test set); until the end `.checkpoint` and `.unfinished.safetensors`, to resume. `say` gets a
    line per epoch, `stage` hears what is being done. Returns the card.
    """
    require(data is not None or settings.drawing.draw > 0, "Give DATA to train on, or --draw to have it drawn.")
    unfit_files(settings.unfit)  # a slip is told before hours are spent
    device = choose_device(settings.device)
    labelled = read_labels(data, settings.um_per_px) if data is not None else []
    split = split_in_three(labelled, settings) if labelled else Split([], [], [])
    with drawn_to_validate(settings, stage) as drawn:
        split = replace(split, validation=[*split.validation, *drawn])
        decoded = _decode(split, settings, stage)
        say(f"{_counts(decoded, settings)}, on {device}.")
        name = data.name if data is not None else "drawn"
        card = new_card([*decoded.training, *decoded.mixed], settings, name, len(labelled) + settings.drawn)
        fit(card, decoded, out, settings, say, stage)
        unfinished = unfinished_path(out)
        with stage("measuring the limits for 8 bits", 0):
            best = with_int8_limits(load_model(unfinished))
        to_device(best.network, device)
        card = _finished_card(best, decoded, split, drawn, settings, stage)
    save_model(best.network, card, out)
    if split.test:
        write_split(out, split)
    for needless in (checkpoint_path(out), unfinished):
        needless.unlink(missing_ok=True)
    return card


def _counts(decoded: Decoded, settings: TrainSettings) -> str:
    """Return what is trained and validated on, in words."""
    kinds = []
    if decoded.training:
        kinds.append(f"{len(decoded.training)} micrographs for training")
    if settings.drawing.draw:
        drawing = settings.drawing
        processes = f"{drawing.processes} process{'es' if drawing.processes > 1 else ''}"
        kinds.append(f"{settings.drawn} to be drawn, {drawing.draw} in each epoch, by {processes}")
    if decoded.mixed:
        kinds.append(f"{len(decoded.mixed)} mixed in")
    return f"{' and '.join(kinds)}, {len(decoded.validation)} for validation"


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
    torch.manual_seed(settings.seed)
    dense = _has_label_maps(decoded.training, settings)
    steps = settings.epochs * steps_of_epoch(decoded, settings)
    trainer = Trainer(card, settings, steps, dense=dense, backbone_only=backbone_only)
    if checkpoint_path(out).exists():
        trainer.resume(checkpoint_path(out))
        say(f"Resumed after epoch {len(trainer.epochs)}.")
    keeper = Keeper(trainer, card, out)
    with stage("cutting the pictures to validate on", 0):
        validation = joined([validation_batch(one, settings, card.tile_px) for one in alike(decoded.validation)])
    _run_epochs(keeper, decoded, validation, say, stage, title)
    if not trainer.epochs:
        save_model(trainer.network, card, unfinished_path(out))
    return trainer.epochs


def _run_epochs(keeper: Keeper, decoded: Decoded, validation: Batch, say: Say, stage: Stage, title: str) -> None:
    """Run the epochs that are left, and keep the weights after each."""
    trainer, card, settings = keeper.trainer, keeper.card, keeper.trainer.settings
    done = len(trainer.epochs)
    left = range(done + 1, settings.epochs + 1)
    steps = len(left) * steps_of_epoch(decoded, settings)
    with feeding(decoded, card, settings, done) as feed:
        if settings.drawing.draw and left:
            with stage("drawing the first micrographs", 0):
                feed.draw_first(left[0])
        with stage(title, steps) as advance:
            forecast = Forecast(steps, decoded, settings, card, say, advance)
            for number in left:
                _run_epoch(number, trainer, feed, validation, forecast.advance)
                say(_line(trainer.epochs[-1], settings))
                keeper.keep(last=number == settings.epochs)
        if feed.waited_s:
            say(f"Training waited {in_time(feed.waited_s)} for micrographs to be drawn.")


def _run_epoch(number: int, trainer: Trainer, feed: Feed, validation: Batch, advance: Callable[[int], None]) -> None:
    """Take the steps of an epoch and validate; raise `DataError` for a loss that is no longer a number."""
    losses = []
    for batch in feed.batches(number, trainer.rng):
        losses.append(trainer.step(batch))
        advance(1)
    rate = trainer.optimizer.param_groups[0]["lr"]
    epoch = Epoch(number, float(torch.stack(losses).double().mean()), *trainer.validate(validation), rate)
    if not math.isfinite(epoch.train_loss):
        raise DataError("The loss is no longer a number; try a smaller --lr.")
    trainer.epochs.append(epoch)


def _line(epoch: Epoch, settings: TrainSettings) -> str:
    return (
        f"epoch {epoch.epoch}/{settings.epochs}: train loss {epoch.train_loss:.4f}, validation loss "
        f"{epoch.validation_loss:.4f}, validation MAE {epoch.validation_mae:.3f} G ({settings.input}s)"
    )


def _has_label_maps(examples: Sequence[Example], settings: TrainSettings) -> bool:
    known = any(example.log2_density for example in examples)
    return settings.learns_from_label_maps and (known or settings.drawing.draw > 0)


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
    device, maps = choose_device(settings.device), settings.learns_from_label_maps
    return load_examples(items, settings.reference_um_per_px, device, label_maps=maps, coarsest=coarsest, stage=stage)


def new_card(examples: Sequence[Example], settings: TrainSettings, data_name: str, count: int) -> ModelCard:
    """Return the card of a network that is to be trained: what it answers, its range of G, its settings.

    It draws boundaries where it learns from label maps; a network that learns without them forgets how.
    """
    seen, keeps = [example.g_seen for example in examples], False
    if settings.drawing.draw:
        seen += [settings.drawing.draw_g_min, settings.drawing.draw_g_max]
    record = {name: str(value) for name, value in settings.record().items()}
    record |= {"data": data_name, "micrographs": str(count)}
    margin = min(settings.rescale_g, MOST_MARGIN_G)
    low, high = max(min(seen) - margin, 0.0), max(seen) + margin
    if settings.init not in ("none", "imagenet") and settings.task == "regression":
        # what the initial weights know stays in range: a scan halves coarse pictures, whatever was trained on
        known = load_model(Path(initial_weights(settings.init))).card
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
    best: LoadedModel,
    decoded: Decoded,
    split: Split,
    drawn: Sequence[Labelled],
    settings: TrainSettings,
    stage: Stage,
) -> ModelCard:
    """Return the card with all that is learnt after the last epoch; fit the judge in place where there is one.

    Micrographs that were `drawn` to validate on also calibrate, beside those that the user gives for that.
    """
    card = best.card
    judge = best.network.judge
    if judge is not None:
        gradeable = [*decoded.training, *drawn_to_judge(settings, stage)]
        unfit = unfit_tiles(best, settings, stage)
        fit_judge(best.network, judge, gradeable, settings, mixed=decoded.mixed, unfit=unfit, stage=stage)
    if settings.input == "crop":
        others = _labelled(settings.calibration, settings)
        card = calibrated_card(best, [*others, *drawn] if others else split.validation, settings, stage)
    figures = dict(card.errors)
    if figures.get("validation_micrographs", 0) < FEWEST_FOR_COVERAGE:
        figures.pop("validation_coverage", None)
    for name, items in (("validation", split.validation if judge is None else []), ("test", split.test)):
        if items:
            examples = _load(items, settings, stage)
            with stage(f"measuring on the {name} set", 0):
                answers = answers_of(best.network, examples, settings.batch, bf16=settings.bf16)
            figures |= card_figures(name, answers, card.classes)
    return replace(card, errors=figures)
