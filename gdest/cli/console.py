"""Speak to the person at the terminal, or to the log that cron keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gdest.core import Row, Status, exit_code, say, stderr
from gdest.reports import Cell, ModelName, caution, cells

if TYPE_CHECKING:
    from gdest.training import Errors, Scores


class Tally:
    """Count outcomes and derive the exit code from them."""

    def __init__(self, model: ModelName) -> None:
        self.model = model
        self.table: list[dict[str, Cell]] = []

    def add(self, row: Row) -> None:
        """Take one row into the table."""
        self.table.append(cells(row, self.model))

    @property
    def counts(self) -> Counter[str]:
        """Return the number of rows by status."""
        return Counter(str(row["status"]) for row in self.table)

    def exit_code(self) -> int:
        """Return 0 when all are graded, 4 when not one has a G, else 3."""
        return exit_code(self.counts)


def print_rows(table: Sequence[dict[str, Cell]]) -> None:
    """Print the micrographs as a table on standard output."""
    shown = Table()
    for title in ("file", "status", "G", "90 % interval", "G seen", "homogeneity", "um/px"):
        shown.add_column(title, overflow="fold")
    for row in table:
        interval = "" if row["g_low"] is None else f"{row['g_low']:.1f}..{row['g_high']:.1f}"
        numbers = [_number(row["g"], 1), interval, _number(row["g_seen"], 1)]
        name, status = escape(str(row["file"])), str(row["status"])
        shown.add_row(name, status, *numbers, str(row["homogeneity"] or ""), _number(row["um_per_px"], 4))
    Console().print(shown)
    models = ", ".join(sorted({str(row["model"]) for row in table if row["model"]}))
    say(caution(f"model {models}"))
    for row in table:
        if row["reason"]:
            say(f"{row['file']}: {row['status']}: {row['reason']}")


def print_errors(groups: Mapping[str, Errors]) -> None:
    """Print the errors of labelled sets as a table on standard output."""
    shown = Table()
    for title in ("set", "micrographs", "MAE", "bias", "within 0.5 G", "inside interval"):
        shown.add_column(title, justify="left" if title == "set" else "right")
    for name, found in groups.items():
        shares = (f"{share:.1%}" for share in (found.within_half, found.coverage))
        shown.add_row(escape(name), str(found.count), f"{found.mae:.3f}", f"{found.bias:+.3f}", *shares)
    Console().print(shown)


def print_areas(name: str, areas: Mapping[str, float]) -> None:
    """Print the share of a micrograph's area that shows each grade as a table on standard output."""
    shown = Table()
    shown.add_column("shows")
    shown.add_column("area", justify="right")
    for grade, share in areas.items():
        shown.add_row(grade, f"{share:.1%}")
    _print_titled(name, shown)


def print_scores(title: str, groups: Mapping[str, Scores]) -> None:
    """Print figures counted as the paper counts as a table on standard output."""
    shown = Table()
    for column in ("set", "count", "Top-1", "within 0.5 G", "MAE"):
        shown.add_column(column, justify="left" if column == "set" else "right")
    for name, found in groups.items():
        if found.count:
            shares = (f"{share:.1%}" for share in (found.top1, found.within_half))
            shown.add_row(escape(name), str(found.count), *shares, f"{found.mae:.3f}")
    _print_titled(title, shown)


def _print_titled(title: str, table: Table) -> None:
    """Print a table below its title, which a table narrower than it would break in the middle of a word."""
    console = Console()
    console.print(escape(title), soft_wrap=True, highlight=False)
    console.print(table)


def _number(value: Cell, digits: int) -> str:
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) else ""


def print_counts(counts: Mapping[str, int], problems: Sequence[dict[str, Cell]]) -> None:
    """Print counts by status, and name each of the `problems`, the first rows that need a person."""
    shown = Table()
    shown.add_column("status")
    shown.add_column("count", justify="right")
    for status in Status:
        if counts.get(status):
            shown.add_row(status, str(counts[status]))
    for row in problems:
        say(f"{row['file']}: {row['status']}: {row['reason']}")
    more = sum(counts.values()) - counts.get("graded", 0) - len(problems)
    if more > 0:
        say(f"... and {more} more; the reports name each.")
    stderr.print(shown)
