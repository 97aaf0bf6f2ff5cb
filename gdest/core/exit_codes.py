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

    @property
    def meaning(self) -> str:
        """Return what the code tells, as the manual says it."""
        return MEANINGS[self]


MEANINGS = {
    ExitCode.GRADED: "every micrograph graded",
    ExitCode.BUG: "a bug (traceback)",
    ExitCode.USAGE: "wrong arguments, configuration or data, or the output or standard output cannot be written",
    ExitCode.PROBLEMS: "some micrographs failed, need review or have no pixel size; the report names each",
    ExitCode.NOTHING_GRADED: "nothing graded: not one micrograph has a G",
    ExitCode.WEIGHTS: "weights unusable",
    ExitCode.REJECTED: "with `--fail-on-reject`: a micrograph or specimen fails a limit",
    ExitCode.HUNG_UP: "SIGHUP, as from a closed terminal; what was done is kept",
    ExitCode.INTERRUPTED: "Ctrl-C; what was done is kept",
    ExitCode.TERMINATED: "SIGTERM, as from systemd or a scheduler; what was done is kept",
}
"""What stands in `gdest manual exit-codes`."""


def exit_code(counts: Mapping[str, int]) -> ExitCode:
    """Return the exit code of a run that graded so many micrographs of each `Status`.

    >>> exit_code({"graded": 3}), exit_code({"graded": 3, "failed": 1}), exit_code({"uncalibrated": 2})
    (<ExitCode.GRADED: 0>, <ExitCode.PROBLEMS: 3>, <ExitCode.NOTHING_GRADED: 4>)
    """
    if counts.get(Status.GRADED, 0) == sum(counts.values()):
        return ExitCode.GRADED
    with_g = counts.get(Status.GRADED, 0) + counts.get(Status.REVIEW, 0)
    return ExitCode.PROBLEMS if with_g else ExitCode.NOTHING_GRADED
