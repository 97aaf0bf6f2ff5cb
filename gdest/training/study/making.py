"""Make a study: the training runs, then figures, tables and one page that joins them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from gdest.core import GradeSettings, write_atomically
from gdest.model import explain, share_within, splice
from gdest.training.frames import write_frame
from gdest.training.paper_scores import Answers
from gdest.training.stages import Say, Stage, no_stage, silent
from gdest.training.study import figures, tables
from gdest.training.study.page import page
from gdest.training.study.schemes import StudySettings
from gdest.training.study.tables import Finding, Spliced, best_configuration
from gdest.training.study.time_given import with_epochs_that_fit
from gdest.training.study.training_runs import (
    UNSEEN,
    Study,
    claim,
    epochs_begun_with,
    make_again,
    make_runs,
    open_study,
)

FIGURE_OF = {"classification": "fig4", "regression": "fig5"}
"""The figure that compares the configurations of each task."""


def make_study(
    data: Path,
    out: Path,
    settings: StudySettings,
    unseen: Path | None,
    command: str,
    say: Say = silent,
    stage: Stage = no_stage,
) -> list[Finding]:
    """Make the runs that are missing, then write figures, tables and `study.md` to `out`; return the findings.

    With `minutes` the number of epochs is chosen when the study begins, and stays when it goes on. Raises
    `SettingsError` when `out` holds a study with other settings.
    """
    begun = epochs_begun_with(out) if settings.minutes is not None else None
    if begun is not None:
        settings = replace(settings, training=replace(settings.training, epochs=begun))
    chosen_by_time = settings.minutes if begun is None else None
    commands = (
        claim(out, settings, data, unseen, command) if chosen_by_time is None else ()
    )  # before hours are spent on reading
    study = open_study(data, out, settings, unseen, stage)
    if chosen_by_time is not None:
        study = with_epochs_that_fit(study, chosen_by_time, say, stage)
        commands = claim(out, study.settings, data, unseen, command)
    study = replace(study, commands=commands)
    runs = make_runs(study, say, stage)
    while lost := [config for config in _pictured(runs) if not study.weights(config).is_file()]:
        runs = make_again(study, lost[0], say, stage)
    with stage("drawing figures and tables", 0):
        return _write_findings(study, runs)


def _write_findings(study: Study, runs: pd.DataFrame) -> list[Finding]:
    out = study.out
    answers = _best_answers(study, runs)
    for task, name in FIGURE_OF.items():
        if (runs["task"] == task).any():
            figures.draw_boxes(runs, task, out / f"{name}.png")
    if answers:
        figures.draw_planes(answers, out / "fig6.png")
        if study.sets[UNSEEN]:
            figures.draw_unseen(answers, out / "fig7.png")
    spliced = _draw_splice(study, runs)
    one, two = tables.table_1(runs), tables.table_2(runs)
    write_frame(one, out / "table1.csv", index=True)
    write_frame(two, out / "table2.csv", index=True)
    r2 = {task: figures.axis_r2(found["training"]) for task, found in answers.items()}
    found = tables.findings(runs, r2, spliced)
    text = page(study, runs, {"Table I": one, "Table II": two}, found, spliced)
    write_atomically(out / "study.md", lambda path: path.write_text(text, encoding="utf-8"))
    return found


def _pictured(runs: pd.DataFrame) -> list[str]:
    """Return the configurations whose models Fig. 6, 7 and 8 show."""
    best = [best_configuration(runs, task) for task in FIGURE_OF]
    return [config for config in [*best, *_best_classifiers(runs).values()] if config is not None]


def _best_classifiers(runs: pd.DataFrame) -> dict[str, str | None]:
    """Return the best classifier of whole images and of crops."""
    return {shown: best_configuration(runs[runs["input"] == shown], "classification") for shown in ("image", "crop")}


def _best_answers(study: Study, runs: pd.DataFrame) -> dict[str, dict[str, Answers]]:
    """Return, for the best model of each task, its answers on every set that has micrographs."""
    found = {}
    for task in FIGURE_OF:
        best = best_configuration(runs, task)
        if best is not None:
            model = study.best_model(best)
            found[task] = {name: study.answers(model, name) for name, items in study.sets.items() if items}
    return found


def _draw_splice(study: Study, runs: pd.DataFrame) -> dict[str, Spliced]:
    """Draw Fig. 8 with the best classifier of whole images and of crops; return what each shows, by its input.

    The four test micrographs are spread over the grades.
    """
    test = sorted(study.sets["test"], key=lambda example: example.g_seen)
    best = {shown: config for shown, config in _best_classifiers(runs).items() if config is not None}
    if len(test) < 4 or not best:
        return {}
    four = [test[round(i * (len(test) - 1) / 3)] for i in range(4)]
    quarters = [example.pyramid[0][0].cpu().numpy() for example in four]
    pixels, truth = splice(quarters, [example.g_seen for example in four])
    settings = GradeSettings(device=study.settings.training.device)
    grades = {shown: explain(pixels, study.best_model(config), settings).g_seen for shown, config in best.items()}
    found = {shown: Spliced(best[shown], share_within(one, truth)) for shown, one in grades.items()}
    figures.draw_spliced(pixels, truth, grades, found, study.out / "fig8.png")
    return found
