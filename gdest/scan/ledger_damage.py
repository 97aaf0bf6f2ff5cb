"""Mend a damaged ledger: without its damaged rows, or as a new one, so that their files are graded again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from gdest.core import LEDGER, split_page, warn
from gdest.scan.database import DamagedLedgerError, Database, set_aside
from gdest.scan.ledger_runs import is_whole
from gdest.scan.ledger_tables import CHECKED, checksum

Answer = TypeVar("Answer")


def with_sound_ledger(folder: Path, work: Callable[[], Answer]) -> Answer:
    """Return what `work` returns; where the ledger of the folder is damaged, mend it and let the work begin again."""
    for mend in (_drop_damaged_rows, _begin_anew):
        try:
            return work()
        except DamagedLedgerError as error:
            warn(str(error))
            mend(folder / LEDGER)
    return work()


def damaged_rows(database: Database) -> Iterator[tuple[str, int, str]]:
    """Yield (table, row number, name) of each row that is not as it was written, and of files that lack a row."""
    for table in ("recipes", "files", "micrographs"):
        packed = "grade_map" if table == "micrographs" else "NULL"
        columns = CHECKED[table]
        for row in database.ask(f"SELECT rowid, {columns}, checksum, {packed} FROM {table} NOT INDEXED"):
            map_sum = row[-3] if table == "micrographs" else None
            sound = is_whole(row[1:-1]) and (map_sum is None or checksum(row[-1]) == map_sum)
            if not sound:
                yield table, row[0], str(row[2])
    yield from (
        ("files", row[0], str(row[1]))
        for row in database.ask(
            "SELECT rowid, name FROM files f WHERE micrographs <>"
            " (SELECT COUNT(*) FROM micrographs m WHERE m.recipe = f.recipe AND m.file = f.name)"
        )
    )


def is_sound(database: Database) -> bool:
    """Return whether SQLite finds the file's own order unbroken; it reads the whole file."""
    return [row[0] for row in database.ask("PRAGMA integrity_check(1)")] == ["ok"]


def _drop_damaged_rows(path: Path) -> None:
    """Delete the rows that are damaged and what is known of their files; make a new ledger where that is not enough."""
    try:
        database = Database.open(path)
        try:
            damaged = list(damaged_rows(database))
            if not is_sound(database) or any(table == "recipes" for table, _, _ in damaged):
                raise DamagedLedgerError(f"{path} is damaged in more than single rows.")
            with database.writing():
                for table, number, name in damaged:
                    for file in _files_of(database, table, number, name):
                        database.tell("DELETE FROM files WHERE name = ?", (file,))
                    database.tell(f"DELETE FROM {table} WHERE rowid = ?", (number,))
                database.tell("UPDATE meta SET value = value + 1 WHERE key = 'revision'")
        finally:
            database.close()
    except DamagedLedgerError:
        _begin_anew(path)
        return
    rows = "1 damaged row is" if len(damaged) == 1 else f"{len(damaged)} damaged rows are"
    warn(f"{rows} left out of the ledger; the files are graded again.")


def _files_of(database: Database, table: str, number: int, name: str) -> set[str]:
    """Return the files that a damaged row may be of: one of its two names may be what is damaged."""
    if table == "files":
        return {name}
    found = database.ask("SELECT file FROM micrographs WHERE rowid = ?", (number,))
    return {name, split_page(name)[0], *(str(row[0]) for row in found)}


def _begin_anew(path: Path) -> None:
    aside = set_aside(path)
    warn(f"The damaged ledger is kept as {aside.name}; a new one is made, and every file is graded again.")
