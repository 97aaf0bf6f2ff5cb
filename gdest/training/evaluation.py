"""Measure weights on labelled micrographs and write what was found.

There are two ways to count: `Errors` of whole micrographs as a scan grades them, and `Scores` as the paper counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gdest.core import GradeSettings, write_atomically
from gdest.model import BATCH, LoadedModel, choose_device, to_device
from gdest.training.examples import GRADE_STEP, load_examples
from gdest.training.frames import write_frame
from gdest.training.labels import Labelled, read_labels
from gdest.training.measuring import Errors, Measured, count_errors_of, errors_of, graded_only, measure
from gdest.training.paper_scores import (
    Answers,
    Grades,
    Scores,
    answers_of,
    confusion,
    grades_of,
    score,
    score_by_class,
)
from gdest.training.stages import Stage, no_stage
from gdest.training.suspects import warn_of_suspects

EVERYTHING = "all"
GRADED_ONLY = "graded only"


def evaluate(data: Path, model: LoadedModel, settings: GradeSettings, stage: Stage = no_stage) -> list[Measured]:
    """Grade every labelled micrograph of a table or folder, each with its own pixel size."""
    measured = measure(model, read_labels(data, settings.calibration.stated_um_per_px), settings, stage)
    warn_of_suspects(measured)
    return measured


def errors_by_group(measured: Sequence[Measured]) -> dict[str, Errors]:
    """Return the errors of each subfolder, of each whole grade where there is one folder, and of all.

    Where some are in review and others are not, those of the graded ones alone are the last.
    """
    return {name: errors_of(group) for name, group in _groups(measured).items()}


def count_errors_by_group(measured: Sequence[Measured]) -> dict[str, Errors]:
    """Return the errors of the counts by the same groups, without those in which nothing was counted."""
    found = {name: count_errors_of(group) for name, group in _groups(measured).items()}
    return {name: errors for name, errors in found.items() if errors is not None}


def _groups(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    folders: dict[str, list[Measured]] = {}
    for one in measured:
        folders.setdefault(one.item.file.name.rpartition("/")[0], []).append(one)
    if len(folders) == 1:
        folders = {}
        for one in sorted(measured, key=lambda one: one.item.g):
            folders.setdefault(f"G {round(one.item.g)}", []).append(one)
    graded = graded_only(measured)
    last = {GRADED_ONLY: graded} if 0 < len(graded) < len(measured) else {}
    return {**folders, EVERYTHING: list(measured), **last}


def write_errors(measured: Sequence[Measured], out: Path) -> None:
    """Write `evaluation.csv`, a line per micrograph, and `evaluation.png`, predicted against true G."""
    rows = [
        {
            "file": one.item.file.name,
            "true_g": one.item.g,
            "g": round(one.g, 3),
            "error": round(one.error, 3),
            "g_low": round(one.statistics.g_low, 3),
            "g_high": round(one.statistics.g_high, 3),
            "status": one.row.status,
            "reason": one.row.reason,
            **_counted(one),
        }
        for one in measured
    ]
    write_frame(pd.DataFrame(rows), out / "evaluation.csv")
    write_atomically(
        out / "evaluation.png", lambda path: _plot([one.item.g for one in measured], [one.g for one in measured], path)
    )


def _counted(one: Measured) -> dict[str, float | None]:
    count = one.count
    names = ("g_counted", "count_error", "g_counted_low", "g_counted_high")
    if count is None:
        return dict.fromkeys(names)
    numbers = (count.g, count.g - one.item.g, count.g_low, count.g_high)
    return {name: round(number, 3) for name, number in zip(names, numbers, strict=True)}


@dataclass(frozen=True)
class Answered:
    """Hold labelled micrographs, a network's answers to them at p0, and the grades to count with."""

    items: list[Labelled]
    answers: Answers
    classes: tuple[float, ...]


def evaluate_as_paper(data: Path, model: LoadedModel, settings: GradeSettings, stage: Stage = no_stage) -> Answered:
    """Show a network every labelled micrograph as in its training: in tiles at full size, or whole.

    The grades to count with are the classifier's own and those of the labels.
    """
    device = choose_device(settings.device)
    items = read_labels(data, settings.calibration.stated_um_per_px)
    examples = load_examples(items, model.card.um_per_px, device, label_maps=False, stage=stage)
    known = to_device(model.network, device)
    with stage("measuring", 0):
        answers = answers_of(known, examples, settings.batch or BATCH, bf16=settings.precision == "bf16")
    own = model.card.classes
    missing = [g for g in grades_of(answers.truth) if not own or np.abs(np.array(own) - g).min() > GRADE_STEP]
    return Answered(items, answers, tuple(sorted([*own, *missing])))


def scores_by_group(answered: Answered) -> dict[str, dict[str, Scores]]:
    """Return the scores on micrographs and on crops: of each grade, and of all."""
    answers, classes = answered.answers, answered.classes
    found = {}
    for kind, truth, g in (
        ("micrographs", answers.truth, answers.g),
        ("crops", answers.crop_truth, answers.crop_g),
    ):
        if len(truth):
            grades = {f"G {grade:g}": scores for grade, scores in score_by_class(truth, g, classes).items()}
            found[kind] = {**grades, EVERYTHING: score(truth, g, classes)}
    return found


def write_scores(answered: Answered, out: Path) -> list[Path]:
    """Write the answers as tables and return their paths, the plot of predicted against true G the last.

    `evaluation.csv` has a line per micrograph, `scores.csv` one per grade for micrographs and for crops;
    `confusion.csv` and, for a network of crops, `confusion-crops.csv` count true grades (rows) answered as others.
    """
    answers, classes = answered.answers, answered.classes
    rows = [
        {"file": item.file.name, "true_g": item.g, "true_g_seen": round(float(truth), 3), "g_seen": round(float(g), 3)}
        for item, truth, g in zip(answered.items, answers.truth, answers.g, strict=True)
    ]
    scores = [
        {"counted": kind, "set": name, **asdict(found)}
        for kind, groups in scores_by_group(answered).items()
        for name, found in groups.items()
    ]
    tables = {"evaluation.csv": pd.DataFrame(rows), "scores.csv": pd.DataFrame(scores).round(4)}
    for name, truth, g in (("", answers.truth, answers.g), ("-crops", answers.crop_truth, answers.crop_g)):
        if len(truth):
            counts = pd.DataFrame(confusion(truth, g, classes), index=classes, columns=classes)
            tables[f"confusion{name}.csv"] = counts.rename_axis("true G seen").reset_index()
    for name, table in tables.items():
        write_frame(table, out / name)
    write_atomically(out / "evaluation.png", lambda path: _plot(answers.truth, answers.g, path))
    return [out / name for name in (*tables, "evaluation.png")]


def _plot(true: Sequence[float] | Grades, predicted: Sequence[float] | Grades, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    ends = [min(true) - 0.5, max(true) + 0.5]
    axes.plot(ends, ends, color="black", linewidth=0.8)
    axes.fill_between(ends, [g - 0.5 for g in ends], [g + 0.5 for g in ends], color="grey", alpha=0.2, label="± 0.5 G")
    axes.scatter(true, predicted, s=10)
    axes.set(xlabel="true G", ylabel="predicted G", aspect="equal")
    axes.legend()
    figure.savefig(path, dpi=120)
