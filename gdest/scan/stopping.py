"""Hear Ctrl-C, SIGTERM and SIGHUP without losing what is being done."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ALWAYS_HEARD = (signal.SIGINT, signal.SIGTERM)
HEARD = (*ALWAYS_HEARD, *(getattr(signal, name) for name in ("SIGHUP", "SIGBREAK") if hasattr(signal, name)))
"""Windows knows no SIGHUP; its SIGBREAK (Ctrl-Break, or a console that is closed) ends a scan as SIGTERM does."""


class Stop:
    """Hold the signal that asked the scan to stop, 0 while none has."""

    signal = 0

    @property
    def asked(self) -> bool:
        """Return whether the scan shall finish what it holds and end."""
        return self.signal != 0

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until the scan shall stop."""
        end = time.monotonic() + seconds
        while not self.asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))


@contextmanager
def heard() -> Iterator[Stop]:
    """Turn the first of these signals into a wish that the scan looks at; raise `KeyboardInterrupt` at the second.

    SIGHUP that is ignored, as under nohup, stays so. Only the main thread of a process hears signals; elsewhere
    nothing is changed.
    """
    stop = Stop()

    def hear(number: int, _frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.signal = signal.SIGTERM if number == getattr(signal, "SIGBREAK", None) else number

    with handlers_kept():
        if _in_main_thread():
            for number in HEARD:
                if number in ALWAYS_HEARD or signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, hear)
        yield stop


def called(number: int) -> str:
    """Return the name of a signal as a person calls it."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Put back at the end the handlers of these signals, whoever replaced them meanwhile; Ray does when it starts."""
    before = {number: signal.getsignal(number) for number in HEARD}
    try:
        yield
    finally:
        if _in_main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
