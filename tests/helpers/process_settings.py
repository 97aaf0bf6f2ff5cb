"""What a command sets for its whole process, taken back where it runs in the process of the tests."""

from __future__ import annotations

import logging
from contextlib import contextmanager

from PIL import Image

from gdest.core import terminal
from gdest.reading.decoders import LOGGERS


@contextmanager
def process_settings_kept():
    """Restore the decoders' loggers, Pillow's limit and that messages are heard; pytest keeps the warning filters."""
    levels, limit = {name: logging.getLogger(name).level for name in LOGGERS}, Image.MAX_IMAGE_PIXELS
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit
        terminal.stderr.quiet = False
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
