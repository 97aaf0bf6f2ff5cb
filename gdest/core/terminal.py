"""Print messages and progress to standard error: a terminal, or the log that cron keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from gdest.core.plain_text import printable

PLAIN_LINES = 20
"""Progress lines of a whole run where there is no terminal."""

MOST_NAMED = 20
"""Of a longer list, such as the files that failed, only so many are named."""

stderr = Console(stderr=True, highlight=False, emoji=False)


def say(line: str) -> None:
    """Print one line to standard error as `printable` has it, never folded."""
    stderr.print(Text(printable(line)), soft_wrap=True)


def warn(line: str) -> None:
    """Print one line to standard error as `say` does, in red where that is a terminal."""
    stderr.print(Text(printable(line)), soft_wrap=True, style="bold red")


def be_quiet() -> None:
    """Print nothing more in this process but errors, which the command line prints by itself."""
    stderr.quiet = True


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show progress on standard error: a bar on a terminal, a line now and then elsewhere."""
    if not stderr.is_terminal:
        done = 0

        def plain(step: int) -> None:
            nonlocal done
            done += step
            if done % max(total // PLAIN_LINES, 1) == 0 or done == total:
                say(f"{title}: {done}/{total}")

        yield plain
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda step: bar.advance(task, step)
