"""Keep a log for machines: one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gdest.core import OutputError, Status, escaped_json, say
from gdest.reports import shows_no_metal
from gdest.scan.log_file import open_log, require_log

MICROGRAPH = "micrograph"
"""The event of a micrograph, with the cells of its row that `_sentence` reads."""


class Journal:
    """Append events to a file, each with its time (UTC), or to none; `aloud`, say each micrograph as well.

    Raises `SettingsError` for a file that is no log, or lies below the scanned `roots`.
    """

    def __init__(self, path: Path | None, *, aloud: bool = False, roots: Sequence[Path] = ()) -> None:
        if path is not None:
            require_log(path, roots)
        self._path, self._aloud = path, aloud

    def write(self, event: str, **about: object) -> None:
        """Append one event; raise `OutputError` when the file cannot be written."""
        if self._aloud and event == MICROGRAPH:
            say(_sentence(about))
        if self._path is None:
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = escaped_json(json.dumps({"time": time, "event": event, **about}, ensure_ascii=False, default=str))
        try:
            with open_log(self._path) as file:
                file.write(line + "\n")
        except OSError as error:
            raise OutputError(f"Cannot write the log {self._path}: {error.strerror or error}.") from error


def _sentence(cells: Mapping[str, object]) -> str:
    """Return what is known of a micrograph in one line: `a/1.tif: graded, G 7.3 (6.9..7.7, 90 %), uniform`."""
    told = [str(cells["status"])]
    if isinstance(cells["g"], float) and not shows_no_metal(cells):
        told.append(f"G {cells['g']:.1f}{_interval(cells)}")
    if cells["homogeneity"] and cells["status"] != Status.FAILED:
        told.append(str(cells["homogeneity"]))
    reason = f": {cells['reason']}" if cells["reason"] else ""
    return f"{cells['file']}: {', '.join(told)}{reason}"


def _interval(cells: Mapping[str, object]) -> str:
    low, high = cells["g_low"], cells["g_high"]
    return f" ({low:.1f}..{high:.1f}, 90 %)" if isinstance(low, float) and isinstance(high, float) else ""
