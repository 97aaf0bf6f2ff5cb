"""Write what a training run did: a line per epoch and the picture of its curves."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from gdest.core import write_atomically
from gdest.training.data import Split
from gdest.training.trainer import Epoch


def write_log(out: Path, epochs: Sequence[Epoch]) -> None:
    """Write the metrics CSV and the picture of the curves beside the weights."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [asdict(epoch) for epoch in epochs]

    def write_csv(path: Path) -> None:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def write_png(path: Path) -> None:
        figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
        for name in ("train_loss", "validation_loss"):
            axes.plot([row["epoch"] for row in rows], [row[name] for row in rows], label=name.replace("_", " "))
        axes.set(xlabel="epoch", ylabel="loss", yscale="log")
        axes.legend()
        figure.savefig(path, dpi=120)
        pyplot.close(figure)

    write_atomically(out.with_suffix(".csv"), write_csv)
    write_atomically(out.with_suffix(".png"), write_png)


def write_split(out: Path, split: Split) -> None:
    """Write beside the weights which micrograph was on which side, so that a test set stays one."""
    sides = (("training", split.training), ("validation", split.validation), ("test", split.test))

    def write_csv(path: Path) -> None:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("file", "g", "specimen", "side"))
            writer.writerows((item.file.name, item.g, item.specimen, side) for side, items in sides for item in items)

    write_atomically(out.with_suffix(".split.csv"), write_csv)
