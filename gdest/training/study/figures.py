"""Draw the paper's figures from the runs of a study, each as PNG with its numbers as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gdest.core import write_atomically
from gdest.reports import draw_grades, save_png, side_by_side
from gdest.training.frames import write_frame
from gdest.training.paper_scores import Answers
from gdest.training.study.tables import Spliced, accuracy

BACKBONE_COLOURS = {"resnet18": "tab:green", "alexnet": "tab:blue", "vgg16": "tab:purple"}
"""The paper's colours of the backbones; the extended head is drawn pale."""

PALE = 0.35
SPLICED_PX = 480
"""The longer side of each panel of Fig. 8."""


@dataclass(frozen=True)
class Plane:
    """Hold the first two principal axes of embeddings (2, d) about their mean (d,)."""

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]

    def project(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the coordinates (n, 2) of embeddings (n, d)."""
        return np.asarray((embedding - self.mean) @ self.axes.T)


def fit_plane(embedding: NDArray[np.float32]) -> Plane:
    """Return the plane of the two principal components of embeddings (n, d)."""
    mean = embedding.mean(axis=0)
    _, _, axes = np.linalg.svd(embedding - mean, full_matrices=False)
    return Plane(mean, axes[:2])


def axis_r2(answers: Answers) -> float:
    """Return the share of the variance of G that a line over the first principal component explains."""
    first = fit_plane(answers.embedding).project(answers.embedding)[:, 0]
    return float(np.corrcoef(first, answers.truth)[0, 1] ** 2)


def draw_boxes(runs: pd.DataFrame, task: str, path: Path) -> None:
    """Draw Fig. 4 or 5: accuracy on the test set, a box over the seeds for each configuration; write it and its CSV."""
    own = runs[runs["task"] == task].reset_index(drop=True)
    own = own.assign(accuracy=accuracy(own))
    names = list(dict.fromkeys(own.sort_values(["preset", "backbone", "input", "head", "rescale"])["config"]))
    columns = ["config", "backbone", "head", "input", "rescale", "seed", "accuracy"]
    write_frame(own[columns], path.with_suffix(".csv"))
    groups = [own[own["config"] == name] for name in names]
    figure = _figure(max(5.0, 1.0 + 0.55 * len(names)), 5.5)
    axes = figure.subplots()
    boxes = axes.boxplot([group["accuracy"] for group in groups], patch_artist=True, medianprops={"color": "black"})
    for box, group in zip(boxes["boxes"], groups, strict=True):
        first = group.iloc[0]
        box.set_facecolor(BACKBONE_COLOURS[first["backbone"]])
        box.set_alpha(PALE if first["head"] == "ext" else 0.9)
    for place, group in enumerate(groups, 1):
        axes.plot([place] * len(group), group["accuracy"], ".", color="black", markersize=4)
    axes.set_xticks(range(1, len(names) + 1), [name[4:].replace("-", " ") for name in names], rotation=60, ha="right")
    what = "Top-1" if task == "classification" else "within 0.5 G"
    axes.set(ylabel=f"test micrographs right, % ({what})", title=f"Grain size by {task}")
    # Fig. 4 and 5 on one scale, so that they compare
    axes.set_ylim(10.0 * np.floor(accuracy(runs).min() / 10.0) - 2.0, 102.0)
    axes.grid(axis="y", alpha=0.3)
    _save(figure, path)


def draw_planes(by_task: Mapping[str, Mapping[str, Answers]], path: Path) -> None:
    """Draw Fig. 6: the embeddings of the training micrographs above, of the test ones in the same plane below."""
    _draw_grid(by_task, ("training", "test"), path, scatter=False)


def draw_unseen(by_task: Mapping[str, Mapping[str, Answers]], path: Path) -> None:
    """Draw Fig. 7: unseen grades in the plane of the training embeddings, and predicted against true G below."""
    _draw_grid(by_task, ("unseen",), path, scatter=True)


def draw_spliced(
    pixels: NDArray[np.uint8],
    truth: NDArray[np.float32],
    grades: Mapping[str, NDArray[np.float32]],
    found: Mapping[str, Spliced],
    path: Path,
) -> None:
    """Draw Fig. 8: the true grades of a spliced picture, and those that the classifier of each input sees in it."""
    panels = [
        ("true G", truth),
        *((f"{shown}: {found[shown].share:.1%} within 1 G", one) for shown, one in grades.items()),
    ]
    save_png(side_by_side([(title, draw_grades(pixels, one, "G", SPLICED_PX)) for title, one in panels]), path)
    rows = [
        {"input": shown, "config": one.config, "share_within_1": round(one.share, 4)} for shown, one in found.items()
    ]
    write_frame(pd.DataFrame(rows), path.with_suffix(".csv"))


def _draw_grid(
    by_task: Mapping[str, Mapping[str, Answers]], sets: tuple[str, ...], path: Path, *, scatter: bool
) -> None:
    """Draw one column per task; write the points as CSV too."""
    rows = len(sets) + scatter
    figure = _figure(5.0 * len(by_task), 4.2 * rows)
    grid = figure.subplots(rows, len(by_task), squeeze=False)
    truth = np.concatenate([found.truth for answers in by_task.values() for found in answers.values()])
    low, high = float(truth.min()), float(truth.max())
    frames = []
    drawn = None
    for column, (task, answers) in enumerate(by_task.items()):
        plane = fit_plane(answers["training"].embedding)
        for row, name in enumerate(sets):
            place, found = plane.project(answers[name].embedding), answers[name]
            axes = grid[row][column]
            drawn = axes.scatter(*place.T, c=found.truth, cmap="turbo", vmin=low, vmax=high, s=14)
            axes.set(title=f"{task}: {name}", xlabel="principal component 1", ylabel="principal component 2")
            columns = {"task": task, "set": name, "g": found.truth, "g_answered": found.g}
            frames.append(pd.DataFrame({**columns, "pc1": place[:, 0], "pc2": place[:, 1]}).round(4))
        if scatter:
            _scatter(grid[-1][column], task, answers[sets[-1]])
    figure.colorbar(drawn, ax=grid, label="true G", shrink=0.7)
    _save(figure, path)
    write_frame(pd.concat(frames), path.with_suffix(".csv"))


def _scatter(axes: Any, task: str, found: Answers) -> None:
    ends = [found.truth.min() - 1.0, found.truth.max() + 1.0]
    axes.plot(ends, ends, color="black", linewidth=0.8)
    axes.scatter(found.truth, found.g, s=12, alpha=0.5)
    error = float(np.abs(found.g - found.truth).mean())
    axes.set(title=f"{task}: MAE {error:.3f} G", xlabel="true G", ylabel="answered G", aspect="equal")


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> None:
    write_atomically(path, lambda file: figure.savefig(file, dpi=110))
