"""Print messages and progress to standard error: a terminal, or the log that cron keeps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import islice

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


def named(names: Collection[str], most: int = MOST_NAMED) -> str:
    """Return names in one line, of many the first and how many more there are.

    >>> named(["a", "b"]), named(["a", "b", "c", "d"], 2)
    ('a, b', 'a, b and 2 more')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(islice(names, most)) + more


def say_each(lines: Collection[str], rest: str = "", most: int = MOST_NAMED) -> None:
    """Say lines, of many the first and how many more there are; `rest` goes on after "7 more"."""
    for line in islice(lines, most):
        say(line)
    if len(lines) > most:
        say(f"... and {len(lines) - most} more{rest}.")


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
