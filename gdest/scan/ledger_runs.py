"""The half of the ledger that tells of scans: recipes, runs, the files of a shard, the reports that were written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gdest.core import ModelCard, WeightsError
from gdest.scan.database import DamagedLedgerError, Database
from gdest.scan.ledger_schema import Recipe, Run, settings_text
from gdest.scan.ledger_tables import CHECKED, checksum


class Runs:
    """Read and write what a ledger knows of scans; `Ledger` adds files and micrographs."""

    def __init__(self, database: Database) -> None:
        self.database, self.path = database, database.path
        self._ask, self._tell, self._tell_each = database.ask, database.tell, database.tell_each

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make several writes one transaction, on disk when the block ends, or not at all."""
        with self.database.writing():
            yield
            self._tell("UPDATE meta SET value = value + 1 WHERE key = 'revision'")

    def recipe(self, model: str, model_sha256: str, card: ModelCard, settings: dict[str, object]) -> Recipe:
        """Return the recipe of a model and settings, made when it is new."""
        known = self.recipes()
        if not any(one.is_of(model_sha256, settings) for one in known):
            number = max((one.id for one in known), default=0) + 1
            values = (number, model, model_sha256, card.to_json(), settings_text(settings))
            self._tell(
                "INSERT INTO recipes (id, model, model_sha256, card, settings, checksum) VALUES (?, ?, ?, ?, ?, ?)",
                (*values, checksum(*values)),
            )
        return next(one for one in self.recipes() if one.is_of(model_sha256, settings))

    def find_recipe(self, model_sha256: str, settings: dict[str, object]) -> Recipe | None:
        """Return the recipe of a model and settings, None when nothing was graded by it."""
        return next((one for one in self.recipes() if one.is_of(model_sha256, settings)), None)

    def recipes(self) -> list[Recipe]:
        """Return all recipes, oldest first."""
        found = []
        for row in self._ask(f"SELECT {CHECKED['recipes']}, checksum FROM recipes ORDER BY id"):
            self._check(row, f"recipe {row[0]}")
            try:
                card = ModelCard.from_json(row[3])
            except WeightsError as error:
                raise DamagedLedgerError(f"The ledger {self.path} is damaged: recipe {row[0]}: {error}") from error
            found.append(Recipe(row[0], row[1], row[2], card, self._json(row[4])))
        return found

    def begin_run(self, recipe: Recipe, roots: Sequence[Path], host: str, started: str, version: str) -> int:
        """Record that a scan begins; return its number for `end_run`."""
        return self._tell(
            "INSERT INTO runs (recipe, roots, host, pid, started, gdest_version) VALUES (?, ?, ?, ?, ?, ?)",
            (recipe.id, json.dumps([str(root.resolve()) for root in roots]), host, os.getpid(), started, version),
        )

    def end_run(self, number: int, finished: str) -> None:
        """Record that a scan reached its end."""
        self._tell("UPDATE runs SET finished = ? WHERE id = ?", (finished, number))

    def last_run(self) -> Run | None:
        """Return the last scan that was begun, None when there is none."""
        for row in self._ask(
            "SELECT recipe, roots, host, started, finished, gdest_version FROM runs ORDER BY id DESC LIMIT 1"
        ):
            recipe = next((found for found in self.recipes() if found.id == row[0]), None)
            if recipe is None:
                raise DamagedLedgerError(f"The ledger {self.path} is damaged: its last scan has no recipe.")
            return Run(recipe, tuple(self._json(row[1])), *row[2:])
        return None

    def expect(self, names: Sequence[str]) -> None:
        """Record which files the archive of a shard holds, its own and the others', for `gdest merge`."""
        with self.writing():
            self._tell("DELETE FROM expected")
            self._tell_each("INSERT INTO expected (name) VALUES (?)", [(name,) for name in names])

    def expected(self) -> Iterator[str]:
        """Yield the names that `expect` recorded, none for a scan of a whole archive."""
        return (str(row[0]) for row in self._ask("SELECT name FROM expected"))

    def exported_hashes(self, key: str) -> Mapping[str, str] | None:
        """Return the hashes that `exported` recorded with the same key; None when something was written since."""
        said = self._meta("exported")
        if said.startswith("{") and (known := self._json(said))["key"] == f"{self._meta('revision')} {key}":
            return dict(known["hashes"])
        return None

    def exported(self, key: str, hashes: Mapping[str, str]) -> None:
        """Record that the reports now say what the ledger says: what else they depend on, and their SHA-256."""
        said = json.dumps({"key": f"{self._meta('revision')} {key}", "hashes": dict(hashes)})
        self._tell("INSERT OR REPLACE INTO meta (key, value) VALUES ('exported', ?)", (said,))

    def _meta(self, key: str) -> str:
        return next((str(row[0]) for row in self._ask("SELECT value FROM meta WHERE key = ?", (key,))), "")

    def _check(self, row: Sequence[Any], what: str) -> None:
        """Raise `DamagedLedgerError` unless the last cell of a row is the checksum of the others."""
        if not is_whole(row):
            raise DamagedLedgerError(f"The ledger {self.path} is damaged: {what} is not as it was written.")

    def _json(self, words: str) -> Any:
        try:
            return json.loads(words)
        except ValueError as error:
            raise DamagedLedgerError(f"The ledger {self.path} is damaged: {error}.") from error


def is_whole(row: Sequence[Any]) -> bool:
    """Return whether a row has the checksum that is its last cell; without one, of an earlier gdest, none is known."""
    return row[-1] is None or checksum(*row[:-1]) == row[-1]
