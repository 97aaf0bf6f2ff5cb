"""Lay a table out in the width that there is: names are shortened from the left, and no number is ever cut.

Where it does not fit with names of `LEAST_NAME` characters, its columns stand in a few tables below each other; where
that would be more than `MOST_TABLES`, each row becomes a block of lines: a title and its cell.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gdest.core import printable

LEAST_NAME = 12
"""A shorter end of a name tells micrographs no longer apart."""

MOST_TABLES = 2
BORDERS = 3
"""What a column takes beside its cells: a blank at either side and a line."""

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True)
class Column:
    """Hold the title and the cells of a column of a table.

    The cells of a `name` may be shortened, and the title folded between its words unless it is to stay `whole`.
    """

    title: str
    cells: tuple[str, ...]
    name: bool = False
    right: bool = False
    whole: bool = False

    @property
    def least(self) -> int:
        """Return the width below which a word of the title, or a cell, would be cut."""
        words = (*([self.title] if self.whole else self.title.split()), *(() if self.name else self.cells))
        return max([cell_len(word) for word in words] + [min(LEAST_NAME, self.longest)] * self.name, default=0)

    @property
    def longest(self) -> int:
        """Return the width of the longest cell."""
        return max(map(cell_len, self.cells), default=0)

    def within(self, width: int) -> Column:
        """Return the column with names of at most `width`."""
        return replace(self, cells=tuple(shortened(cell, width) for cell in self.cells))


def print_columns(columns: Sequence[Column], console: Console) -> None:
    """Print columns of equal length as tables, or as blocks of lines where the console is too narrow for them.

    A file or a pipe is as wide as the table needs, unless `COLUMNS` says how wide it is. A name is neither markup nor a
    command to the terminal.
    """
    harmless = [replace(one, cells=tuple(map(printable, one.cells))) for one in columns]
    width = console.width if console.is_terminal or os.environ.get("COLUMNS") else None
    whole = [replace(one, whole=True) for one in harmless]
    groups = [whole] if width is None else groups_within(whole, width)
    if width is not None and groups != [whole]:  # a title is folded before a name is shortened
        groups = groups_within(harmless, width)
    if not groups or len(groups) > MOST_TABLES:
        _print_blocks(harmless, console)
        return
    for group in groups:
        _print_table(group, console)


def _print_table(columns: Sequence[Column], console: Console) -> None:
    table, wide = Table(), 1
    for one in columns:
        width = max(one.least, one.longest)
        table.add_column(Text(one.title), justify="right" if one.right else "left", min_width=width, max_width=width)
        wide += width + BORDERS
    for cells in zip(*(one.cells for one in columns), strict=True):
        table.add_row(*(Text(cell, no_wrap=True) for cell in cells))
    console.print(table, width=wide, crop=False, no_wrap=True, overflow="ignore")


def groups_within(columns: Sequence[Column], width: int) -> list[list[Column]]:
    """Return the columns of each table that fits the width, all with the names, which are shortened.

    There is none where a name and a number do not fit beside each other.
    """
    names = [one for one in columns if one.name]
    groups: list[list[Column]] = []
    for one in columns:
        if one.name:
            continue
        if not groups or _room([*groups[-1], one], names, width) is None:
            groups.append([])
        groups[-1].append(one)
    rooms = [_room(group, names, width) for group in groups]
    if None in rooms:
        return []
    return [
        [*(name.within(room) for name in names), *group]
        for group, room in zip(groups, rooms, strict=True)
        if room is not None
    ]


def _room(others: Sequence[Column], names: Sequence[Column], width: int) -> int | None:
    """Return how wide each name can be beside other columns, None where that is not wide enough."""
    left = width - 1 - sum(max(one.least, one.longest) + BORDERS for one in others) - BORDERS * len(names)
    room = left // max(len(names), 1)
    return None if left < 0 or any(room < one.least for one in names) else room


def shortened(name: str, width: int) -> str:
    """Return the end of a name, behind an ellipsis, so that it takes at most `width` columns of a terminal.

    >>> shortened("archive/oven-1/steel-5.tif", 12)
    '…steel-5.tif'
    """
    if cell_len(name) <= width:
        return name
    taken, kept = cell_len(ELLIPSIS), len(name)
    while kept and taken + cell_len(name[kept - 1]) <= width:
        kept -= 1
        taken += cell_len(name[kept])
    return ELLIPSIS + name[kept:]


def _print_blocks(columns: Sequence[Column], console: Console) -> None:
    """Print a line for each cell that is not empty, its title above it where both do not fit, and no line cut."""
    for number in range(len(columns[0].cells)):
        if number:
            console.print()
        for one in columns:
            if cell := one.cells[number]:
                together = cell_len(one.title) + len(": ") + cell_len(cell) <= console.width
                console.print(Text(f"{one.title}:{' ' if together else chr(10)}{cell}"), soft_wrap=True)
