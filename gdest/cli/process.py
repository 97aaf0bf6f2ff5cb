"""Set what holds for the whole process: once, by name, before a command runs. `gdest --help` does not come here."""

from __future__ import annotations

import logging
import sys

from gdest.core import printable


def prepare_process() -> None:
    """Send the warnings of libraries to standard error, one line each, and set the decoders' limits."""
    from gdest.reading import prepare_decoders

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    prepare_decoders()


class _OneLine(logging.Formatter):
    """Write a warning as `printable` has it: libraries quote what stands in a file."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a warning."""
        return printable(record.getMessage())
