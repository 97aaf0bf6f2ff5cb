"""Remember while shards are joined which files were taken, on the disk: an archive of millions is never in memory."""

from __future__ import annotations

from gdest.scan.database import Database


class Taken:
    """Hold the name of each file that was taken from a shard, and when its rows were graded.

    It is a table of the joined ledger's connection that SQLite keeps in a temporary file, and that ends with it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        database.tell("CREATE TEMP TABLE taken (name TEXT PRIMARY KEY, graded_at TEXT, times INTEGER) WITHOUT ROWID")

    def is_later(self, name: str, graded_at: str) -> bool:
        """Return whether these rows of a file are to be taken: there are none yet, or none that were graded later."""
        known = [row[0] for row in self._database.ask("SELECT graded_at FROM taken WHERE name = ?", (name,))]
        self._database.tell(
            "INSERT INTO taken VALUES (?, ?, 1) ON CONFLICT (name) DO UPDATE"
            " SET times = times + 1, graded_at = max(graded_at, excluded.graded_at)",
            (name, graded_at),
        )
        return not known or graded_at >= known[0]

    def has(self, name: str) -> bool:
        """Return whether some shard has a file."""
        return bool(list(self._database.ask("SELECT 1 FROM taken WHERE name = ?", (name,))))

    def doubled(self) -> list[str]:
        """Return the files that several shards have, sorted."""
        return [row[0] for row in self._database.ask("SELECT name FROM taken WHERE times > 1 ORDER BY name")]

    def gone(self, recipe: int) -> list[str]:
        """Return the files that an earlier merge took and no shard has any more, sorted."""
        words = (
            "SELECT name FROM files WHERE recipe = ? AND gone_since IS NULL AND name NOT IN (SELECT name FROM taken)"
            " ORDER BY name"
        )
        return [row[0] for row in self._database.ask(words, (recipe,))]
