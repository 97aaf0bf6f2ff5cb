"""Name the files that lie beside new weights while they are trained; knows no torch."""

from __future__ import annotations

from pathlib import Path


def checkpoint_path(out: Path) -> Path:
    """Return where the checkpoint of a run that writes `out` lies."""
    return out.with_suffix(".checkpoint")


def unfinished_path(out: Path) -> Path:
    """Return where a run keeps its best weights so far; they get the name `out` when they are finished."""
    return out.with_name(f"{out.stem}.unfinished{out.suffix}")


def log_path(out: Path) -> Path:
    """Return where a run writes a line per epoch."""
    return out.with_suffix(".csv")


def epochs_logged(out: Path) -> int:
    """Return how many epochs the log of a run has."""
    path = log_path(out)
    return max(len(path.read_text(encoding="utf-8").splitlines()) - 1, 0) if path.is_file() else 0
