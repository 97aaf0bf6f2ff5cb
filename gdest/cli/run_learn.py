"""Make labelled micrographs, train on them, measure on them."""

from __future__ import annotations

from pathlib import Path

from rich.progress import Progress

from gdest.cli.console import print_errors, print_opinions, print_scores
from gdest.cli.run_info import load_weights
from gdest.core import ExitCode, GradeSettings, progress, require_writable, say, stderr
from gdest.model import LoadedModel
from gdest.synth import SynthSettings
from gdest.training import TrainSettings


def run_train(data: Path, out: Path, settings: TrainSettings) -> ExitCode:
    """Train, with a bar and a line per epoch; return the exit code."""
    require_writable(out)
    import torch

    from gdest.training import train

    torch.set_float32_matmul_precision("high")
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task("training")
        card = train(data, out, settings, say, lambda done, steps: bar.update(task, completed=done, total=steps))
    for name, value in card.errors.items():
        say(f"{name}: {value:g}")
    say(f"Written: {out}, {out.with_suffix('.csv')}, {out.with_suffix('.png')}")
    return ExitCode.GRADED


def run_evaluate(
    data: Path, settings: GradeSettings, weights: Path | None, out: Path | None, *, paper: bool
) -> ExitCode:
    """Measure weights on labelled micrographs; print the errors on standard output."""
    from gdest.training import errors_by_group, evaluate, write_errors

    if out is not None:
        require_writable(out, folder=True)
    model = load_weights(weights)
    if paper or model.card.classes or model.card.input == "image":
        return _evaluate_as_the_paper(data, settings, model, out)
    measured = evaluate(data, model, settings)
    print_errors(errors_by_group(measured))
    if out is not None:
        write_errors(measured, out)
        say(f"Written: {out / 'evaluation.csv'}, {out / 'evaluation.png'}")
    return ExitCode.GRADED


def run_calibrate(data: Path, out: Path, settings: GradeSettings, weights: Path | None) -> ExitCode:
    """Calibrate weights on a lab's own fields; print before and after on standard output."""
    require_writable(out)
    from gdest.training import calibrate_own

    opinions = calibrate_own(data, load_weights(weights), out, settings)
    print_opinions(opinions)
    for one in opinions:
        fields = len(one.errors)
        say(f"{one.name}: with {2 * fields} fields about +-{one.half_width_of(2 * fields):.2f} G")
    say(f"Written: {out}")
    return ExitCode.GRADED


def _evaluate_as_the_paper(data: Path, settings: GradeSettings, model: LoadedModel, out: Path | None) -> ExitCode:
    from gdest.training import evaluate_as_paper, scores_by_group, write_scores

    evaluated = evaluate_as_paper(data, model, settings)
    for title, groups in scores_by_group(evaluated).items():
        print_scores(title, groups)
    if out is not None:
        say(f"Written: {', '.join(map(str, write_scores(evaluated, out)))}")
    return ExitCode.GRADED


def run_synth(out: Path, settings: SynthSettings) -> ExitCode:
    """Make synthetic micrographs; return the exit code."""
    from gdest.synth import write_dataset

    with progress("making micrographs", settings.count) as advance:
        for _ in write_dataset(out, settings):
            advance(1)
    say(f"Written: {settings.count} micrographs and {out / 'labels.csv'}")
    return ExitCode.GRADED
