"""Hear Ctrl-C, SIGTERM and SIGHUP without losing what is being done."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from gdest.core import GdestError, say_always, stderr

ALWAYS_HEARD = (signal.SIGINT, signal.SIGTERM)
HEARD = (*ALWAYS_HEARD, *(getattr(signal, name) for name in ("SIGHUP", "SIGBREAK") if hasattr(signal, name)))
"""Windows knows no SIGHUP; its SIGBREAK (Ctrl-Break, or a console that is closed) ends a scan as SIGTERM does."""


GRACE_S = 2.0
"""So long a scan may take to end after a second signal: one that waits for a share or for its network may never."""


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
def heard(tell: Callable[[int], object] = lambda _number: None) -> Iterator[Stop]:
    """Turn the first of these signals into a wish that the scan looks at; raise `KeyboardInterrupt` at the second.

    `tell` is called with the first at once, in a thread of its own: a handler may interrupt whatever prints. A scan
    whose threads have not ended `GRACE_S` after the second signal ends without them. SIGHUP that is ignored, as under
    nohup, stays so. Only the main thread of a process hears signals; elsewhere nothing is changed.
    """
    stop = Stop()
    if not _in_main_thread():
        yield stop
        return
    reader, writer = os.pipe()
    ended = threading.Event()
    listener = threading.Thread(target=_listen, args=(reader, tell, ended), name="gdest-signals", daemon=True)

    def hear(number: int, _frame: FrameType | None) -> None:
        is_second, stop.signal = stop.asked, stop.signal or _as_known(number)
        os.write(writer, bytes([_as_known(number)]))
        if is_second:
            raise KeyboardInterrupt

    listener.start()
    try:
        with handlers_kept():
            for number in HEARD:
                if number in ALWAYS_HEARD or signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, hear)
            yield stop
    finally:
        ended.set()
        os.close(writer)
        listener.join()
        os.close(reader)


def _listen(reader: int, tell: Callable[[int], object], ended: threading.Event) -> None:
    """Tell of the first signal; at the second end the process, unless it ends by itself soon. A closed pipe ends it."""
    if first := os.read(reader, 1):
        with suppress(GdestError):  # of a log that cannot be written
            tell(first[0])
    if (second := os.read(reader, 1)) and not ended.wait(GRACE_S):
        stderr.show_cursor()
        say_always("Stopped at once; what was recorded is kept, and the next scan goes on from there.")
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(128 + second[0])


def _as_known(number: int) -> int:
    return signal.SIGTERM if number == getattr(signal, "SIGBREAK", None) else number


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
