"""The errors a user can cause; each carries the exit code that a run ends with."""

from __future__ import annotations

from gdest.core.exit_codes import ExitCode


class GdestError(Exception):
    """Stop the run with one clear sentence."""

    exit_code = ExitCode.USAGE


class SettingsError(GdestError):
    """Say which argument or configuration value is wrong."""

    exit_code = ExitCode.USAGE


class DataError(GdestError):
    """Say what is wrong with labelled data given to train or evaluate."""

    exit_code = ExitCode.USAGE


class MicrographError(GdestError):
    """Say why one file cannot be graded; the pipeline turns it into a `failed` row."""

    exit_code = ExitCode.PROBLEMS


class PassingError(MicrographError):
    """Say why one file cannot be graded now, though the fault is not in the file and may pass (a share, the memory)."""


class NothingGradedError(GdestError):
    """Say that no micrograph was found or graded."""

    exit_code = ExitCode.NOTHING_GRADED


class WeightsError(GdestError):
    """Say why a weights file cannot be used."""

    exit_code = ExitCode.WEIGHTS


class ArchiveError(GdestError):
    """Say that the archive can no longer be read at all."""

    exit_code = ExitCode.USAGE


class OutputError(GdestError):
    """Say why a result cannot be written (full disk, missing folder, no permission)."""

    exit_code = ExitCode.USAGE


def require(condition: bool, sentence: str) -> None:
    """Raise `SettingsError` with the sentence unless the condition holds."""
    if not condition:
        raise SettingsError(sentence)
