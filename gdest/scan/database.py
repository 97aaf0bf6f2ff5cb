"""Open the SQLite file of a ledger; whatever goes wrong with it is one sentence that names the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from gdest.core import OutputError
from gdest.scan.ledger_tables import prepare, show_as_today

SECONDS_TO_WAIT = 30.0
BESIDE = ("", "-wal", "-shm")
"""What SQLite adds to the name of a database for the files that belong to it."""

OF_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""gdest asks the same questions every night, so that an error in one (no such column) is the file's fault."""

Values = Sequence[Any]


class DamagedLedgerError(OutputError):
    """Say that a ledger can no longer be read as it was written."""


class Database:
    """Hold the connection to one SQLite file.

    A failure to read or to write it is an `OutputError` with its name, a `DamagedLedgerError` where its content is
    the cause.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self.connection = path, connection
        self._inode = path.stat().st_ino

    @classmethod
    def open(cls, path: Path) -> Database:
        """Open a file to write, make it with its tables where there is none, and bring older tables up to date."""
        with _as_output_error(path, "open"):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():  # SQLite lets nobody else of a group write, whatever the umask allows
                path.touch(0o666)
            return cls._of(path, _connect(str(path)), prepare)

    @classmethod
    def look(cls, path: Path) -> Database:
        """Open a file to read only, and leave nothing beside it."""
        # a reader of a database without a log would make one that it cannot remove
        how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
        with _as_output_error(path, "open"):
            return cls._of(path, _connect(f"{path.absolute().as_uri()}?{how}", uri=True), show_as_today)

    @classmethod
    def _of(cls, path: Path, connection: sqlite3.Connection, first: Callable[[sqlite3.Connection, Path], None]) -> Self:
        """Return the database of a connection with which `first` was done; close it where that fails."""
        try:
            first(connection, path)
            return cls(path, connection)
        except BaseException:
            connection.close()
            raise

    def ask(self, words: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that a query finds."""
        with _as_output_error(self.path, "read"):
            for row in self.connection.execute(words, values):  # noqa: UP028  which closes the cursor, perhaps too late
                yield row

    def tell(self, words: str, values: Values = ()) -> int:
        """Carry out a statement that writes; return the number of the row that it inserted, if any."""
        with _as_output_error(self.path, "write"):
            return int(self.connection.execute(words, values).lastrowid or 0)

    def tell_each(self, words: str, values: Iterable[Values]) -> None:
        """Carry out a statement once for each of the values."""
        with _as_output_error(self.path, "write"):
            self.connection.executemany(words, values)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make several writes one transaction, on disk when the block ends, or not at all."""
        with _as_output_error(self.path, "write"):
            if not self.path.exists() or self.path.stat().st_ino != self._inode:
                raise OutputError(f"{self.path} has vanished while the scan was writing to it.")
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connection; a disk that fails now takes nothing back, since every transaction is on it."""
        with _as_output_error(self.path, "close"):
            self.connection.close()


def set_aside(path: Path) -> Path:
    """Give a damaged file, with its log, another name in its folder, where a new one can take its place."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = path.with_name(f"{path.stem}.damaged-{moment}{path.suffix}")
    with _as_output_error(path, "rename"):
        for ending in BESIDE:
            one = path.with_name(path.name + ending)
            if one.exists():
                one.rename(aside.with_name(aside.name + ending))
    return aside


def _connect(name: str, **how: Any) -> sqlite3.Connection:
    how |= {"timeout": SECONDS_TO_WAIT, "isolation_level": None, "check_same_thread": False}
    connection: sqlite3.Connection = sqlite3.connect(name, **how)
    # text with a flipped bit is read, and then found by its row's checksum
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    return connection


@contextmanager
def _as_output_error(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        # the lower byte is the kind; the others say where
        damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in OF_DAMAGE
        kind = DamagedLedgerError if damaged else OutputError
        raise kind(f"Cannot {what} the ledger {path}: {error}.") from error
    except (OSError, sqlite3.Error) as error:
        raise OutputError(f"Cannot {what} the ledger {path}: {error}.") from error
