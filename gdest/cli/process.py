"""Set what holds for the whole process: once, by name, before a command runs. `gdest --help` does not come here."""

from __future__ import annotations

import logging
import os
import sys

from gdest.core import CORES, printable


def prepare_process() -> None:
    """Send the warnings of libraries to standard error, one line each; set the decoders' limits and the threads."""
    from gdest.reading import prepare_decoders

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells where it keeps fonts when there is no home
    prepare_decoders()
    # PyTorch counts the cores of the machine, not those of a container's quota; who sets it knows better
    os.environ.setdefault("OMP_NUM_THREADS", str(CORES))


class _OneLine(logging.Formatter):
    """Write a warning as `printable` has it: libraries quote what stands in a file."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a warning."""
        return printable(record.getMessage())
