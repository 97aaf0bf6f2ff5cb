"""Set what holds for the whole process: once, by name, before a command runs. `gdest --help` does not come here."""

from __future__ import annotations

import logging
import sys


def prepare_process() -> None:
    """Send the warnings of libraries to standard error, one line each, and set the decoders' limits."""
    from gdest.reading import prepare_decoders

    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    prepare_decoders()
