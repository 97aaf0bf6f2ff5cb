"""Find the micrographs of a specimen that show one field twice: a field counts once, however often it was saved."""

from __future__ import annotations

from collections.abc import Sequence

from gdest.core import Status, alike, split_page
from gdest.reports.column import Cell


def mark_copies(rows: Sequence[dict[str, Cell]]) -> None:
    """Write into `copy_of` of each row of one specimen the micrograph whose field it shows again, else None.

    Rows show one field where their files hold the same bytes, or their pictures are alike. Of these the first by name
    is the field, a graded one before others. What could not be read shows nothing.
    """
    shown = [row for row in rows if row["status"] != Status.FAILED]
    shown.sort(key=lambda row: (row["status"] != Status.GRADED, str(row["file"])))
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
