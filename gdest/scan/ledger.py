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
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from gdest.core import LEDGER, FileState, GradeMap, OutputError
from gdest.reports import COLUMNS, Cell
from gdest.scan.database import DamagedLedgerError, Database
from gdest.scan.ledger_runs import Runs
from gdest.scan.ledger_schema import (
    UNDRAWABLE,
    Finding,
    LedgerRow,
    Pictures,
    all_columns,
    pack_grade_map,
    state_of,
    unpack_grade_map,
)
from gdest.scan.ledger_tables import CHECKED, JOINED, checksum, results_view

ROW = ", ".join(f"m.{name.strip()}" for name in CHECKED["micrographs"].split(","))
"""The columns of a micrograph's row that its checksum is of; `m` is the table."""


class Ledger(Runs):
    """Read and write the ledger of one output folder.

    A failure is an `OutputError` that names the ledger, a `DamagedLedgerError` where its content is the cause.
    """

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Ledger:
        """Open the ledger of an output folder; raise `OutputError` when there is none and `create` is not set."""
        ledger = cls(Database.open(folder / LEDGER if create else _existing(folder)))
        if create:
            for statement in results_view(COLUMNS).split(";"):
                ledger._tell(statement)
        return ledger

    @classmethod
    def look(cls, folder: Path) -> Ledger:
        """Open the ledger of an output folder to read only; raise `OutputError` when there is none."""
        return cls(Database.look(_existing(folder)))

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()

    def files(self, recipe: int) -> dict[str, FileState]:
        """Return the files graded by a recipe and not deleted since, by name."""
        return {state.name: state for state in self.states(recipe)}

    def states(self, recipe: int) -> Iterator[FileState]:
        """Yield the files graded by a recipe and not deleted since, in any order."""
        lacking = (
            "SELECT name FROM files f NOT INDEXED WHERE recipe = ? AND micrographs <>"
            " (SELECT COUNT(*) FROM micrographs m WHERE m.recipe = f.recipe AND m.file = f.name) LIMIT 1"
        )
        for (name,) in self._ask(lacking, (recipe,)):
            raise DamagedLedgerError(f"The ledger {self.path} is damaged: it has not all rows of {name}.")
        for row in self._ask(f"SELECT {CHECKED['files']}, checksum FROM files NOT INDEXED WHERE recipe = ?", (recipe,)):
            self._check(row, f"the file {row[1]}")
            if row[7] is None:
                yield state_of(row[1:])

    def record(self, recipe: int, file: FileState, found: Sequence[Finding]) -> None:
        """Replace what is known of a file by what was found in it; call it inside `writing`."""
        self._tell("DELETE FROM micrographs WHERE recipe = ? AND file = ?", (recipe, file.name))
        self._put_file(recipe, file, len(found))
        for one in found:
            packed = None if one.grade_map is None else pack_grade_map(one.grade_map)
            words = json.dumps(one.cells, ensure_ascii=False, allow_nan=False)
            pictures = json.dumps(one.pictures) if one.pictures else UNDRAWABLE if one.undrawable else None
            map_sum = None if packed is None else checksum(packed)
            row = (recipe, one.cells["file"], file.name, str(one.cells["status"]), words, pictures, map_sum)
            self._tell(
                f"INSERT OR REPLACE INTO micrographs ({CHECKED['micrographs']}, checksum, grade_map)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, checksum(*row), packed),
            )

    def _put_file(self, recipe: int, file: FileState, count: int, gone_since: str | None = None) -> None:
        row = (recipe, file.name, file.path, file.size, file.mtime_ns, file.sha256, int(file.again), gone_since, count)
        self._tell(
            f"INSERT OR REPLACE INTO files ({CHECKED['files']}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, checksum(*row)),
        )

    def mark_gone(self, recipe: int, names: Sequence[str], when: str) -> None:
        """Record that files are no longer in the archive; their rows are kept but not exported."""
        lost = set(names)
        with self.writing():
            for state in [state for state in self.states(recipe) if state.name in lost]:
                words = "SELECT micrographs FROM files WHERE recipe = ? AND name = ?"
                for (count,) in list(self._ask(words, (recipe, state.name))):
                    self._put_file(recipe, state, count, when)

    def rows(self, recipe: int, *, files: Sequence[str] | None = None, maps: bool = True) -> Iterator[LedgerRow]:
        """Yield the rows of a recipe sorted by micrograph name, of certain files only when they are named.

        Rows of deleted files are left out unless named. Without `maps` the grade maps are not read. Raises
        `DamagedLedgerError` at a row that is not as it was written.
        """
        chosen, order = "gone_since IS NULL", "m.name"
        if files is not None:  # the sign keeps SQLite from reading all rows in the order of their names
            chosen, order = "m.file IN (SELECT value FROM json_each(?))", "+m.name"
        found = self._ask(
            f"SELECT {ROW}, m.checksum, {'grade_map' if maps else 'NULL'},"
            f" f.name, path, size, mtime_ns, sha256, again"
            f" FROM {JOINED} WHERE m.recipe = ? AND {chosen} ORDER BY {order}",
            (recipe,) if files is None else (recipe, json.dumps(list(files))),
        )
        count = 0
        for count, row in enumerate(found, start=1):  # noqa: B007
            self._check(row[:8], f"the row of {row[1]}")
            grade_map = None if row[8] is None else self._unpacked(row[8], row[6], row[1])
            cells, undrawable = all_columns(json.loads(row[4])), row[5] == UNDRAWABLE
            yield LedgerRow(cells, grade_map, _pictures(row[5]), state_of(row[9:]), undrawable)
        if files is None:
            self._require_all(recipe, count)

    def remembered(self, recipe: int, sha256: str) -> dict[str, GradeMap]:
        """Return the grade maps of the micrographs in a file of this content, by what follows the file's name.

        A file of one micrograph has the key ""; of several `#1`, `#2`... Empty when it was never graded; a map that
        is damaged is left out.
        """
        found = self._ask(
            f"SELECT f.name, m.name, grade_map, map_checksum FROM {JOINED}"
            " WHERE f.recipe = ? AND f.sha256 = ? AND grade_map IS NOT NULL ORDER BY f.name",
            (recipe, sha256),
        )
        return {
            name.removeprefix(file): unpack_grade_map(packed)
            for file, name, packed, known in found
            if checksum(packed) == known
        }

    def drawn(self, recipe: int) -> Iterator[tuple[str, Pictures]]:
        """Yield (file, pictures) of every row of which pictures can be drawn, no pictures where none were."""
        for file, pictures in self._ask(
            "SELECT file, pictures FROM micrographs WHERE recipe = ? AND grade_map IS NOT NULL", (recipe,)
        ):
            if pictures != UNDRAWABLE:
                yield file, _pictures(pictures)

    def again(self, recipe: int) -> int:
        """Return how many files the next scan tries again, since what failed in them may pass."""
        asked = "SELECT COUNT(*) FROM files WHERE recipe = ? AND again AND gone_since IS NULL"
        return sum(count for (count,) in self._ask(asked, (recipe,)))

    def problems(self, recipe: int, most: int) -> list[dict[str, Cell]]:
        """Return the cells of the first `most` rows that are not `graded`, deleted files left out."""
        found = self._ask(
            f"SELECT cells FROM {JOINED}"
            " WHERE m.recipe = ? AND gone_since IS NULL AND status <> 'graded' ORDER BY m.name LIMIT ?",
            (recipe, most),
        )
        return [all_columns(self._json(row[0])) for row in found]

    def counts(self, recipe: int) -> dict[str, int]:
        """Return the number of rows by status, deleted files left out."""
        found = self._ask(
            f"SELECT status, COUNT(*) FROM {JOINED} WHERE m.recipe = ? AND gone_since IS NULL GROUP BY status",
            (recipe,),
        )
        counts = {str(status): int(count) for status, count in found}
        self._require_all(recipe, sum(counts.values()))
        return counts

    def _require_all(self, recipe: int, count: int) -> None:
        """Raise `DamagedLedgerError` unless so many rows are all that were written: a damaged index hides some."""
        written = "SELECT SUM(micrographs) FROM files NOT INDEXED WHERE recipe = ? AND gone_since IS NULL"
        for (known,) in self._ask(written, (recipe,)):
            if known is not None and known != count:
                raise DamagedLedgerError(f"The ledger {self.path} is damaged: it shows {count} of {known} rows.")

    def _unpacked(self, packed: bytes, known: str | None, name: str) -> GradeMap:
        self._check((packed, known), f"the grade map of {name}")
        return unpack_grade_map(packed)


def _existing(folder: Path) -> Path:
    path = folder / LEDGER
    try:
        if path.is_file():
            return path
    except OSError as error:
        raise OutputError(f"Cannot open the ledger {path}: {error.strerror or error}.") from error
    raise OutputError(f"{folder} holds no {LEDGER}; it is not the output folder of a scan.")


def _pictures(words: str | None) -> Pictures:
    """Return the pictures of a row, none where its cell is damaged: then they are drawn again."""
    try:
        return {name: (str(one[0]), int(one[1])) for name, one in json.loads(words or "{}").items()}
    except (ValueError, TypeError, LookupError, AttributeError):
        return {}
