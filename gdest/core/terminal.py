"""Print messages and progress to standard error: a terminal, or the log that cron keeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import islice
from threading import Event, Lock, Thread

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from gdest.core.plain_text import printable

EVERY_S = 10.0
"""Where there is no terminal a line of progress comes at least so often, in seconds."""

SHORT_OF_IT = 0.1
"""The end of work that took less than this share of it is not told."""

PLAIN_LINES = 20
"""Progress lines of a whole run where there is no terminal."""

MOST_NAMED = 20
"""Of a longer list, such as the files that failed, only so many are named."""

stderr = Console(stderr=True, highlight=False, emoji=False)
never_quiet = Console(stderr=True, highlight=False, emoji=False)
"""For what must be read also where `stderr` is quiet."""


def say(line: str) -> None:
    """Print one line to standard error as `printable` has it, never folded."""
    stderr.print(Text(printable(line)), soft_wrap=True)


def say_always(line: str, style: str = "") -> None:
    """Print one line as `say` does, also once gdest is quiet: it says why a command ends as it does."""
    (never_quiet if stderr.quiet else stderr).print(Text(printable(line)), soft_wrap=True, style=style or None)


def say_where_quiet(line: str) -> None:
    """Print one line that sums up what was not printed, once gdest is quiet; else nothing."""
    if stderr.quiet:
        say_always(line)


def named(names: Collection[str], most: int = MOST_NAMED) -> str:
    """Return names in one line, of many the first and how many more there are.

    >>> named(["a", "b"]), named(["a", "b", "c", "d"], 2)
    ('a, b', 'a, b and 2 more')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(islice(names, most)) + more


def say_each(
    lines: Collection[str], rest: str = "", most: int = MOST_NAMED, tell: Callable[[str], None] | None = None
) -> None:
    """Say lines, of many the first and how many more there are; `rest` goes on after "7 more". `tell` may warn."""
    tell = tell or say
    for line in islice(lines, most):
        tell(line)
    if len(lines) > most:
        tell(f"... and {len(lines) - most} more{rest}.")


def warn(line: str) -> None:
    """Print one line to standard error as `say` does, in red where that is a terminal, and also where it is quiet."""
    say_always(line, "bold red")


def be_quiet() -> None:
    """Print nothing more in this process but warnings, `say_always`, and errors, which the command line prints."""
    stderr.quiet = True


@contextmanager
def progress(title: str, total: int = 0, *, every_step: bool = True) -> Iterator[Callable[[int], None]]:
    """Show progress on standard error, with the time that is left: a bar on a terminal, lines elsewhere.

    Lines come at every twentieth of the steps, unless not `every_step` is to be told, and whenever `EVERY_S` have
    passed: who reads a log sees that the work goes on, also within a long step. Without a total there are no steps.
    """
    if not stderr.is_terminal:
        with _Lines(title, total, every_step=every_step) as lines:
            yield lines.advance
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        *((MofNCompleteColumn(),) if total else ()),
        TimeElapsedColumn(),
        *((TimeRemainingColumn(),) if total else ()),
    )
    with Progress(*columns, console=stderr, transient=True) as bar:
        task = bar.add_task(title, total=total or None)
        yield lambda step: bar.advance(task, step)


class _Lines:
    """Say lines of progress, now and then by steps and at the latest by time; a thread of its own watches the time."""

    def __init__(self, title: str, total: int, *, every_step: bool) -> None:
        self._title, self._total = title, total
        self._step = max(total // PLAIN_LINES, 1) if every_step else 0
        self._done, self._began = 0, time.monotonic()
        self._said = self._began
        self._lock, self._ended = Lock(), Event()
        self._clock = Thread(target=self._watch, name="gdest-progress", daemon=True)

    def __enter__(self) -> _Lines:
        self._clock.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._ended.set()
        self._clock.join()
        # what follows begins to count anew: two stages that are told of after nine seconds each would be one gap
        complete = kind is None and self._done == self._total
        if complete and time.monotonic() - self._said >= SHORT_OF_IT * EVERY_S:
            self._say()

    def advance(self, step: int) -> None:
        """Count steps that are done."""
        with self._lock:
            self._done += step
            if self._step and (self._done % self._step == 0 or self._done == self._total):
                self._say()

    def _watch(self) -> None:
        while not self._ended.wait(max(self._said + EVERY_S - time.monotonic(), 0.0)):
            with self._lock:
                if time.monotonic() - self._said >= EVERY_S:
                    self._say()

    def _say(self) -> None:
        self._said = time.monotonic()
        seconds = self._said - self._began
        counted = f"{self._title}: {self._done}/{self._total}" if self._total else self._title
        if seconds < EVERY_S:
            say(counted)
        elif 0 < self._done < self._total:
            left = seconds * (self._total - self._done) / self._done
            say(f"{counted}, {in_time(seconds)} so far, about {in_time(left)} left")
        else:
            say(f"{counted}, {in_time(seconds)} so far")


def in_hours(seconds: float) -> str:
    """Return a span of time in hours and minutes.

    >>> in_hours(29), in_hours(3630), in_hours(100 * 3600)
    ('0:00', '1:01', '100:00')
    """
    minutes = int(seconds / 60 + 0.5)
    return f"{minutes // 60}:{minutes % 60:02d}"


def in_time(seconds: float) -> str:
    """Return a span of time as a person says it.

    >>> in_time(9.6), in_time(200), in_time(7500)
    ('10 s', '3 min', '2 h 5 min')
    """
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
