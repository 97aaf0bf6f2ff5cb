"""Say on a certificate which limits judged its specimen, and what those on micrographs found in its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gdest.core import Status, how_many
from gdest.reports.column import Cell
from gdest.reports.found import found_on_micrograph
from gdest.reports.limits import ON, Limit, Verdict
from gdest.reports.verdicts import judge


def limits_on_specimen(limits: Sequence[Limit], rows: Sequence[Mapping[str, Cell]]) -> list[str]:
    """Return in words each limit that judged the specimen of these micrographs, and on how many where not on all."""
    return [
        limit.sentence if len(fitting) == len(rows) else f"{limit.sentence}, on {len(fitting)} of {len(rows)} {ON[0]}s"
        for limit, fitting in _applying(limits, ON[1], rows)
    ]


def limits_on_micrographs(limits: Sequence[Limit], rows: Sequence[Mapping[str, Cell]]) -> list[tuple[str, str]]:
    """Return in words each limit that judged micrographs among these, and how many it gave each verdict."""
    return [
        (f"{limit.sentence}, applies to {how_many(len(fitting), ON[0])}", _verdicts(limit, fitting))
        for limit, fitting in _applying(limits, ON[0], rows)
    ]


def _applying(
    limits: Sequence[Limit], kind: str, rows: Sequence[Mapping[str, Cell]]
) -> Iterator[tuple[Limit, list[Mapping[str, Cell]]]]:
    """Yield each limit that applies to such a kind through these rows, with the rows that fit it."""
    for limit in limits:
        if fitting := [row for row in rows if limit.holds_for(kind, row)]:
            yield limit, fitting


def _verdicts(limit: Limit, rows: Sequence[Mapping[str, Cell]]) -> str:
    """Return how many rows have each verdict under one limit, and which status keeps others undecided.

    A row whose own verdict was taken back, since its file waits to be graded again, has none.
    """
    judged = [row for row in rows if row["verdict"]]
    found = Counter(judge(limit, found_on_micrograph(row)).verdict for row in judged)
    parts = [f"{found[one]} {one}" for one in Verdict if found[one]]
    distrusted = Counter(str(row["status"]) for row in judged if row["status"] != Status.GRADED)
    if distrusted:
        of_each = ", ".join(f"status {status} {count}" for status, count in sorted(distrusted.items()))
        parts = [f"{one} ({of_each})" if one.endswith(Verdict.UNDECIDED) else one for one in parts]
    if waiting := len(rows) - len(judged):
        parts.append(f"{waiting} {'waits' if waiting == 1 else 'wait'} to be graded again")
    return ", ".join(parts)
