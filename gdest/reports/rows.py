"""Hold the rows of an archive: in a list where they fit the memory, else read anew from the disk for each report."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Protocol

from gdest.core import GdestError, OutputError
from gdest.reports.column import Cell

MOST_IN_MEMORY = 20_000
"""Rows that are kept as a list: 4 kB each, so 80 MB; more are read anew for each report, 45 us each."""

Cells = dict[str, Cell]


class Rows(Protocol):
    """Give the rows of a table in their order, as often as asked; a list does."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Cells]: ...


class Pairs(Protocol):
    """Give pairs of texts, as often as asked; a tuple of them does, or the items of a dict."""

    def __iter__(self) -> Iterator[tuple[str, str]]: ...


class RowsError(GdestError):
    """Say that the rows of reports can no longer be read; the cause is the error of whoever holds them."""


@dataclass(frozen=True)
class StreamedRows:
    """Give rows that are read anew each time, so that a change to one is not kept; `count` is known before."""

    count: int
    read: Callable[[], Iterator[Cells]]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Cells]:
        return self.read()


@dataclass(frozen=True)
class StreamedPairs:
    """Give pairs of texts that are read anew each time."""

    read: Callable[[], Iterator[tuple[str, str]]]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self.read()


def each_changed(table: Rows, change: Callable[[Cells], object]) -> Rows:
    """Return rows that were changed in place: once in a list, whenever they are read of others."""
    if isinstance(table, list):
        for row in table:
            change(row)
        return table

    def read() -> Iterator[Cells]:
        for row in table:
            change(row)
            yield row

    return replace(table, read=read) if isinstance(table, StreamedRows) else StreamedRows(len(table), read)


def those(table: Rows, holds: Callable[[Cells], bool]) -> Rows:
    """Return the rows for which something holds."""
    if isinstance(table, list):
        return [row for row in table if holds(row)]
    return StreamedRows(sum(map(holds, table)), lambda: filter(holds, table))


class Spool:
    """Keep rows on the disk, in a file without a name that vanishes with the process, in order or sorted by a key.

    SQLite keeps what fits its small cache in memory. Raises `OutputError` where the disk is full.
    """

    def __init__(self) -> None:
        with _as_output_error():
            self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = OFF")  # nothing is ever taken back
            self._database.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, key BLOB, cells TEXT)")

    def add(self, keyed: Iterable[tuple[Sequence[str], Cells]]) -> None:
        """Add rows, each with its key."""
        lines = (("\0".join(key).encode("utf-8", "surrogatepass"), json.dumps(cells)) for key, cells in keyed)
        with _as_output_error():
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO rows (key, cells) VALUES (?, ?)", lines)
            self._database.execute("COMMIT")

    def rows(self) -> Rows:
        """Return the rows in the order in which they were added."""
        ((count,),) = self._ask("SELECT COUNT(*) FROM rows")
        return StreamedRows(count, lambda: (json.loads(cells) for (cells,) in self._ask("SELECT cells FROM rows")))

    def groups(self) -> Iterator[list[Cells]]:
        """Yield the rows of each key, sorted by it."""
        for _, group in groupby(self._ask("SELECT key, cells FROM rows ORDER BY key, number"), lambda one: one[0]):
            yield [json.loads(cells) for _, cells in group]

    def _ask(self, words: str) -> Iterator[tuple[Any, ...]]:
        with _as_output_error():
            yield from self._database.execute(words)


@contextmanager
def _as_output_error() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OutputError(f"Rows cannot be kept in the folder for temporary files: {error}.") from error
