"""Hear Ctrl-C and SIGTERM without losing what is being done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from types import FrameType


class Stop:
    """Hold the signal that asked the run to stop, 0 while none has."""

    signal = 0

    @property
    def asked(self) -> bool:
        """Return whether the run shall finish what it holds and end."""
        return self.signal != 0

    @property
    def exit_code(self) -> int:
        """Return 130 for Ctrl-C, 143 for SIGTERM, as a shell would."""
        return 128 + self.signal

    @property
    def name(self) -> str:
        """Return the name of the signal as a person calls it."""
        return "Ctrl-C" if self.signal == signal.SIGINT else signal.Signals(self.signal).name

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until the run shall stop."""
        end = monotonic() + seconds
        while not self.asked and (left := end - monotonic()) > 0:
            sleep(min(left, 0.2))


@contextmanager
def heard() -> Iterator[Stop]:
    """Turn the first Ctrl-C or SIGTERM into a wish that the run looks at; a second Ctrl-C stops at once.

    Only the main thread of a process hears signals; elsewhere nothing is changed.
    """
    stop = Stop()

    def hear(number: int, _frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.signal = number

    try:
        before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:
        before = {}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
