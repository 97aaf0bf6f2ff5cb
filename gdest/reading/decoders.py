"""Call foreign decoders: translate what they raise, and quiet what they print."""

from __future__ import annotations

import errno
import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

from gdest.core import NO_MEMORY, MicrographError, PassingError, printable
from gdest.reading.page import ONE_PIECE_MEGAPIXELS

WARNING_MODULES = ("PIL", "tifffile", "nd2")
LOGGERS = ("PIL", "tifffile", "RapidOCR")

PYTHONS_OWN = (
    ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, IndexError, KeyError, NameError,
    OverflowError, RecursionError, RuntimeError, SystemError, TypeError, UnboundLocalError, UnicodeDecodeError,
    ValueError, ZeroDivisionError, struct.error, zlib.error,
)  # fmt: skip
"""The errors of Python itself; decoders that mean a file have kinds of their own, or `OSError`."""

OF_THE_FILE = (
    errno.EINVAL, errno.EOVERFLOW, errno.EFBIG, errno.ENAMETOOLONG, errno.ELOOP, errno.EISDIR, errno.ENOTDIR,
    errno.EILSEQ, errno.ESPIPE,
)  # fmt: skip
"""What a system answers for as long as a file is as it is: a bad offset in it, its name, its kind."""


def prepare_decoders() -> None:
    """Set, once and for the whole process, what foreign decoders may print and how large a picture Pillow opens.

    The command line and every worker call it at their start, and nothing else does: a program that imports gdest
    keeps its own settings. A damaged file is one row of the report; how exactly it is damaged is noise. Pillow's
    own limit (an error beyond 179 megapixels) is raised to that of pages that are decoded whole; Pillow refuses
    what is beyond twice its number, and only it sees a later frame of a GIF that enlarges the picture to
    65535x65535 px while it is being read.
    """
    for module in WARNING_MODULES:
        warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
    for logger in LOGGERS:
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    Image.MAX_IMAGE_PIXELS = int(ONE_PIECE_MEGAPIXELS * 1e6) // 2


@contextmanager
def decoding() -> Iterator[None]:
    """Turn whatever a foreign decoder raises into a `MicrographError` of one sentence, a `PassingError` if it may pass.

    What may pass are errors of the disk, the share and the memory, and a codec that is missing.
    """
    try:
        yield
    except MicrographError:
        raise
    except MemoryError as error:
        raise PassingError(NO_MEMORY) from error
    except ImportError as error:
        raise PassingError(f"a codec is missing: {_first_line(error)}; pip install 'gdest[vendor]'") from error
    except Exception as error:  # decoders raise anything
        if isinstance(error, OSError) and error.errno is not None:
            raise of_the_system(error) from error
        raise MicrographError(f"cannot decode: {_reason(error)}") from error


def of_the_system(error: OSError) -> MicrographError:
    """Return what an error of the system says of a file, as a `PassingError` unless the file itself is its cause."""
    kind = MicrographError if error.errno in OF_THE_FILE else PassingError
    return kind(f"cannot be read: {error.strerror or error}")


def _reason(error: Exception) -> str:
    """Return what a decoder says, where it speaks of files; Python's own errors speak of its code."""
    what = _first_line(error)
    if isinstance(error, UnidentifiedImageError):
        return "not an image format that gdest reads"
    if type(error).__module__.startswith("imagecodecs"):
        return "its compressed pixels are damaged"
    if type(error) in PYTHONS_OWN or "reshape" in what or what == type(error).__name__:
        return "damaged, or written in a way that gdest does not know"
    return what


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    line = text.splitlines()[0][:200] if text else type(error).__name__
    return printable(line)
