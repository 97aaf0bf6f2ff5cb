"""Tell at Ctrl-C at once what is kept and how to go on; Typer itself ends a command without a word."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import typer

from gdest.core import ExitCode, say_always


@contextmanager
def ctrl_c_told(kept: Callable[[], str]) -> Iterator[None]:
    """Say what is `kept` when Ctrl-C is pressed, let what is under way come to its end, and end with the exit code.

    A second Ctrl-C waits for nothing. What has its final name is whole even then.
    """
    asked, told = threading.Event(), threading.Event()

    def tell() -> None:
        say_always(f"gdest: stopped by Ctrl-C; {kept()}")
        told.set()

    def hear(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            os._exit(ExitCode.INTERRUPTED)
        asked.set()
        with suppress(RuntimeError):  # where a line was just being written; then it is told below
            tell()
        raise KeyboardInterrupt

    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, hear) if in_main_thread else None
    try:
        yield
    except KeyboardInterrupt:
        if not told.is_set():
            tell()
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    finally:
        if in_main_thread:
            signal.signal(signal.SIGINT, before)


def nothing_written() -> str:
    """Return what is kept of work that writes its results at the end."""
    return "nothing was written."
