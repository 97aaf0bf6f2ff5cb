"""Write and read `run.json`, the record that reports are rebuilt from and checked against."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from gdest.core import (
    CSV_STYLES,
    CsvStyle,
    DataError,
    as_output_error,
    in_plain_words,
    printable,
    stays_inside,
    write_atomically,
)
from gdest.reports.column import Cell
from gdest.reports.columns import COLUMNS
from gdest.reports.record import NOTE, Record
from gdest.reports.said_by_rules import Acceptance

RECORD_FILE = "run.json"
FORMAT = 1
LONG = ("table", "waiting", "pictures", "deleted")
"""The parts of a record that grow with the archive; they stand behind the others, deleted files in the history."""

ROWS_BEGIN = ' "rows": ['


def write_record(record: Record, reports: Sequence[str], out: Path) -> None:
    """Write `run.json` with every row, setting and version, and the SHA-256 of each report beside it."""
    parts = {one.name: getattr(record, one.name) for one in fields(Record) if one.name not in LONG}
    parts["accepted"] = record.accepted.as_content() if record.accepted else None
    with as_output_error(out):
        hashes = {name: file_sha256(out / name) for name in reports}
    head = json.dumps(
        {"gdest_run": FORMAT, "note": NOTE, **parts, "reports": hashes}, ensure_ascii=False, indent=1, default=str
    )
    waiting = [known_cells(row) for row in record.waiting]
    rows_sha256 = sha256()

    def write(temporary: Path) -> None:
        """Write one row per line: the text of all rows at once would take as much memory as the rows."""
        with temporary.open("w", encoding="utf-8") as file:
            file.write(head.removesuffix("\n}") + f",\n{ROWS_BEGIN}")
            for index, row in enumerate(record.table):
                line = row_line(row)
                rows_sha256.update(line.encode())
                file.write(f"{',' if index else ''}\n  {line}")
            file.write(f'\n ],\n "rows_sha256": "{rows_sha256.hexdigest()}",\n "waiting": ')
            file.write(json.dumps(waiting, ensure_ascii=False, indent=1))
            file.write(',\n "pictures": {')
            for index, (name, known) in enumerate(record.pictures):
                file.write(f"{',' if index else ''}\n {json.dumps(name, ensure_ascii=False)}: {json.dumps(known)}")
            file.write("\n}\n}\n")

    write_atomically(out / RECORD_FILE, write)


def known_cells(row: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return the cells of a row that are known, as `run.json` holds them."""
    return {name: value for name, value in row.items() if value is not None}


def row_line(row: Mapping[str, Cell]) -> str:
    """Return the line of a row in `run.json`, of which `rows_sha256` is the hash, row by row."""
    return json.dumps(known_cells(row), ensure_ascii=False, default=str)


def read_head(out: Path) -> dict[str, Any]:
    """Return what stands in the `run.json` of a folder before its rows; raise `DataError` where it cannot be read."""
    path = out / RECORD_FILE
    head: list[str] = []
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                if line.startswith(ROWS_BEGIN):
                    head[-1:] = [head[-1].rstrip().removesuffix(","), "}"]
                    break
                head.append(line)
        content: dict[str, Any] = json.loads("".join(head))
        return content | {"history": tuple(content.get("history", ()))}
    except (OSError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise _unreadable(path, error) from error


def read_acceptance(out: Path) -> Acceptance | None:
    """Return what the rules say of the reports of a folder, without reading their rows; None where it is not told."""
    try:
        return Acceptance.from_content(read_head(out).get("accepted"))
    except DataError:
        return None


def read_record(out: Path) -> tuple[Record, dict[str, str]]:
    """Return the record of an output folder and the hashes of its reports; raise `DataError` when there is none."""
    content = read_content(out)
    try:
        known = {one.name: content[one.name] for one in fields(Record) if one.name in content}
        table = [dict.fromkeys(COLUMNS) | row for row in content["rows"]]
        if outside := [str(row["file"]) for row in table if not stays_inside(str(row["file"] or ""))]:
            raise ValueError(f'its micrograph "{printable(outside[0])}" lies outside of the scanned folders')
        known |= {"table": table, "roots": tuple(content["roots"])}
        known |= {name: tuple(content.get(name, ())) for name in ("history", "unlisted")}
        known |= {"waiting": list(content.get("waiting", ())), "pictures": content.get("pictures", {}).items()}
        known |= {"accepted": Acceptance.from_content(content.get("accepted")), "csv": _csv_style(content.get("csv"))}
        return Record(**known), dict(content["reports"])
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(out / RECORD_FILE, error) from error


def _csv_style(said: object) -> CsvStyle:
    """Return the style of the CSV files that a record names; an earlier gdest, which names none, knew one only."""
    return next((style for style in CSV_STYLES if style == said), "plain")


def read_content(out: Path) -> dict[str, Any]:
    """Return what stands in the `run.json` of an output folder; raise `DataError` where there is none of today's."""
    path = out / RECORD_FILE
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["gdest_run"] != FORMAT:
            raise DataError(f"{path} has format {content['gdest_run']}; this gdest reads format {FORMAT}.")
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist; give the --out folder of a finished scan.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error
    return content


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be read as the record of a run: {in_plain_words(error)}.")


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
