"""Remember what was graded: one SQLite file in the output folder, from which the reports are written.

Whatever reads results later (a merge, a person with `sqlite3`) needs only this:

    with Ledger.open(folder) as ledger:
        run = ledger.last_run()                      # roots, times, and run.recipe: model, card, settings
        for row in ledger.rows(run.recipe.id):       # sorted by name, micrographs of deleted files left out
            row.cells                                # the columns of results.csv, by name
            row.grade_map                            # GradeMap, None for a failed row
            row.file                                 # path, size, mtime_ns, sha256 of the file it came from

A recipe is a model with the settings that change its answers. Rows are kept per recipe, so the
results of older models stay. One file may hold several micrographs (`file.tif#2`): the key of a row is
the micrograph's name, and the file's state stands once in its own table. The view `results`
shows the columns of results.csv to SQL.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from gdest.core import FileState, GradeMap, ModelCard, OutputError
from gdest.reports import COLUMNS, Cell
from gdest.scan.ledger_schema import (
    JOINED,
    LedgerRow,
    Recipe,
    Run,
    all_columns,
    check_schema,
    pack_grade_map,
    results_view,
    settings_text,
    state_of,
    unpack_grade_map,
)

LEDGER = "ledger.sqlite"
SECONDS_TO_WAIT = 30.0


class Ledger:
    """Read and write the ledger of one output folder; a failure to open or to write it is an `OutputError`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self._connection = path, connection
        self._inode = path.stat().st_ino

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Ledger:
        """Open the ledger of an output folder; raise `OutputError` when there is none and `create` is not set."""
        path = folder / LEDGER
        if not create and not path.is_file():
            raise OutputError(f"{folder} holds no {LEDGER}; it is not the output folder of a scan.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False)
            try:
                check_schema(connection, path)
                if create:
                    connection.executescript(results_view(COLUMNS))
                return cls(path, connection)
            except BaseException:
                connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"Cannot open the ledger {path}: {error}.") from error

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make several writes one transaction, on disk when the block ends, or not at all."""
        with self._as_output_error():
            if not self.path.exists() or self.path.stat().st_ino != self._inode:
                raise OutputError(f"{self.path} has vanished while the scan was writing to it.")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'")
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _as_output_error(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"Cannot write {self.path}: {error}.") from error

    def recipe(self, model: str, model_sha256: str, card: ModelCard, settings: dict[str, object]) -> Recipe:
        """Return the recipe of a model and settings, made when it is new."""
        with self._as_output_error():
            self._connection.execute(
                "INSERT OR IGNORE INTO recipes (model, model_sha256, card, settings) VALUES (?, ?, ?, ?)",
                (model, model_sha256, card.to_json(), settings_text(settings)),
            )
        return next(one for one in self.recipes() if one.is_of(model_sha256, settings))

    def find_recipe(self, model_sha256: str, settings: dict[str, object]) -> Recipe | None:
        """Return the recipe of a model and settings, None when nothing was graded by it."""
        return next((one for one in self.recipes() if one.is_of(model_sha256, settings)), None)

    def recipes(self) -> list[Recipe]:
        """Return all recipes, oldest first."""
        found = self._connection.execute("SELECT id, model, model_sha256, card, settings FROM recipes ORDER BY id")
        return [Recipe(row[0], row[1], row[2], ModelCard.from_json(row[3]), json.loads(row[4])) for row in found]

    def begin_run(self, recipe: Recipe, roots: Sequence[Path], host: str, started: str, version: str) -> int:
        """Record that a scan begins; return its number for `end_run`."""
        with self._as_output_error():
            cursor = self._connection.execute(
                "INSERT INTO runs (recipe, roots, host, pid, started, gdest_version) VALUES (?, ?, ?, ?, ?, ?)",
                (recipe.id, json.dumps([str(root) for root in roots]), host, os.getpid(), started, version),
            )
        return int(cursor.lastrowid or 0)

    def end_run(self, number: int, finished: str) -> None:
        """Record that a scan reached its end."""
        with self._as_output_error():
            self._connection.execute("UPDATE runs SET finished = ? WHERE id = ?", (finished, number))

    def last_run(self) -> Run | None:
        """Return the last scan that was begun, None when there is none."""
        for row in self._connection.execute(
            "SELECT recipe, roots, host, started, finished, gdest_version FROM runs ORDER BY id DESC LIMIT 1"
        ):
            recipe = next(found for found in self.recipes() if found.id == row[0])
            return Run(recipe, tuple(json.loads(row[1])), *row[2:])
        return None

    def files(self, recipe: int) -> dict[str, FileState]:
        """Return the files graded by a recipe and not deleted since, by name."""
        found = self._connection.execute(
            "SELECT name, path, size, mtime_ns, sha256, again FROM files WHERE recipe = ? AND gone_since IS NULL",
            (recipe,),
        )
        return {row[0]: state_of(row) for row in found}

    def record(self, recipe: int, file: FileState, rows: Sequence[tuple[dict[str, Cell], GradeMap | None]]) -> None:
        """Replace what is known of a file by its rows; call it inside `writing`."""
        execute = self._connection.execute
        execute("DELETE FROM micrographs WHERE recipe = ? AND file = ?", (recipe, file.name))
        state = asdict(file) | {"recipe": recipe, "gone": None}
        execute(
            "INSERT OR REPLACE INTO files (recipe, name, path, size, mtime_ns, sha256, again, gone_since)"
            " VALUES (:recipe, :name, :path, :size, :mtime_ns, :sha256, :again, :gone)",
            state,
        )
        for cells, grade_map in rows:
            packed = None if grade_map is None else pack_grade_map(grade_map)
            words = json.dumps(cells, ensure_ascii=False, allow_nan=False)
            execute(
                "INSERT OR REPLACE INTO micrographs (recipe, name, file, status, cells, grade_map)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (recipe, cells["file"], file.name, cells["status"], words, packed),
            )

    def mark_gone(self, recipe: int, names: Sequence[str], when: str) -> None:
        """Record that files are no longer in the archive; their rows are kept but not exported."""
        with self.writing():
            gone = [(when, recipe, name) for name in names]
            self._connection.executemany("UPDATE files SET gone_since = ? WHERE recipe = ? AND name = ?", gone)

    def expect(self, names: Sequence[str]) -> None:
        """Record which files the shard of this ledger has to hold in the end, for `gdest merge`."""
        with self.writing():
            self._connection.execute("DELETE FROM expected")
            self._connection.executemany("INSERT INTO expected (name) VALUES (?)", [(name,) for name in names])

    def expected(self) -> set[str]:
        """Return the names that `expect` recorded, none for a scan of a whole archive."""
        return {row[0] for row in self._connection.execute("SELECT name FROM expected")}

    def rows(self, recipe: int, *, files: Sequence[str] | None = None, maps: bool = True) -> Iterator[LedgerRow]:
        """Yield the rows of a recipe sorted by micrograph name, of certain files only when they are named.

        Rows of deleted files are left out unless named. Without `maps` the grade maps are not read.
        """
        chosen = "gone_since IS NULL" if files is None else "f.name IN (SELECT value FROM json_each(?))"
        found = self._connection.execute(
            f"SELECT cells, {'grade_map' if maps else 'NULL'}, f.name, path, size, mtime_ns, sha256, again"
            f" FROM {JOINED} WHERE m.recipe = ? AND {chosen} ORDER BY m.name",
            (recipe,) if files is None else (recipe, json.dumps(list(files))),
        )
        for row in found:
            grade_map = None if row[1] is None else unpack_grade_map(row[1])
            yield LedgerRow(all_columns(json.loads(row[0])), grade_map, state_of(row[2:]))

    def remembered(self, recipe: int, sha256: str) -> dict[str, GradeMap]:
        """Return the grade maps of the micrographs in a file of this content, by what follows the file's name.

        A file of one micrograph has the key ""; of several `#1`, `#2`... Empty when it was never graded.
        """
        found = self._connection.execute(
            f"SELECT f.name, m.name, grade_map FROM {JOINED}"
            " WHERE f.recipe = ? AND f.sha256 = ? AND grade_map IS NOT NULL ORDER BY f.name",
            (recipe, sha256),
        )
        return {name.removeprefix(file): unpack_grade_map(packed) for file, name, packed in found}

    def mapped(self, recipe: int) -> list[tuple[str, str, bool]]:
        """Return (micrograph, file, whether its grains were counted) of every row that has a grade map."""
        found = self._connection.execute(
            "SELECT name, file, json_extract(cells, '$.grains_counted') IS NOT NULL FROM micrographs"
            " WHERE recipe = ? AND grade_map IS NOT NULL",
            (recipe,),
        )
        return [(name, file, bool(counted)) for name, file, counted in found]

    def problems(self, recipe: int, most: int) -> list[dict[str, Cell]]:
        """Return the cells of the first `most` rows that are not `graded`, deleted files left out."""
        found = self._connection.execute(
            f"SELECT cells FROM {JOINED}"
            " WHERE m.recipe = ? AND gone_since IS NULL AND status <> 'graded' ORDER BY m.name LIMIT ?",
            (recipe, most),
        )
        return [all_columns(json.loads(row[0])) for row in found]

    def counts(self, recipe: int) -> dict[str, int]:
        """Return the number of rows by status, deleted files left out."""
        found = self._connection.execute(
            f"SELECT status, COUNT(*) FROM {JOINED} WHERE m.recipe = ? AND gone_since IS NULL GROUP BY status",
            (recipe,),
        )
        return {str(status): int(count) for status, count in found}

    def export_is_current(self, key: str) -> bool:
        """Return whether nothing was written since `exported(key)` with the same key."""
        return self._meta("exported") == f"{self._meta('revision')} {key}"

    def exported(self, key: str) -> None:
        """Record that the reports now say what the ledger says; `key` names what else they depend on."""
        with self._as_output_error():
            exported = f"{self._meta('revision')} {key}"
            self._connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('exported', ?)", (exported,))

    def _meta(self, key: str) -> str:
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""
