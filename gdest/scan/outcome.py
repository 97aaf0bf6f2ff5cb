"""What came out of a scan or a merge, for whoever prints it and chooses an exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gdest.reports import Acceptance, Cell


@dataclass(frozen=True)
class Results:
    """Say what an output folder now holds, of all scans into it.

    `counts` has the number of rows by status, and `problems` the cells of the first rows that are not
    graded, at most `MOST_NAMED`. `reports` are the files with the results; `written` is False when they were up to
    date already. `unassigned` is the number of micrographs that the rule for specimens does not
    cover, 0 without a rule or when nothing was written. `acceptance` is what the limits say, None without limits.
    `unfinished` is the sentence that the reports of an unfinished scan bear, else empty. `again` is the number of
    files that the next scan tries again, since what failed in them may pass, `unlisted` that of folders of which
    nothing is known.
    """

    counts: Mapping[str, int]
    problems: Sequence[dict[str, Cell]]
    reports: tuple[Path, ...]
    written: bool
    unassigned: int = 0
    acceptance: Acceptance | None = None
    unfinished: str = ""
    again: int = 0
    unlisted: int = 0


@dataclass(frozen=True)
class ScanOutcome:
    """Say what one scan did: files read in how many seconds, and the signal that ended it early, 0 for none.

    `results` is None when it was ended before the first file: the older reports then stay as they are.
    `rejected` is the number of micrographs and specimens that fail a limit; it is counted only when the
    scan is asked for it and reached its end, else it is 0.
    """

    results: Results | None
    files_read: int
    seconds: float
    signal: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class MergeOutcome:
    """Say what a merge found: how many shards, files graded by more than one, and a sentence for each gap."""

    results: Results
    shards: int
    doubled: tuple[str, ...]
    gaps: tuple[str, ...]
