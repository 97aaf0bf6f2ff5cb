"""Tell at Ctrl-C what is kept and how to go on; Typer itself ends a command without a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from gdest.core import ExitCode, say_always


@contextmanager
def ctrl_c_told(kept: Callable[[], str]) -> Iterator[None]:
    """End with its exit code and a sentence when Ctrl-C is pressed; `kept` says what is left of the work."""
    try:
        yield
    except KeyboardInterrupt:
        say_always(f"gdest: stopped by Ctrl-C; {kept()}")
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def nothing_written() -> str:
    """Return what is kept of work that writes its results at the end."""
    return "nothing was written."
