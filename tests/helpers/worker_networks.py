"""What loads a fake network in a worker process, which finds it here by name; some of them end their process."""

from __future__ import annotations

import errno
import logging
import os
import signal
import time

import numpy as np

from gdest.core.errors import WeightsError
from helpers.predictors import FakePredictor

DEADLY = 251
"""The grey of the first pixels of a micrograph at which some networks end their process."""


def g_of(tiles):
    """Return a G that follows from the pixels."""
    return 5.0 + tiles.mean(axis=(1, 2)) / 50


def load(*_arguments):
    return FakePredictor(g_of)


def _dies_of(number):
    def answer(tiles):
        if (tiles[:, 0, :5] == DEADLY).all(axis=1).any():
            os.kill(os.getpid(), number)
        return g_of(tiles)

    return FakePredictor(answer, batch=1)


def load_killed(*_arguments):
    return _dies_of(signal.SIGKILL)


def load_crashing(*_arguments):
    return _dies_of(signal.SIGSEGV)


def load_killed_once(_weights, _settings, _engine, _workers, number):
    """Return a network whose first process is killed at its fifth batch."""
    seen = []

    def answer(tiles):
        seen.append(len(tiles))
        if number == 0 and len(seen) == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return g_of(tiles)

    return FakePredictor(answer, batch=2)


def load_slow(*_arguments):
    def answer(tiles):
        time.sleep(0.05)
        return g_of(tiles)

    return FakePredictor(answer, batch=4)


def load_on_full_disk(*_arguments):
    def full(*_paths):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    os.replace = full
    return FakePredictor(g_of)


def load_forgetful(*_arguments):
    """Return a network that must not be asked."""
    return FakePredictor(lambda _tiles: np.full(1, np.nan)[99])


def load_wrong_weights(*_arguments):
    raise WeightsError("These weights are not for grading.")


def load_never(*_arguments):
    os._exit(3)


def load_with_a_warning(*_arguments):
    logging.getLogger("gdest.model").warning("going on with batches of %d tiles", 8)
    return FakePredictor(g_of)
