"""Say at the start of the epochs how long the whole training will take, with what follows the last epoch."""

from __future__ import annotations

import time
from collections.abc import Callable

from gdest.core import ModelCard, in_hours
from gdest.training.feeding import Decoded
from gdest.training.judge import pictures_in_all
from gdest.training.settings import TrainSettings
from gdest.training.stages import Say

FIRST_S, FIRST_STEPS = 5.0, 3
"""After so many seconds and steps the rate is known; the first step prepares much that the others find done."""

SHORTEST_S = 60.0
"""Shorter work tells of its end soon enough."""

PICTURE_S = 0.3
"""A drawn picture of 500x500 px with its tiles looked at, on two busy cores of an AMD EPYC (Zen 4)."""

GRADED_CROPS = 1.5
"""Grading a tile as a scan does, twice, the count beside it, takes about as long as so many crops of training."""


class Forecast:
    """Hear of the steps of a training, and say once how long all of it will take."""

    def __init__(
        self,
        steps: int,
        decoded: Decoded,
        settings: TrainSettings,
        card: ModelCard,
        say: Say,
        advance: Callable[[int], None],
    ) -> None:
        self._steps, self._decoded, self._settings, self._card = steps, decoded, settings, card
        self._say, self._advance = say, advance
        self._done, self._began, self._is_said = 0, 0.0, False

    def advance(self, step: int) -> None:
        """Count steps that are done, and tell them on."""
        self._advance(step)
        self._done += step
        if self._done == step:
            self._began = time.monotonic()
        elif not self._is_said and self._done > FIRST_STEPS:
            seconds = time.monotonic() - self._began
            if seconds >= FIRST_S:
                self._tell(seconds / (self._done - step))

    def _tell(self, step_s: float) -> None:
        self._is_said = True
        epochs = step_s * self._steps
        after = after_training_s(step_s / self._settings.batch, self._decoded, self._settings, self._card)
        if epochs + after >= SHORTEST_S:
            ends = f"{in_hours(epochs)} for the epochs, {in_hours(after)} to learn what not to grade and to calibrate"
            self._say(f"About {in_hours(epochs + after)} (h:mm) in all: {ends}.")


def after_training_s(crop_s: float, decoded: Decoded, settings: TrainSettings, card: ModelCard) -> float:
    """Return about how many seconds follow the last epoch, from those that a crop takes to train on.

    The pictures that `--calibration` names are taken to be as large and as many as those that were held out.
    """
    if settings.input == "image":
        return 0.0
    pictures = pictures_in_all(settings) if card.judges else 0
    pixels = sum(example.pyramid[0][0].numel() for example in decoded.validation)
    return pictures * PICTURE_S + pixels / card.tile_px**2 * GRADED_CROPS * crop_s
