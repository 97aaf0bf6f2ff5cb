"""Hold one picture of a file before its pixels are decoded, and guard the decoders."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gdest.core import MicrographError, PixelSize

Samples = NDArray[Any]
"""Samples as a viewer shows them, (rows, cols) grey or (rows, cols, 2..4) colour or alpha, of any number type."""

MOST_BYTES_PER_BYTE = 2000
"""Deflate packs at most 1032 bytes into one; a header that promises more than this is a decompression bomb."""

ONE_PIECE_MEGAPIXELS = 400.0
"""A picture whose file must be decoded whole is held to this, whatever the limit for the others."""


@dataclass(frozen=True)
class Picture:
    """Say how large one picture of a file is, what the file says of its pixel size, and how to decode it.

    `decode` returns all samples; `band(top, bottom)` those of some rows, where the file lets a part be
    decoded without the rest. `sizes` come strongest first. `sample_bytes` is the size of a pixel.
    """

    rows: int
    cols: int
    sizes: tuple[PixelSize, ...]
    decode: Callable[[], Samples]
    band: Callable[[int, int], Samples] | None = None
    sample_bytes: int = 1

    def check_size(self, max_megapixels: float, file_bytes: int) -> None:
        """Raise `MicrographError` for a picture too large to decode, or larger than its file can hold."""
        limit = max_megapixels if self.band is not None else min(max_megapixels, ONE_PIECE_MEGAPIXELS)
        if self.rows * self.cols > limit * 1e6:
            raise MicrographError(f"too large: {self.cols}x{self.rows} px, the limit is {limit:g} megapixels")
        if self.rows * self.cols * self.sample_bytes > MOST_BYTES_PER_BYTE * file_bytes:
            raise MicrographError(
                f"its header promises {self.cols}x{self.rows} px, which its {file_bytes} bytes cannot hold"
            )


@contextmanager
def decoding() -> Iterator[None]:
    """Turn whatever a foreign decoder raises into a `MicrographError` of one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except MicrographError:
        raise
    except MemoryError as error:
        raise MicrographError("too large for the memory of this machine") from error
    except ImportError as error:
        raise MicrographError(f"a codec is missing: {_first_line(error)}; pip install 'gdest[vendor]'") from error
    except Exception as error:  # decoders raise anything
        what = _first_line(error)
        what = "not an image format that gdest reads" if "cannot identify image" in what else what
        raise MicrographError(f"cannot decode: {what}") from error


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    line = text.splitlines()[0][:200] if text else type(error).__name__
    return "".join(letter if letter.isprintable() else "?" for letter in line)
