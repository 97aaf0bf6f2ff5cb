"""Print results as tables on standard output, and what a person must see to on standard error."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from gdest.cli.layout import Column, print_columns
from gdest.core import Status, in_whole, is_duplex, printable, say, stderr
from gdest.reports import Cell, as_shown, caution

if TYPE_CHECKING:
    from gdest.training import Errors, Opinion, Scores


KINDS = ("homogeneity", "homogeneity_counted")
"""The columns that tell a mixed field, by the estimate and by the count."""

ALWAYS = ("file", "status", "G estimated", "homogeneity", "um/px")
"""The columns that are shown also where they are empty."""


def print_rows(table: Sequence[dict[str, Cell]]) -> None:
    """Print micrographs as a table on standard output; the model's name and the reasons go to standard error."""
    rows = list(map(as_shown, table))
    columns = _columns(rows)
    shown = {title: cells for title, cells in columns.items() if any(cells) or title in ALWAYS}
    _print(shown, names=("file",))
    models = ", ".join(sorted({str(row["model"]) for row in rows if row["model"]}))
    say(caution(f"model {models}"))
    for row in rows:
        if row["reason"]:
            say(f"{row['file']}: {row['status']}: {row['reason']}")
        if mixed := next((str(row[kind]) for kind in KINDS if is_duplex(str(row[kind] or ""))), None):
            say(f"{row['file']}: {mixed}: one G says little of a mixed field, so it has no interval.")


def _columns(table: Sequence[Mapping[str, Cell]]) -> dict[str, list[str]]:
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


def _print(
    columns: Mapping[str, Iterable[str]],
    *,
    names: Sequence[str] = (),
    right: bool = False,
    console: Console | None = None,
) -> None:
    """Print cells by the title of their column: names shortened where there is no room, what follows them `right`."""
    laid = [
        Column(title, tuple(cells), name=title in names, right=right and bool(number))
        for number, (title, cells) in enumerate(columns.items())
    ]
    print_columns(laid, console or Console(highlight=False))


def _by_title(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    return {title: [row[number] for row in rows] for number, title in enumerate(titles)}


def _interval(row: Mapping[str, Cell], low: str, high: str) -> str:
    return "" if row[low] is None else f"{row[low]:.1f}..{row[high]:.1f}"


def print_counted(table: Sequence[dict[str, Cell]]) -> None:
    """Print what was counted as a table on standard output; the notes go to standard error."""
    shown = {
        "file": [str(row["file"]) for row in table],
        "status": [str(row["status"]) for row in table],
        "G counted": [_number(row["g_counted"], 1) for row in table],
        "95 % interval": [_interval(row, "g_counted_low", "g_counted_high") for row in table],
        "grains counted": [_number(row["grains_counted"], 0) for row in table],
        "%RA": [_number(row["relative_accuracy_counted"], 1) for row in table],
        "largest grain, G": [_number(row["g_largest_grain"], 1) for row in table],
        "um/px": [_number(row["um_per_px"], 4) for row in table],
    }
    if any(row["verdict"] for row in table):
        shown["verdict"] = [str(row["verdict"] or "") for row in table]
    _print(shown, names=("file",))
    for row in table:
        if row["verdict"]:
            say(f"{row['file']}: {row['verdict']}: {row['verdict_reason']}")
        for note in dict.fromkeys(filter(None, (row["reason"], row["count_note"]))):
            say(f"{row['file']}: {row['status']}: {note}")
        if row["count_corrected_by"]:
            say(f"{row['file']}: boundaries corrected by hand by {row['count_corrected_by']}.")


def print_opinions(opinions: Sequence[Opinion]) -> None:
    """Print what a lab's own fields show of estimate and count: what was found, and what calibrating it brings."""
    found = ("opinion", "fields", "bias taken off", "interval of a further field")
    rows = [
        (one.name, str(len(one.errors)), f"{one.bias:+.2f}", f"+-{one.half_width:.2f} ({one.coverage:.0%})")
        for one in opinions
    ]
    _print_titled("What the fields show", _by_title(found, rows))
    brought = ("opinion", "MAE before", "MAE after", "inside before", "inside after")
    before_after = []
    for one in opinions:
        (mae, inside), (left_mae, left_inside) = one.before, one.after
        before_after.append((one.name, f"{mae:.2f}", f"{left_mae:.2f}", f"{inside:.0%}", f"{left_inside:.0%}"))
    _print_titled("What it brings: each field, calibrated by the others", _by_title(brought, before_after))


def print_errors(estimates: Mapping[str, Errors], counts: Mapping[str, Errors]) -> None:
    """Print the errors of labelled sets as a table on standard output, those of the counts beside the estimates'."""
    titles = ["set", "micrographs", "MAE", "bias", "within 0.5 G", "inside 90 % interval", "graded"]
    if counts:
        titles += ["counted", "count: MAE", "count: bias", "count: inside 95 % interval"]
    rows = []
    for name, found in estimates.items():
        number, mae, bias, _, inside = _errors(counts[name]) if name in counts else [""] * 5
        rows.append((name, *_errors(found), str(found.graded), *((number, mae, bias, inside) if counts else ())))
    _print(_by_title(titles, rows), names=("set",), right=True)


def _errors(found: Errors) -> list[str]:
    shares = ["" if math.isnan(share) else f"{share:.1%}" for share in (found.within_half, found.coverage)]
    return [str(found.count), f"{found.mae:.3f}", f"{found.bias:+.3f}", *shares]


def print_areas(name: str, areas: Mapping[str, float]) -> None:
    """Print, as a table on standard output, the share of a micrograph's area that each grade takes, 0..1."""
    rows = [(grade, f"{share:.1%}") for grade, share in areas.items()]
    _print_titled(name, _by_title(("shows", "area"), rows))


def print_scores(title: str, groups: Mapping[str, Scores]) -> None:
    """Print the scores of labelled sets, counted as the paper counts, as a table on standard output."""
    rows = []
    for name, found in groups.items():
        if found.count:
            shares = (f"{share:.1%}" for share in (found.top1, found.within_half))
            rows.append((name, str(found.count), *shares, f"{found.mae:.3f}"))
    _print_titled(title, _by_title(("set", "count", "Top-1", "within 0.5 G", "MAE"), rows))


def _print_titled(title: str, columns: Mapping[str, Iterable[str]]) -> None:
    """Print a title above a table; as part of a narrow table it would be folded within a word."""
    console = Console(highlight=False)
    console.print(Text(printable(title)), soft_wrap=True)
    _print(columns, names=("set",), right=True, console=console)


def _number(value: Cell, digits: int) -> str:
    if not isinstance(value, (int, float)):
        return ""
    return f"{value:.{digits}f}" if digits else str(in_whole(value))


def print_forecast(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print what a scan would do as a table on standard output; notes are long, so each stands below with its file."""
    columns = _by_title([name.replace("_", " ") for name in names], rows)
    notes = columns.pop("note")
    _print({title: cells for title, cells in columns.items() if any(cells)}, names=("file", "specimen"))
    for file, note in zip(columns["file"], notes, strict=True):
        if note:
            say(f"{file}: {note}")


def say_written(*paths: Path) -> None:
    """Name the files that a command has written; one that is not there is not named."""
    say(f"Written: {', '.join(str(path) for path in paths if path.exists())}")


def print_counts(counts: Mapping[str, int], problems: Sequence[dict[str, Cell]] | None) -> None:
    """Print the number of rows by status, and name the `problems`: the first rows that a person must look at.

    None of them are named where they are None: they have been.
    """
    rows = [(str(status), str(counts[status])) for status in Status if counts.get(status)]
    for row in problems or ():
        say(f"{row['file']}: {row['status']}: {row['reason']}")
    if problems is not None:
        more = sum(counts.values()) - counts.get(Status.GRADED, 0) - len(problems)
        if more > 0:
            say(f"... and {more} more; the reports name each.")
    _print(_by_title(("status", "count"), rows), right=True, console=stderr)
