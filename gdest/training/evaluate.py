"""Measure weights against labelled micrographs and write what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from gdest.archive import write_atomically
from gdest.network import LoadedModel
from gdest.settings import GradeSettings
from gdest.training.data import read_labels
from gdest.training.metrics import Errors, Measured, measure, summarize_errors

EVERYTHING = "all"


def evaluate(data: Path, model: LoadedModel, settings: GradeSettings) -> list[Measured]:
    """Grade every labelled micrograph of a CSV or folder, each with its own pixel size."""
    return measure(model, read_labels(data, settings.calibration.stated_um_per_px), settings)


def errors_by_group(measured: Sequence[Measured]) -> dict[str, Errors]:
    """Return the errors of each subfolder, of each whole grade where there is one folder, and of all."""
    folders: dict[str, list[Measured]] = {}
    for one in measured:
        folders.setdefault(one.item.file.name.rpartition("/")[0], []).append(one)
    if len(folders) == 1:
        folders = {}
        for one in sorted(measured, key=lambda one: one.item.g):
            folders.setdefault(f"G {round(one.item.g)}", []).append(one)
    return {name: summarize_errors(group) for name, group in [*folders.items(), (EVERYTHING, list(measured))]}


def write_evaluation(measured: Sequence[Measured], out: Path) -> None:
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
        }
        for one in measured
    ]
    write_atomically(out / "evaluation.csv", lambda path: pd.DataFrame(rows).to_csv(path, index=False))
    write_atomically(out / "evaluation.png", lambda path: _plot(measured, path))


def _plot(measured: Sequence[Measured], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 5), layout="constrained")
    true = [one.item.g for one in measured]
    ends = [min(true) - 0.5, max(true) + 0.5]
    axes.plot(ends, ends, color="black", linewidth=0.8)
    axes.fill_between(ends, [g - 0.5 for g in ends], [g + 0.5 for g in ends], color="grey", alpha=0.2, label="± 0.5 G")
    axes.scatter(true, [one.g for one in measured], s=10)
    axes.set(xlabel="true G", ylabel="predicted G", aspect="equal")
    axes.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
