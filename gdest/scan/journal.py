"""Keep a log for machines: one JSON object per line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from gdest.core import OutputError


class Journal:
    """Append events to a file, each with its time (UTC); do nothing without a path."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def write(self, event: str, **about: object) -> None:
        """Append one event; raise `OutputError` when the file cannot be written."""
        if self._path is None:
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "event": event, **about}, ensure_ascii=False, default=str)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise OutputError(f"Cannot write the log {self._path}: {error.strerror or error}.") from error
