"""What a command sets for its whole process, taken back where it runs in the process of the tests."""

from __future__ import annotations

import logging
from contextlib import contextmanager

from PIL import Image

from gdest.reading.decoders import LOGGERS


@contextmanager
def process_settings_kept():
    """Restore the levels of the decoders' loggers and Pillow's limit; pytest itself keeps the warning filters."""
    levels, limit = {name: logging.getLogger(name).level for name in LOGGERS}, Image.MAX_IMAGE_PIXELS
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
