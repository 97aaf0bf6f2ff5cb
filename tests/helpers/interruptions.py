"""Stages in which a training is interrupted."""

from __future__ import annotations

from contextlib import contextmanager


@contextmanager
def interrupt_in_the_second_epoch(title, steps):
    """Press Ctrl-C at the first step of the second of two epochs."""
    done = 0

    def advance(step):
        nonlocal done
        done += step
        if title == "training" and done == steps // 2 + 1:
            raise KeyboardInterrupt

    yield advance
