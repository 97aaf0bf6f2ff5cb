"""The errors a user can cause; each carries the exit code that a run ends with."""

from __future__ import annotations

import json
import re

from gdest.core.exit_codes import ExitCode

NOT_A_NUMBER = re.compile(r"(?:could not convert string to float|invalid literal for int\(\) with base 10): (.*)")
"""What Python says of a text that should be a number."""


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


def in_plain_words(error: BaseException) -> str:
    """Return what an error of the system or of Python tells, for a sentence: no `[Errno 2]`, no words of code.

    >>> in_plain_words(FileNotFoundError(2, "No such file or directory", "a.csv"))
    'No such file or directory'
    >>> in_plain_words(ValueError("could not convert string to float: '6,2,4'"))
    "'6,2,4' is not a number"
    """
    reason = getattr(error, "reason", None)
    if isinstance(error, UnicodeError):
        return "it is not text in UTF-8"
    if isinstance(error, OSError) and isinstance(reason, Exception):  # of urllib, around the one of the system
        return in_plain_words(reason)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno} is not JSON"
    if isinstance(error, KeyError):
        return f"it has no {error.args[0] if error.args else 'such entry'}"
    if isinstance(error, (TypeError, AttributeError, IndexError)):
        return "it is not laid out as gdest writes it"
    if found := NOT_A_NUMBER.search(str(error)):
        return f"{found[1]} is not a number"
    return str(error).strip().rstrip(".") or type(error).__name__
