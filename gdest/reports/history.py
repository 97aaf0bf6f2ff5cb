"""Keep the history of an output folder: who wrote its reports, when, and by which rules; nothing is ever taken out."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gdest.core import MOST_NAMED, DataError, Section, __version__, as_output_error, now
from gdest.reports.assign import Rules
from gdest.reports.record import Record, this_host
from gdest.reports.record_file import RECORD_FILE, file_sha256, read_head


def history_with(record: Record, rules: Rules, out: Path, occasion: str) -> tuple[Mapping[str, Any], ...]:
    """Return the history in the run.json of a folder, and after it that its reports are written now.

    `replaced` is the SHA-256 of that run.json; `deleted` the first names of files that left the archive. A run.json
    that cannot be read is kept under another name.
    """
    path = out / RECORD_FILE
    earlier: tuple[Mapping[str, Any], ...] = ()
    entry: dict[str, Any] = {
        "occasion": occasion,
        "written": now(),
        "by": login_name(),
        "host": this_host(),
        "gdest": __version__,
        "model_sha256": record.model_sha256,
        "limits": [limit.sentence for limit in rules.limits],
        "specimen": record.sections.get(Section.SPECIMEN),
        "rules_folder": record.rules_folder,
        "micrographs": len(record.table),
        "unfinished": record.unfinished,
    }
    if record.deleted:
        entry["files_deleted"] = len(record.deleted)
        entry["deleted"] = list(record.deleted[:MOST_NAMED])
    with as_output_error(path):
        if path.is_file():
            entry["replaced"] = file_sha256(path)
            try:
                earlier = read_head(out)["history"]
            except DataError:
                kept = path.with_name(f"run.unreadable-{entry['replaced'][:8]}.json")
                path.replace(kept)
                entry["note"] = f"The record before this one could not be read; it is kept as {kept.name}."
    return (*earlier, entry)


def login_name() -> str:
    """Return the name of whoever runs this process, empty where the system knows none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
