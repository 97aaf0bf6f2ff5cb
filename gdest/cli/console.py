"""Print results as tables on standard output, and what a person must see to on standard error."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gdest.core import Status, is_duplex, printable, say, stderr
from gdest.reports import Cell, caution

if TYPE_CHECKING:
    from gdest.training import Errors, Opinion, Scores


FILE_COLUMNS = 140
"""Width of what goes into a file or a pipe, where rich would fold at 80 columns."""

KINDS = ("homogeneity", "homogeneity_counted")
"""The columns that tell a mixed field, by the estimate and by the count."""

ALWAYS = ("file", "status", "G estimated", "homogeneity", "um/px")
"""The columns that are shown also where they are empty."""


def print_rows(table: Sequence[dict[str, Cell]]) -> None:
    """Print micrographs as a table on standard output; the model's name and the reasons go to standard error."""
    shown = Table()
    columns = {title: cells for title, cells in _columns(table).items() if any(cells) or title in ALWAYS}
    for title in columns:
        shown.add_column(title, overflow="fold")
    for cells in zip(*columns.values(), strict=True):
        _add_row(shown, *cells)
    _output().print(shown)
    models = ", ".join(sorted({str(row["model"]) for row in table if row["model"]}))
    say(caution(f"model {models}"))
    for row in table:
        if row["reason"]:
            say(f"{row['file']}: {row['status']}: {row['reason']}")
        if mixed := next((str(row[kind]) for kind in KINDS if is_duplex(str(row[kind] or ""))), None):
            say(f"{row['file']}: {mixed}: one G says little of a mixed field, so it has no interval.")


def _columns(table: Sequence[dict[str, Cell]]) -> dict[str, list[str]]:
    """Return the cells of each column by its title: what was counted leads, since it is nearer on most steels."""
    return {
        "file": [str(row["file"]) for row in table],
        "status": [str(row["status"]) for row in table],
        "G counted": [_number(row["g_counted"], 1) for row in table],
        "95 % interval": [_interval(row, "g_counted_low", "g_counted_high") for row in table],
        "grains counted": [_number(row["grains_counted"], 0) for row in table],
        "G estimated": [_number(row["g"], 1) for row in table],
        "90 % interval": [_interval(row, "g_low", "g_high") for row in table],
        "G seen": ["" if row["g"] is not None else _number(row["g_seen"], 1) for row in table],
        "homogeneity": [str(row["homogeneity"] or "") for row in table],
        "um/px": [_number(row["um_per_px"], 4) for row in table],
    }


def _add_row(table: Table, *cells: str) -> None:
    """Add a row of cells as they are: a name is neither markup nor a command to the terminal."""
    table.add_row(*(Text(printable(cell)) for cell in cells))


def _interval(row: Mapping[str, Cell], low: str, high: str) -> str:
    return "" if row[low] is None else f"{row[low]:.1f}..{row[high]:.1f}"


def _output() -> Console:
    """Return standard output; a file or a pipe is as wide as the table may need."""
    return Console(width=None if sys.stdout.isatty() else FILE_COLUMNS)


def print_counted(table: Sequence[dict[str, Cell]]) -> None:
    """Print what was counted as a table on standard output; the notes go to standard error."""
    shown = Table()
    for title in ("file", "status", "G counted", "95 % interval", "grains counted", "%RA", "largest grain, G", "um/px"):
        shown.add_column(title, overflow="fold")
    for row in table:
        interval = _interval(row, "g_counted_low", "g_counted_high")
        numbers = [_number(row["g_counted"], 1), interval, _number(row["grains_counted"], 0)]
        numbers += [_number(row["relative_accuracy_counted"], 1), _number(row["g_largest_grain"], 1)]
        _add_row(shown, str(row["file"]), str(row["status"]), *numbers, _number(row["um_per_px"], 4))
    Console().print(shown)
    for row in table:
        for note in dict.fromkeys(filter(None, (row["reason"], row["count_note"]))):
            say(f"{row['file']}: {row['status']}: {note}")
        if row["count_corrected_by"]:
            say(f"{row['file']}: boundaries corrected by hand by {row['count_corrected_by']}.")


def print_opinions(opinions: Sequence[Opinion]) -> None:
    """Print what a lab's own fields show of estimate and count, before and after each was calibrated by the others."""
    shown = Table()
    titles = ("opinion", "fields", "bias taken off", "MAE", "inside", "MAE, left out", "inside, left out", "interval")
    for title in titles:
        shown.add_column(title, justify="left" if title == "opinion" else "right")
    for one in opinions:
        (mae, inside), (left_mae, left_inside) = one.before, one.after
        numbers = (f"{one.bias:+.2f}", f"{mae:.2f}", f"{inside:.0%}", f"{left_mae:.2f}", f"{left_inside:.0%}")
        _add_row(shown, one.name, str(len(one.errors)), *numbers, f"+-{one.half_width:.2f} ({one.coverage:.0%})")
    _output().print(shown)


def print_errors(groups: Mapping[str, Errors]) -> None:
    """Print the errors of labelled sets as a table on standard output."""
    shown = Table()
    for title in ("set", "micrographs", "MAE", "bias", "within 0.5 G", "inside 90 % interval"):
        shown.add_column(title, justify="left" if title == "set" else "right")
    for name, found in groups.items():
        shares = (f"{share:.1%}" for share in (found.within_half, found.coverage))
        _add_row(shown, name, str(found.count), f"{found.mae:.3f}", f"{found.bias:+.3f}", *shares)
    Console().print(shown)


def print_areas(name: str, areas: Mapping[str, float]) -> None:
    """Print, as a table on standard output, the share of a micrograph's area that each grade takes, 0..1."""
    shown = Table()
    shown.add_column("shows")
    shown.add_column("area", justify="right")
    for grade, share in areas.items():
        _add_row(shown, grade, f"{share:.1%}")
    _print_titled(name, shown)


def print_scores(title: str, groups: Mapping[str, Scores]) -> None:
    """Print the scores of labelled sets, counted as the paper counts, as a table on standard output."""
    shown = Table()
    for column in ("set", "count", "Top-1", "within 0.5 G", "MAE"):
        shown.add_column(column, justify="left" if column == "set" else "right")
    for name, found in groups.items():
        if found.count:
            shares = (f"{share:.1%}" for share in (found.top1, found.within_half))
            _add_row(shown, name, str(found.count), *shares, f"{found.mae:.3f}")
    _print_titled(title, shown)


def _print_titled(title: str, table: Table) -> None:
    """Print a title above a table; as part of a narrow table it would be folded within a word."""
    console = Console()
    console.print(Text(printable(title)), soft_wrap=True)
    console.print(table)


def _number(value: Cell, digits: int) -> str:
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) else ""


def print_counts(counts: Mapping[str, int], problems: Sequence[dict[str, Cell]]) -> None:
    """Print the number of rows by status, and name the `problems`: the first rows that a person must look at."""
    shown = Table()
    shown.add_column("status")
    shown.add_column("count", justify="right")
    for status in Status:
        if counts.get(status):
            _add_row(shown, status, str(counts[status]))
    for row in problems:
        say(f"{row['file']}: {row['status']}: {row['reason']}")
    more = sum(counts.values()) - counts.get(Status.GRADED, 0) - len(problems)
    if more > 0:
        say(f"... and {more} more; the reports name each.")
    stderr.print(shown)
