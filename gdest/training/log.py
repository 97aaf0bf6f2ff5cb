"""Write what a training run did: a line per epoch, the picture of its curves, and the sides of its split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from gdest.core import write_atomically, write_csv_lines
from gdest.training.labels import Split
from gdest.training.run_files import log_path
from gdest.training.trainer import Epoch


def write_log(out: Path, epochs: Sequence[Epoch]) -> None:
    """Write the losses of each epoch as CSV and as a picture beside the weights `out`."""
    lines = [asdict(epoch) for epoch in epochs]
    write_csv_lines(log_path(out), list(lines[0]), (line.values() for line in lines))
    write_atomically(out.with_suffix(".png"), lambda path: _draw_losses(epochs, path))


def _draw_losses(epochs: Sequence[Epoch], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    numbers = [epoch.epoch for epoch in epochs]
    axes.plot(numbers, [epoch.train_loss for epoch in epochs], label="train loss")
    axes.plot(numbers, [epoch.validation_loss for epoch in epochs], label="validation loss")
    axes.set(xlabel="epoch", ylabel="loss", yscale="log")
    axes.legend()
    figure.savefig(path, dpi=120)


def write_split(out: Path, split: Split) -> None:
    """Write which micrograph was on which side beside the weights `out`, so that a test set stays one."""
    sides = (("training", split.training), ("validation", split.validation), ("test", split.test))
    lines = [(item.file.name, item.g, item.specimen, side) for side, items in sides for item in items]
    write_csv_lines(out.with_suffix(".split.csv"), ["file", "g", "specimen", "side"], lines)
