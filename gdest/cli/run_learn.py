"""Make labelled micrographs, train on them, measure on them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from gdest.cli.console import print_errors, print_opinions, print_scores, say_written
from gdest.cli.interrupted import ctrl_c_told, nothing_written
from gdest.cli.run_info import load_weights
from gdest.core import ExitCode, GradeSettings, progress, require, require_writable, say
from gdest.model import LoadedModel
from gdest.synth import SynthSettings
from gdest.training import TrainSettings, checkpoint_path, epochs_logged

stage = partial(progress, every_step=False)
"""How training and measuring tell where they are: a bar on a terminal, a line every ten seconds elsewhere."""


def run_train(data: Path | None, out: Path, settings: TrainSettings) -> ExitCode:
    """Train, with a bar and a line per epoch; return the exit code."""
    require_writable(out)
    with ctrl_c_told(partial(_kept_of_training, out, settings)):
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


def _kept_of_training(out: Path, settings: TrainSettings) -> str:
    """Return what an interrupted training leaves, and how it goes on."""
    checkpoint = checkpoint_path(out)
    if not checkpoint.exists():
        return "no epoch had ended, so nothing is kept."
    done = f"{epochs_logged(out)} of {settings.epochs} epochs"
    return f"{checkpoint} keeps {done}, and the same command goes on from there."


def run_evaluate(
    data: Path, settings: GradeSettings, weights: Path | None, out: Path | None, *, paper: bool
) -> ExitCode:
    """Measure weights on labelled micrographs; print the errors on standard output."""
    if out is not None:
        require_writable(out, folder=True)
    with ctrl_c_told(nothing_written):
        with stage("starting"):
            from gdest.training import count_errors_by_group, errors_by_group, evaluate, write_errors

            model = load_weights(weights)
        if paper or model.card.classes or model.card.input == "image":
            return _evaluate_as_the_paper(data, settings, model, out)
        measured = evaluate(data, model, settings, stage)
    print_errors(errors_by_group(measured), count_errors_by_group(measured))
    if out is not None:
        write_errors(measured, out)
        say_written(out / "evaluation.csv", out / "evaluation.png")
    return ExitCode.GRADED


def run_calibrate(data: Path, out: Path, settings: GradeSettings, weights: Path | None) -> ExitCode:
    """Calibrate weights on a lab's own fields; print before and after on standard output."""
    require_writable(out)
    with ctrl_c_told(nothing_written):
        with stage("starting"):
            from gdest.training import calibrate_own

            model = load_weights(weights)
        opinions = calibrate_own(data, model, out, settings, stage)
    print_opinions(opinions)
    if opinions[0].has_no_lines:
        say("estimate: counts do not move it, since hardly any boundary of these fields shows a line")
    elif opinions[0].leaves_count:
        say("estimate: counts no longer move it; the fields agree better without, now that its lean is taken off")
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
    made: list[float] = []

    def kept() -> str:
        done = f"{len(made)} of {settings.count} micrographs are written"
        return f"{done}; remove {labels} and give the same command again to make them all."

    with ctrl_c_told(kept), progress("making micrographs", settings.count) as advance:
        for row in write_dataset(out, settings):
            made.append(float(row["g"]))
            advance(1)
    say(f"Written: {settings.count} micrographs and {labels}")
    outside = sum(not settings.g_min <= g <= settings.g_max for g in made)
    if outside and not settings.grades:
        say(
            f"{outside} of {settings.count} labels lie outside --g-min..--g-max, all of them in "
            f"{min(made):.2f}..{max(made):.2f}: G is counted on what was drawn, not what was asked for."
        )
    return ExitCode.GRADED
