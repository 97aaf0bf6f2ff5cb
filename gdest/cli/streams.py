"""Write to standard output and standard error so that a reader who has gone, or a full disk, ends in no traceback."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper

from gdest.core import OutputError


class ReaderGoneError(OutputError):
    """Say that whoever read the results has gone before the end."""


class ResultStream(TextIOWrapper):
    """Write results; raise `OutputError` when they do not arrive."""

    def write(self, text: str) -> int:
        """Write text."""
        try:
            return super().write(text)
        except OSError as error:
            raise self._given_up(error) from error

    def flush(self) -> None:
        """Hand over to the system what was written."""
        try:
            super().flush()
        except OSError as error:
            raise self._given_up(error) from error

    def _given_up(self, error: OSError) -> OutputError:
        _into_nothing(self)
        if isinstance(error, BrokenPipeError):
            return ReaderGoneError("Standard output was closed before all results were written.")
        return OutputError(f"Cannot write to standard output: {error.strerror or error}.")


class MessageStream(TextIOWrapper):
    """Write messages; when nobody can read them any more, the work they tell of goes on."""

    def write(self, text: str) -> int:
        """Write text, if anybody reads it."""
        try:
            return super().write(text)
        except OSError:
            _into_nothing(self)
            return len(text)

    def flush(self) -> None:
        """Hand over to the system what was written."""
        try:
            super().flush()
        except OSError:
            _into_nothing(self)


def guard_streams() -> None:
    """Let this process write results and messages through these streams, also where it was started without them.

    A closed one is opened again first: the next file that is opened would get its number, and be written into.
    """
    _reopen_closed()
    sys.stdout = _guarded(sys.stdout, ResultStream)
    sys.stderr = _guarded(sys.stderr, MessageStream)


def _guarded(stream: object, kind: type[TextIOWrapper]) -> TextIOWrapper:
    if type(stream) is not TextIOWrapper:  # guarded already, or that of a test
        return stream  # type: ignore[return-value]
    looks = {"encoding": stream.encoding, "errors": stream.errors}
    buffered = stream.line_buffering
    return kind(stream.detach(), **looks, line_buffering=buffered, write_through=stream.write_through)


def _reopen_closed() -> None:
    """Give a closed standard output an end that nobody reads, and a closed standard error one that takes anything."""
    if sys.stdout is None:
        reader, writer = os.pipe()
        os.close(reader)
        if writer != 1:
            os.dup2(writer, 1)
            os.close(writer)
        sys.stdout = open(1, "w", encoding="utf-8")  # noqa: SIM115  open as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _into_nothing(stream: TextIOWrapper) -> None:
    """Let what is still to come, also what Python writes at the end, go where nothing fails."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
