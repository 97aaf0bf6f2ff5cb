"""Define the exit codes of gdest, by which a calling script decides what to do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from gdest.core.words import Status


class ExitCode(IntEnum):
    """Name every exit code; `gdest manual exit-codes` explains them."""

    GRADED = 0
    BUG = 1
    USAGE = 2
    PROBLEMS = 3
    NOTHING_GRADED = 4
    WEIGHTS = 5
    REJECTED = 6
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


def exit_code(counts: Mapping[str, int]) -> ExitCode:
    """Return the exit code of a run that graded so many micrographs of each `Status`.

    >>> exit_code({"graded": 3}), exit_code({"graded": 3, "failed": 1}), exit_code({"uncalibrated": 2})
    (<ExitCode.GRADED: 0>, <ExitCode.PROBLEMS: 3>, <ExitCode.NOTHING_GRADED: 4>)
    """
    if counts.get(Status.GRADED, 0) == sum(counts.values()):
        return ExitCode.GRADED
    with_g = counts.get(Status.GRADED, 0) + counts.get(Status.REVIEW, 0)
    return ExitCode.PROBLEMS if with_g else ExitCode.NOTHING_GRADED
