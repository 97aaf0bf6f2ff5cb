"""Write what a study found: the figures, the tables, and one page that joins them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from gdest.core import GradeSettings, write_atomically
from gdest.model import explain, share_within, splice
from gdest.training.scores import Answers
from gdest.training.study import figures, tables
from gdest.training.study.grid import all_configurations
from gdest.training.study.runs import UNSEEN, Study, make_again, make_runs, open_study
from gdest.training.study.schemes import StudySettings
from gdest.training.study.tables import Finding, Spliced, best_configuration

TASKS = ("classification", "regression")
VERDICT = {True: "holds", False: "does not hold", None: "not run"}
CHOICES = """Where the paper leaves a detail open: a micrograph's answer is the mean of its crops' G, or the most
probable class by the mean of their probabilities; accuracy is counted on micrographs, so that crops and whole
images compare; Table I is with rescaling; the best configuration is that of the highest mean validation accuracy,
and its model the seed with the lowest validation loss; an embedding is the mean over a micrograph's crops; the
split is the same for all seeds. In an exact third of the pictures nothing is resampled: no turn but by right
angles, no rescaling."""


def run_study(
    data: Path,
    out: Path,
    settings: StudySettings,
    unseen: Path | None,
    command: str,
    report: Callable[[str], None],
    progress: Callable[[int, int], None],
) -> list[Finding]:
    """Make the runs that are missing, then write figures, tables and `study.md` to `out`; return the findings."""
    study = open_study(data, out, settings, unseen, command)
    runs = make_runs(study, report, progress)
    while lost := [config for config in _pictured(runs) if not study.weights(config).is_file()]:
        runs = make_again(study, lost[0], report)
    answers = _best_answers(study, runs)
    for task, name in zip(TASKS, ("fig4", "fig5"), strict=True):
        if (runs["task"] == task).any():
            figures.draw_boxes(runs, task, out / f"{name}.png")
    if answers:
        figures.draw_planes(answers, out / "fig6.png")
        if study.sets[UNSEEN]:
            figures.draw_unseen(answers, out / "fig7.png")
    spliced = _draw_splice(study, runs)
    one, two = tables.table_1(runs), tables.table_2(runs)
    for name, table in (("table1", one), ("table2", two)):
        write_atomically(out / f"{name}.csv", lambda path, table=table: table.to_csv(path))  # type: ignore[misc]
    r2 = {task: figures.axis_r2(found["training"]) for task, found in answers.items()}
    found = tables.findings(runs, r2, spliced)
    text = _page(study, runs, {"Table I": one, "Table II": two}, found, spliced)
    write_atomically(out / "study.md", lambda path: path.write_text(text, encoding="utf-8"))
    return found


def _pictured(runs: pd.DataFrame) -> list[str]:
    """Return the configurations whose models Fig. 6, 7 and 8 show."""
    best = [best_configuration(runs, task) for task in TASKS]
    return [config for config in [*best, *_best_classifiers(runs).values()] if config is not None]


def _best_classifiers(runs: pd.DataFrame) -> dict[str, str | None]:
    """Return the best classifier of whole images and of crops."""
    return {shown: best_configuration(runs[runs["input"] == shown], "classification") for shown in ("image", "crop")}


def _best_answers(study: Study, runs: pd.DataFrame) -> dict[str, dict[str, Answers]]:
    """Return, for the best model of each task, its answers on every set that has micrographs."""
    found = {}
    for task in TASKS:
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


def _page(
    study: Study,
    runs: pd.DataFrame,
    shown: Mapping[str, pd.DataFrame],
    found: list[Finding],
    spliced: Mapping[str, Spliced],
) -> str:
    counts = ", ".join(f"{len(items)} {name}" for name, items in study.sets.items())
    grades = sorted({round(example.g_seen, 2) for items in study.sets.values() for example in items})
    seeds = runs.groupby("config").size()
    lines = ["# Study", "", "```sh", *study.commands, "```", ""]
    lines += [f"Micrographs of {study.data_name}: {counts}; grades {', '.join(f'{g:g}' for g in grades)}."]
    lines += [
        f"{len(runs)} runs of {len(seeds)} configurations, {_range(seeds)} of each, {_range(runs['epochs'])} epochs,"
    ]
    lines += [
        f"{runs['seconds'].sum() / 60:.0f} minutes of training and measuring on {', '.join(set(runs['device']))};"
    ]
    lines += [
        f"initial weights: {', '.join(sorted(set(runs['init'])))}. Every run is a row of `runs.csv`.",
        "",
        CHOICES,
    ]
    for title, table in shown.items():
        lines += ["", f"## {title}", "", *_markdown(table)]
    lines += ["", "Table I: test micrographs right, %; Table II: mean absolute error, G; both over seeds."]
    missing = [one.name for one in all_configurations() if one.name not in seeds.index]
    if missing:
        lines += ["", f"Not run, {len(missing)} of the paper's configurations: {', '.join(missing)}."]
    if study.settings.training.init not in ("none", "imagenet"):
        lines += ["", "The initial weights had learnt grain size before; only the head started at random."]
    lines += ["", "## The paper's findings", "", "| finding | paper | here | |", "|---|---|---|---|"]
    lines += [f"| {one.statement} | {one.paper} | {one.ours} | {VERDICT[one.holds]} |" for one in found]
    for name in ("fig4", "fig5", "fig6", "fig7", "fig8"):
        if (study.out / f"{name}.png").is_file():
            lines += ["", f"![{name}]({name}.png)"]
    for one in spliced.values():
        lines += [
            "",
            f"Fig. 8, {one.config}: {one.share:.1%} of the spliced picture's pixels within 1 G of their quadrant's.",
        ]
    return "\n".join(lines) + "\n"


def _range(values: pd.Series[int]) -> str:
    return f"{values.min()}" if values.min() == values.max() else f"{values.min()} to {values.max()}"


def _markdown(table: pd.DataFrame) -> list[str]:
    """Return a table as Markdown lines, its index first."""
    head = ["", *map(str, table.columns)]
    rows = [[str(name), *("" if value is np.nan else str(value) for value in row)] for name, *row in table.itertuples()]
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]
