"""Write the page of a study: how it was made, its tables, which of the paper's findings hold, its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gdest.training.study.grid import all_configurations
from gdest.training.study.tables import Finding, Spliced
from gdest.training.study.training_runs import Study

VERDICT = {True: "holds", False: "does not hold", None: "not run"}
CHOICES = """Where the paper leaves a detail open: a micrograph's answer is the mean of its crops' G, or the most
probable class by the mean of their probabilities; accuracy is counted on micrographs, so that crops and whole
images compare; Table I is with rescaling; the best configuration is that of the highest mean validation accuracy,
and its model the seed with the lowest validation loss; an embedding is the mean over a micrograph's crops; the
split is the same for all seeds. In an exact third of the pictures nothing is resampled: no turn but by right
angles, no rescaling."""


def page(
    study: Study,
    runs: pd.DataFrame,
    shown: Mapping[str, pd.DataFrame],
    findings: Sequence[Finding],
    spliced: Mapping[str, Spliced],
) -> str:
    """Return the text of `study.md`; `shown` are the tables by title."""
    lines = _how_it_was_made(study, runs)
    for title, table in shown.items():
        lines += ["", f"## {title}", "", *_markdown(table)]
    lines += ["", "Table I: test micrographs right, %; Table II: mean absolute error, G; both over seeds."]
    missing = [one.name for one in all_configurations() if one.name not in set(runs["config"])]
    if missing:
        lines += ["", f"Not run, {len(missing)} of the paper's configurations: {', '.join(missing)}."]
    if study.settings.training.init not in ("none", "imagenet"):
        lines += ["", "The initial weights had learnt grain size before; only the head started at random."]
    lines += ["", "## The paper's findings", "", "| finding | paper | here | |", "|---|---|---|---|"]
    lines += [f"| {one.statement} | {one.paper} | {one.ours} | {VERDICT[one.holds]} |" for one in findings]
    for name in ("fig4", "fig5", "fig6", "fig7", "fig8"):
        if (study.out / f"{name}.png").is_file():
            lines += ["", f"![{name}]({name}.png)"]
    for one in spliced.values():
        share = f"{one.share:.1%} of the spliced picture's pixels within 1 G of their quadrant's."
        lines += ["", f"Fig. 8, {one.config}: {share}"]
    return "\n".join(lines) + "\n"


def _how_it_was_made(study: Study, runs: pd.DataFrame) -> list[str]:
    """Return the lines that name the commands, the micrographs, the runs and the choices."""
    counts = ", ".join(f"{len(items)} {name}" for name, items in study.sets.items())
    grades = sorted({round(example.g_seen, 2) for items in study.sets.values() for example in items})
    seeds = runs.groupby("config").size()
    minutes, devices = runs["seconds"].sum() / 60, ", ".join(set(runs["device"]))
    return [
        *("# Study", "", "```sh", *study.commands, "```", ""),
        f"Micrographs of {study.data_name}: {counts}; grades {', '.join(f'{g:g}' for g in grades)}.",
        f"{len(runs)} runs of {len(seeds)} configurations, {_range(seeds)} of each, {_range(runs['epochs'])} epochs,",
        f"{minutes:.0f} minutes of training and measuring on {devices};",
        f"initial weights: {', '.join(sorted(set(runs['init'])))}. Every run is a row of `runs.csv`.",
        *("", CHOICES),
    ]


def _range(values: pd.Series[int]) -> str:
    return f"{values.min()}" if values.min() == values.max() else f"{values.min()} to {values.max()}"


def _markdown(table: pd.DataFrame) -> list[str]:
    """Return a table as Markdown lines, its index first."""
    head = ["", *map(str, table.columns)]
    rows = [[str(name), *("" if value is np.nan else str(value) for value in row)] for name, *row in table.itertuples()]
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]
