"""At the start of its epochs a training says how long all of it will take."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from helpers.predictors import CARD
from helpers.small_training import QUICK

from gdest.training import forecast
from gdest.training.examples import Example
from gdest.training.feeding import Decoded
from gdest.training.forecast import Forecast, after_training_s


def said_of(steps, seconds_each, monkeypatch, **changes):
    """Return what is said during ten steps of so many seconds, and how many steps were told on."""
    now, said, counted = [100.0], [], []
    monkeypatch.setattr(forecast.time, "monotonic", lambda: now[0])
    held = [Example((torch.zeros(1, 448, 672, dtype=torch.uint8),), 7.0)] * 10  # 6 tiles each
    settings = replace(QUICK, batch=10, unfit_pictures=100, **changes)
    heard = Forecast(steps, Decoded([], held), settings, CARD, said.append, counted.append)
    now[0] += 60.0  # the first step is slow
    for _ in range(10):
        heard.advance(1)
        now[0] += seconds_each
    return said, sum(counted)


def test_it_says_once_how_long_the_epochs_take_and_what_follows_them(monkeypatch):
    said, counted = said_of(7200, 2.0, monkeypatch)
    # 100 pictures of 0.3 s of steel and three kinds, a quarter of each of 8 structures; 60 tiles of 1.5 crops of 0.2 s
    minutes = round((30.0 * (1 + 3 + 8 / 4) + 18.0) / 60)
    ends = f"4:00 for the epochs, 0:{minutes:02d} to learn what not to grade and to calibrate"
    assert said == [f"About 4:{minutes:02d} (h:mm) in all: {ends}."]
    assert counted == 10


def test_nothing_is_said_of_a_training_that_ends_soon_or_before_its_rate_is_known(monkeypatch):
    assert said_of(10**6, 0.1, monkeypatch)[0] == []
    assert said_of(20, 1.0, monkeypatch, input="image")[0] == []
    assert said_of(70, 1.0, monkeypatch, input="image")[0]


def test_what_follows_grows_with_what_is_drawn_and_held_out():
    held = [Example((torch.zeros(1, 224, 224, dtype=torch.uint8),), 7.0)]
    judged = replace(CARD, task="regression")
    small, large = replace(QUICK, unfit_pictures=4), replace(QUICK, unfit_pictures=16)
    few, many = (after_training_s(1.0, Decoded([], held * i), one, judged) for i, one in ((1, small), (4, large)))
    assert many == pytest.approx(4 * few)
    classes = replace(CARD, task="classification", classes=(4.0, 5.0))
    assert after_training_s(1.0, Decoded([], held), QUICK, classes) == pytest.approx(1.5)
