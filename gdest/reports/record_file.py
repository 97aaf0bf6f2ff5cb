"""Write and read `run.json`, the record that reports are rebuilt from and checked against."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from gdest.core import DataError, write_atomically
from gdest.reports.columns import COLUMNS
from gdest.reports.record import NOTE, Record

RECORD_FILE = "run.json"
FORMAT = 1


def write_record(record: Record, reports: Sequence[str], out: Path) -> None:
    """Write `run.json` with every row, setting and version, and the SHA-256 of each report beside it."""
    parts = {one.name: getattr(record, one.name) for one in fields(Record) if one.name != "table"}
    hashes = {name: file_sha256(out / name) for name in reports}
    head = json.dumps(
        {"gdest_run": FORMAT, "note": NOTE, **parts, "reports": hashes}, ensure_ascii=False, indent=1, default=str
    )

    def write(temporary: Path) -> None:
        """Write one row per line: the text of all rows at once would take as much memory as the rows."""
        with temporary.open("w", encoding="utf-8") as file:
            file.write(head.removesuffix("\n}") + ',\n "rows": [')
            for index, row in enumerate(record.table):
                known = {name: value for name, value in row.items() if value is not None}
                file.write(f"{',' if index else ''}\n  {json.dumps(known, ensure_ascii=False, default=str)}")
            file.write("\n ]\n}\n")

    write_atomically(out / RECORD_FILE, write)


def read_record(out: Path) -> tuple[Record, dict[str, str]]:
    """Return the record of an output folder and the hashes of its reports; raise `DataError` when there is none."""
    path = out / RECORD_FILE
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["gdest_run"] != FORMAT:
            raise DataError(f"{path} has format {content['gdest_run']}; this gdest reads format {FORMAT}.")
        known = {one.name: content[one.name] for one in fields(Record) if one.name in content}
        table = [dict.fromkeys(COLUMNS) | row for row in content["rows"]]
        known |= {"table": table, "roots": tuple(content["roots"])}
        return Record(**known), dict(content["reports"])
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist; give the --out folder of a finished scan.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read as the record of a run: {error}.") from error


def differences(record: Record, reports: Mapping[str, str], out: Path) -> Iterator[str]:
    """Yield one sentence for each micrograph, report or weights file that is no longer what the record says."""
    for name, sha256 in reports.items():
        yield from _difference(name, out / name, sha256)
    if record.weights:
        yield from _difference(f"weights {record.weights}", Path(record.weights), record.model_sha256)
    for row in record.table:
        if row["sha256"]:
            name = str(row["file"])
            yield from _difference(name, record.path_of(name), str(row["sha256"]))


def _difference(name: str, path: Path | None, sha256: str) -> Iterator[str]:
    if path is None or not path.is_file():
        yield f"{name}: missing"
        return
    try:
        if file_sha256(path) != sha256:
            yield f"{name}: changed since the run"
    except OSError as error:
        yield f"{name}: cannot be read ({error.strerror or error})"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
