"""Make labelled micrographs, train on them, measure on them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from gdest.cli.console import print_errors, print_opinions, print_scores, say_written
from gdest.cli.run_info import load_weights
from gdest.core import ExitCode, GradeSettings, progress, require, require_writable, say
from gdest.model import LoadedModel
from gdest.synth import SynthSettings
from gdest.training import TrainSettings

stage = partial(progress, every_step=False)
"""How training and measuring tell where they are: a bar on a terminal, a line every ten seconds elsewhere."""


def run_train(data: Path, out: Path, settings: TrainSettings) -> ExitCode:
    """Train, with a bar and a line per epoch; return the exit code."""
    require_writable(out)
    with stage("starting"):  # PyTorch alone takes half a minute on a busy machine
        import torch

        from gdest.training import train

    torch.set_float32_matmul_precision("high")
    card = train(data, out, settings, say, stage)
    for name, value in card.errors.items():
        say(f"{name}: {value:g}")
    beside = [out.with_suffix(ending) for ending in (".csv", ".png")] if settings.epochs else []
    say_written(out, *beside, *([out.with_suffix(".split.csv")] if settings.test_share else []))
    return ExitCode.GRADED


def run_evaluate(
    data: Path, settings: GradeSettings, weights: Path | None, out: Path | None, *, paper: bool
) -> ExitCode:
    """Measure weights on labelled micrographs; print the errors on standard output."""
    if out is not None:
        require_writable(out, folder=True)
    with stage("starting"):
        from gdest.training import errors_by_group, evaluate, write_errors

        model = load_weights(weights)
    if paper or model.card.classes or model.card.input == "image":
        return _evaluate_as_the_paper(data, settings, model, out)
    measured = evaluate(data, model, settings, stage)
    print_errors(errors_by_group(measured))
    if out is not None:
        write_errors(measured, out)
        say_written(out / "evaluation.csv", out / "evaluation.png")
    return ExitCode.GRADED


def run_calibrate(data: Path, out: Path, settings: GradeSettings, weights: Path | None) -> ExitCode:
    """Calibrate weights on a lab's own fields; print before and after on standard output."""
    require_writable(out)
    with stage("starting"):
        from gdest.training import calibrate_own

        model = load_weights(weights)
    opinions = calibrate_own(data, model, out, settings, stage)
    print_opinions(opinions)
    for one in opinions:
        fields = len(one.errors)
        say(f"{one.name}: with {2 * fields} fields about +-{one.half_width_of(2 * fields):.2f} G")
    say_written(out)
    return ExitCode.GRADED


def _evaluate_as_the_paper(data: Path, settings: GradeSettings, model: LoadedModel, out: Path | None) -> ExitCode:
    from gdest.training import evaluate_as_paper, scores_by_group, write_scores

    evaluated = evaluate_as_paper(data, model, settings, stage)
    for title, groups in scores_by_group(evaluated).items():
        print_scores(title, groups)
    if out is not None:
        say_written(*write_scores(evaluated, out))
    return ExitCode.GRADED


def run_synth(out: Path, settings: SynthSettings) -> ExitCode:
    """Make synthetic micrographs; return the exit code."""
    from gdest.synth import write_dataset

    labels = out / "labels.csv"
    require(not labels.exists(), f"{labels} is there already; give a folder of its own, or remove it first.")
    with progress("making micrographs", settings.count) as advance:
        for _ in write_dataset(out, settings):
            advance(1)
    say(f"Written: {settings.count} micrographs and {labels}")
    return ExitCode.GRADED
