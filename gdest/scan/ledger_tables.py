"""The tables of the ledger, how older ones are brought up to date, and the checksum of a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from gdest.core import LEDGER_ID, OutputError

SCHEMA_VERSION = 2
TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('revision', 0);
CREATE TABLE recipes (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, model_sha256 TEXT NOT NULL, card TEXT NOT NULL, settings TEXT NOT NULL,
    checksum TEXT, UNIQUE (model_sha256, settings));
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, recipe INTEGER NOT NULL REFERENCES recipes, roots TEXT NOT NULL, host TEXT NOT NULL,
    pid INTEGER NOT NULL, started TEXT NOT NULL, finished TEXT, gdest_version TEXT NOT NULL);
CREATE TABLE files (
    recipe INTEGER NOT NULL REFERENCES recipes, name TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, sha256 TEXT, again INTEGER NOT NULL, gone_since TEXT, micrographs INTEGER, checksum TEXT,
    PRIMARY KEY (recipe, name));
CREATE TABLE micrographs (
    recipe INTEGER NOT NULL, name TEXT NOT NULL, file TEXT NOT NULL, status TEXT NOT NULL, cells TEXT NOT NULL,
    grade_map BLOB, pictures TEXT, map_checksum TEXT, checksum TEXT, PRIMARY KEY (recipe, name));
CREATE INDEX micrographs_of_a_file ON micrographs (recipe, file);
CREATE INDEX files_of_a_content ON files (recipe, sha256);
CREATE TABLE expected (name TEXT PRIMARY KEY) WITHOUT ROWID;
"""

CHECKED = {
    "recipes": "id, model, model_sha256, card, settings",
    "files": "recipe, name, path, size, mtime_ns, sha256, again, gone_since, micrographs",
    "micrographs": "recipe, name, file, status, cells, pictures, map_checksum",
}
"""The columns that the checksum of a row is of, by table."""

ADDED = {
    "recipes": ("checksum TEXT",),
    "files": ("micrographs INTEGER", "checksum TEXT"),
    "micrographs": ("pictures TEXT", "map_checksum TEXT", "checksum TEXT"),
}
"""The columns that version 2 added, by table."""

JOINED = "micrographs m JOIN files f ON f.recipe = m.recipe AND f.name = m.file"


def results_view(columns: Iterable[str]) -> str:
    """Return the SQL that makes the view `results`: the columns of results.csv, for people who ask in SQL."""
    cells = ", ".join(f"json_extract(cells, '$.{name}') AS \"{name}\"" for name in columns)
    return (
        "DROP VIEW IF EXISTS results;"
        f"CREATE VIEW results AS SELECT m.recipe, {cells}, f.path, f.size, f.mtime_ns, f.gone_since FROM {JOINED}"
    )


def checksum(*values: object) -> str:
    """Return 16 hexadecimal digits by which a flipped bit or an edited cell of a row is noticed."""
    contents = [
        value if isinstance(value, bytes) else repr(value).encode("utf-8", "backslashreplace") for value in values
    ]
    return blake2b(b"".join([b"%d:%b" % (len(content), content) for content in contents]), digest_size=8).hexdigest()


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Prepare a connection that writes, and make the tables of a new ledger.

    Raises `OutputError` for a ledger of a later gdest, and for a database that gdest did not write.

    WAL lets a reader look while a scan writes; synchronous FULL puts each transaction on disk
    before it counts, so that a power cut cannot take back a row. A file system without shared
    memory (some network shares) refuses WAL and keeps its rollback journal, which is as safe.
    """
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and "recipes" not in tables:
        raise OutputError(f"{path} was not written by gdest; choose another --out.")
    if _version(connection, path) < SCHEMA_VERSION:  # before WAL, so that it stands in the file itself
        connection.execute(f"PRAGMA application_id = {LEDGER_ID}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    version = _version(connection, path)
    if version == 0:
        for statement in TABLES.split(";"):
            connection.execute(statement)
    if version == 1:
        _upgrade(connection)
    if version < SCHEMA_VERSION:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def show_as_today(connection: sqlite3.Connection, path: Path) -> None:
    """Let a connection that only reads see tables of today, with empty cells in columns that an older one lacks."""
    if _version(connection, path) == 1:
        for table, columns in ADDED.items():
            empty = ", ".join(f"NULL AS {column.split()[0]}" for column in columns)
            connection.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {empty} FROM main.{table}")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise OutputError(f"{path} was written by a later gdest (ledger {version}); use that one, or another --out.")
    return version


def _upgrade(connection: sqlite3.Connection) -> None:
    """Add what version 2 has to the tables of version 1: checksums, of the rows as they are found."""
    for table, columns in ADDED.items():
        for column in columns:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    connection.execute(
        "UPDATE files SET micrographs ="
        " (SELECT COUNT(*) FROM micrographs m WHERE m.recipe = files.recipe AND m.file = files.name)"
    )
    maps = connection.execute("SELECT rowid, grade_map FROM micrographs WHERE grade_map IS NOT NULL")
    sums = [(checksum(packed), rowid) for rowid, packed in maps]
    connection.executemany("UPDATE micrographs SET map_checksum = ? WHERE rowid = ?", sums)
    for table, checked in CHECKED.items():
        found = connection.execute(f"SELECT rowid, {checked} FROM {table}")
        sums = [(checksum(*row[1:]), row[0]) for row in found]
        connection.executemany(f"UPDATE {table} SET checksum = ? WHERE rowid = ?", sums)
