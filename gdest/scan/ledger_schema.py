"""The tables of the ledger, what their rows mean, and how a grade map is packed into a cell."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from gdest.core import FileState, GradeMap, ModelCard, OutputError, TileGrid
from gdest.reports import COLUMNS, Cell

SCHEMA_VERSION = 1
TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('revision', 0);
CREATE TABLE recipes (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, model_sha256 TEXT NOT NULL, card TEXT NOT NULL, settings TEXT NOT NULL,
    UNIQUE (model_sha256, settings));
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, recipe INTEGER NOT NULL REFERENCES recipes, roots TEXT NOT NULL, host TEXT NOT NULL,
    pid INTEGER NOT NULL, started TEXT NOT NULL, finished TEXT, gdest_version TEXT NOT NULL);
CREATE TABLE files (
    recipe INTEGER NOT NULL REFERENCES recipes, name TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, sha256 TEXT, again INTEGER NOT NULL, gone_since TEXT, PRIMARY KEY (recipe, name));
CREATE TABLE micrographs (
    recipe INTEGER NOT NULL, name TEXT NOT NULL, file TEXT NOT NULL, status TEXT NOT NULL, cells TEXT NOT NULL,
    grade_map BLOB, PRIMARY KEY (recipe, name));
CREATE INDEX micrographs_of_a_file ON micrographs (recipe, file);
CREATE INDEX files_of_a_content ON files (recipe, sha256);
CREATE TABLE expected (name TEXT PRIMARY KEY) WITHOUT ROWID;
"""

JOINED = "micrographs m JOIN files f ON f.recipe = m.recipe AND f.name = m.file"


def results_view(columns: Iterable[str]) -> str:
    """Return the SQL that makes the view `results`: the columns of results.csv, for people who ask in SQL."""
    cells = ", ".join(f"json_extract(cells, '$.{name}') AS \"{name}\"" for name in columns)
    return (
        "DROP VIEW IF EXISTS results;"
        f"CREATE VIEW results AS SELECT m.recipe, {cells}, f.path, f.size, f.mtime_ns, f.gone_since FROM {JOINED}"
    )


@dataclass(frozen=True)
class Recipe:
    """Hold a model and the settings that change its answers; `settings` as plain values by name."""

    id: int
    model: str
    model_sha256: str
    card: ModelCard
    settings: dict[str, object]

    def is_of(self, model_sha256: str, settings: dict[str, object]) -> bool:
        """Return whether this is the recipe of a model and settings."""
        return (self.model_sha256, self.settings) == (model_sha256, json.loads(settings_text(settings)))


@dataclass(frozen=True)
class Run:
    """Hold one scan: its recipe, folders and times (UTC, ISO 8601); `finished` is None when it was cut short."""

    recipe: Recipe
    roots: tuple[str, ...]
    host: str
    started: str
    finished: str | None
    gdest_version: str


@dataclass(frozen=True)
class LedgerRow:
    """Hold one micrograph's result: the cells of its row, its grade map, its file."""

    cells: dict[str, Cell]
    grade_map: GradeMap | None
    file: FileState


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Prepare a connection, and make the tables of a new ledger; raise `OutputError` for one of a later gdest.

    WAL lets a reader look while a scan writes; synchronous FULL puts each transaction on disk
    before it counts, so that a power cut cannot take back a row. A file system without shared
    memory (some network shares) refuses WAL and keeps its rollback journal, which is as safe.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        for statement in TABLES.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")
    if version > SCHEMA_VERSION:
        raise OutputError(f"{path} was written by a later gdest (ledger {version}); use that one, or another --out.")


def pack_grade_map(grade_map: GradeMap) -> bytes:
    """Return a grade map as the bytes of an .npz archive: its arrays, and one JSON text for the rest."""
    arrays: dict[str, Any] = {}
    rest: dict[str, object] = {}
    for field in fields(grade_map):
        if field.name in ("boundaries", "boundaries_at_half"):  # large, and drawn again when they are needed
            continue
        value = getattr(grade_map, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        elif isinstance(value, GradeMap):
            arrays[field.name] = np.frombuffer(pack_grade_map(value), np.uint8)
        elif field.name == "grid":
            rest[field.name] = asdict(value)
        else:
            rest[field.name] = value
    arrays["rest"] = np.frombuffer(json.dumps(rest).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def unpack_grade_map(packed: bytes) -> GradeMap:
    """Return the grade map that `pack_grade_map` packed; fields that a later gdest added are left out."""
    with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
        found = {name: archive[name] for name in archive.files if name != "rest"}
        found |= json.loads(archive["rest"].tobytes())
    grid = found["grid"]
    found["grid"] = TileGrid(tuple(grid["tops"]), tuple(grid["lefts"]), grid["tile_px"])
    if found.get("closer") is not None:
        found["closer"] = unpack_grade_map(found["closer"].tobytes())
    return GradeMap(**{field.name: found[field.name] for field in fields(GradeMap) if field.name in found})


def state_of(row: Sequence[Any]) -> FileState:
    """Return a file's state from its columns in the order of the fields."""
    return FileState(row[0], row[1], row[2], row[3], row[4], bool(row[5]))


def all_columns(cells: dict[str, Cell]) -> dict[str, Cell]:
    """Return cells with every column of today, None where an older gdest did not know one."""
    return {**dict.fromkeys(COLUMNS), **cells}


def settings_text(settings: dict[str, object]) -> str:
    """Return settings as the text that identifies a recipe."""
    return json.dumps(settings, sort_keys=True, default=str)
