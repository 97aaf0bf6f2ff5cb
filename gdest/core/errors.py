"""The errors a user can cause; each carries the exit code that a run ends with."""

from __future__ import annotations


class GdestError(Exception):
    """Stop the run with one clear sentence."""

    exit_code = 2


class SettingsError(GdestError):
    """Say which argument or configuration value is wrong."""

    exit_code = 2


class DataError(GdestError):
    """Say what is wrong with labelled data given to train or evaluate."""

    exit_code = 2


class MicrographError(GdestError):
    """Say why one file cannot be graded; the pipeline turns it into a `failed` row."""

    exit_code = 3


class NothingGradedError(GdestError):
    """Say that no micrograph was found or graded."""

    exit_code = 4


class WeightsError(GdestError):
    """Say why a weights file cannot be used."""

    exit_code = 5


class ArchiveError(GdestError):
    """Say that the archive can no longer be read at all."""

    exit_code = 2


class OutputError(GdestError):
    """Say why a result cannot be written (full disk, missing folder, no permission)."""

    exit_code = 2


def require(condition: bool, sentence: str) -> None:
    """Raise `SettingsError` with the sentence unless the condition holds."""
    if not condition:
        raise SettingsError(sentence)
