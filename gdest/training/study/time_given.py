"""Choose how many epochs the runs of a study have, so that all of it takes the time that was given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from gdest.training.stages import Say, Stage, silent
from gdest.training.study.grid import Configuration, chosen
from gdest.training.study.training_runs import Study, make_run

TRIED_EPOCHS = 3
"""The first prepares much, after the second a checkpoint may be written, so the last is timed."""

SPARE = 1.1
"""Checkpoints and a busy machine take up to so much longer than was measured."""


@dataclass(frozen=True)
class Cost:
    """Hold how many seconds each epoch of a run takes, and what comes before and after its epochs."""

    epoch_s: float
    else_s: float


def with_epochs_that_fit(study: Study, minutes: float, say: Say, stage: Stage) -> Study:
    """Return the study with as many epochs as fit into so many minutes, those of a short trial of each run included."""
    began = time.monotonic()
    with TemporaryDirectory(prefix="gdest-") as folder:
        settings = replace(study.settings, training=replace(study.settings.training, epochs=TRIED_EPOCHS))
        trial = replace(study, out=Path(folder), settings=settings)
        costs = [_cost(trial, one, stage) for one in chosen(study.settings.configs)]
    epochs = epochs_that_fit(costs, study.settings.seeds, 60.0 * minutes - (time.monotonic() - began))
    say(f"{epochs} epochs of each run fit into {minutes:g} minutes.")
    training = replace(study.settings.training, epochs=epochs)
    return replace(study, settings=replace(study.settings, training=training))


def epochs_that_fit(costs: Sequence[Cost], seeds: int, seconds: float) -> int:
    """Return how many epochs of every run fit into so many seconds, at least one.

    >>> epochs_that_fit([Cost(1.0, 5.0), Cost(4.0, 5.0)], 2, 230.0)
    19
    """
    left = seconds - seeds * sum(cost.else_s for cost in costs)
    return max(1, int(left / (SPARE * seeds * sum(cost.epoch_s for cost in costs))))


def _cost(trial: Study, one: Configuration, stage: Stage) -> Cost:
    """Return the cost of a run, from one of few epochs."""
    began, steps = time.monotonic(), list[float]()

    @contextmanager
    def heard(title: str, total: int) -> Iterator[Callable[[int], None]]:
        with stage(f"trying how long {title} takes" if total else title, total) as advance:

            def timed(step: int) -> None:
                steps.append(time.monotonic())
                advance(step)

            yield timed

    make_run(trial, one, 0, (), silent, heard)
    in_epoch = len(steps) // TRIED_EPOCHS
    epoch_s = steps[-1] - steps[-1 - in_epoch]
    return Cost(epoch_s, max(time.monotonic() - began - TRIED_EPOCHS * epoch_s, 0.0))
