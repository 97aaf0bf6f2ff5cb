"""Sum the runs up: Table I, Table II, and which of the paper's findings hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

NOT_RUN = "not run"


@dataclass(frozen=True)
class Finding:
    """Hold one statement of the paper beside what the study shows; `holds` is None where it was not run."""

    statement: str
    paper: str
    ours: str
    holds: bool | None


@dataclass(frozen=True)
class Spliced:
    """Hold the share of the pixels of Fig. 8 at which a classifier shows a grade within 1 G of the true one."""

    config: str
    share: float


def accuracy(runs: pd.DataFrame, which: str = "test") -> pd.Series[float]:
    """Return the share of a set that each run gets right, in percent."""
    right = runs[f"{which}_top1"].where(runs["task"] == "classification", runs[f"{which}_within_half"])
    return 100.0 * right.astype(float)


def best_configuration(runs: pd.DataFrame, task: str) -> str | None:
    """Return the configuration of a task with the best mean validation accuracy, ties to the lower error."""
    own = runs[runs["task"] == task]
    if own.empty:
        return None
    ranked = own.assign(right=accuracy(own, "validation")).groupby("config")[["right", "validation_mae"]].mean()
    return str(ranked.sort_values(["right", "validation_mae"], ascending=[False, True]).index[0])


def table_1(runs: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy on the test set, mean and sd over seeds, of ResNet18 with rescaling: heads by task and input."""
    rows = {}
    for head in ("ext", "fc"):
        cells = {}
        for task in ("classification", "regression"):
            for shown in ("crop", "image"):
                part = runs[(runs["backbone"] == "resnet18") & runs["rescale"] & (runs["task"] == task)]
                part = part[(part["head"] == head) & (part["input"] == shown)]
                cells[f"{task}, {shown}"] = spread(accuracy(part), 2)
        rows[f"ResNet18, {head}"] = cells
    return pd.DataFrame(rows).T


def table_2(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the mean absolute error of the best classifier and regressor on training, test and unseen grades."""
    rows = {}
    for task, title in (("classification", "Best classifier"), ("regression", "Best regressor")):
        best = best_configuration(runs, task)
        if best is not None:
            own = runs[runs["config"] == best]
            sets = (("Train", "training"), ("Test", "test"), ("Unseen grades", "unseen"))
            cells = {name: spread(own[f"{which}_mae"], 3) for name, which in sets if f"{which}_mae" in own}
            rows[f"{title} ({best})"] = cells
    return pd.DataFrame(rows).T


def spread(values: pd.Series[float], digits: int) -> str:
    """Return mean and standard deviation over seeds as text; one seed has no deviation."""
    if values.empty:
        return NOT_RUN
    mean = f"{values.mean():.{digits}f}"
    return f"{mean} ± {values.std():.{digits}f}" if len(values) > 1 else mean


def findings(runs: pd.DataFrame, axis_r2: Mapping[str, float], spliced: Mapping[str, Spliced]) -> list[Finding]:
    """Return the paper's findings beside the study's figures.

    `axis_r2` is, per task, the share of the variance of G that a line over the first principal
    component of the training embeddings explains; `spliced` what Fig. 8 shows, per input.
    """
    resnet = runs[runs["backbone"] == "resnet18"]
    regressors, classifiers = (resnet[resnet["task"] == task] for task in ("regression", "classification"))
    every, azimi = runs[runs["task"] == "regression"], runs[runs["preset"] == "azimi"]
    unseen = "regressors beat classifiers on unseen half grades (MAE)"
    small, large = "91.9 % against 87.0 % (fc)", "97.9 % against 93.0 % (fc)"
    return [
        _paired("rescaling helps ResNet18", "about +7 %", resnet, ("rescale", True, False)),
        _best("classifiers beat regressors on seen grades", "98.1 % against 91.9 %", runs, _test_accuracy, "%"),
        _best(unseen, "0.646 against 1.038", runs, _unseen_mae, "G"),
        _paired("crops beat whole images in regression", small, regressors, ("input", "crop", "image")),
        _paired("whole images beat crops in classification", large, classifiers, ("input", "image", "crop")),
        _paired("one layer beats two more in regression", "91.9 % against 86.4 %", regressors, ("head", "fc", "ext")),
        _paired("ResNet18 beats AlexNet in regression", "always", every, ("backbone", "resnet18", "alexnet")),
        _paired("rescaling helps the scheme of Azimi et al.", "+8.1 %", azimi, ("rescale", True, False)),
        _axis(axis_r2),
        _quadrants(spliced),
    ]


def _paired(statement: str, paper: str, runs: pd.DataFrame, compared: tuple[str, object, object]) -> Finding:
    """Compare configurations that differ in one factor alone, in accuracy on the test set, over all that were run.

    `compared` is the factor, its value that should do better, and the other.
    """
    factor, better, worse = compared
    others = [name for name in ("task", "backbone", "head", "input", "rescale", "preset") if name != factor]
    if factor == "backbone":
        runs = runs[runs["preset"] == ""]
    if runs.empty:
        return Finding(statement, paper, NOT_RUN, None)
    means = runs.assign(right=accuracy(runs)).pivot_table(index=others, columns=factor, values="right", aggfunc="mean")
    if not {better, worse} <= set(means.columns):
        return Finding(statement, paper, NOT_RUN, None)
    gains = (means[better] - means[worse]).dropna()
    if gains.empty:
        return Finding(statement, paper, NOT_RUN, None)
    ours = f"{gains.mean():+.1f} % on average, {int((gains > 0).sum())} of {len(gains)} pairs"
    return Finding(statement, paper, ours, bool(gains.mean() > 0))


def _test_accuracy(runs: pd.DataFrame) -> float:
    return float(accuracy(runs).mean())


def _unseen_mae(runs: pd.DataFrame) -> float:
    return -float(runs["unseen_mae"].mean()) if "unseen_mae" in runs else float("nan")


def _best(statement: str, paper: str, runs: pd.DataFrame, value: Callable[[pd.DataFrame], float], unit: str) -> Finding:
    """Compare the best classifier with the best regressor, larger is better; the statement names the winner first."""
    tasks = (
        ("classification", "regression") if statement.startswith("classifiers") else ("regression", "classification")
    )
    best = [best_configuration(runs, task) for task in tasks]
    found = [value(runs[runs["config"] == one]) if one else float("nan") for one in best]
    if not np.isfinite(found).all():
        return Finding(statement, paper, NOT_RUN, None)
    digits = 1 if unit == "%" else 3
    ours = " against ".join(f"{abs(one):.{digits}f} {unit}" for one in found)
    return Finding(statement, paper, ours, found[0] > found[1])


def _axis(axis_r2: Mapping[str, float]) -> Finding:
    statement = "the regressor's embedding has a grain-size axis, the classifier's has not"
    paper = "seen in Fig. 6"
    if set(axis_r2) != {"classification", "regression"}:
        return Finding(statement, paper, NOT_RUN, None)
    regressor, classifier = axis_r2["regression"], axis_r2["classification"]
    ours = f"R² of G along the first axis: regressor {regressor:.2f}, classifier {classifier:.2f}"
    return Finding(statement, paper, ours, regressor > 0.8 and regressor - classifier > 0.1)


def _quadrants(spliced: Mapping[str, Spliced]) -> Finding:
    statement = "the arg-max GradCAM of crops tells spliced grades better than that of whole images"
    if set(spliced) != {"image", "crop"}:
        return Finding(statement, "seen in Fig. 8", NOT_RUN, None)
    crop, image = spliced["crop"].share, spliced["image"].share
    return Finding(
        statement, "seen in Fig. 8", f"{crop:.1%} against {image:.1%} of the pixels within 1 G", crop > image
    )
