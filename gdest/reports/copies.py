"""Find the micrographs of a specimen that show one field twice: a field counts once, however often it was saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gdest.core import Status, alike, split_page
from gdest.reports.column import Cell

LOSSY = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".j2k", ".jpx", ".j2c", ".webp", ".gif"})
"""Endings of formats that seldom keep every grey as the microscope saw it."""


def mark_copies(rows: Sequence[dict[str, Cell]]) -> None:
    """Write into `copy_of` of each row of one specimen the micrograph whose field it shows again, else None.

    Rows show one field where their files hold the same bytes, or their pictures are alike. Of these the field is a
    graded one before others, then one in a format that loses nothing, then the oldest file, then the first by name.
    What could not be read shows nothing.
    """
    shown = [row for row in rows if row["status"] != Status.FAILED]
    shown.sort(key=_as_original)
    first = alike([str(row.get("fingerprint") or "") for row in shown])
    of_bytes: dict[tuple[str, str], int] = {}
    for row in rows:
        row["copy_of"] = None
    for place, row in enumerate(shown):
        if row["sha256"]:
            content = (str(row["sha256"]), split_page(str(row["file"]))[1])
            first[place] = first[min(first[place], of_bytes.setdefault(content, place))]
        if first[place] != place:
            row["copy_of"] = shown[first[place]]["file"]


def _as_original(row: Mapping[str, Cell]) -> tuple[bool, bool, str, str]:
    """Return by what the rows of one field are sorted, the original first."""
    file = str(row["file"])
    is_lossy = Path(split_page(file)[0]).suffix.lower() in LOSSY
    return row["status"] != Status.GRADED, is_lossy, str(row.get("file_modified") or "9999"), file
