"""Describe one page, scene or frame of a file before its pixels are decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gdest.core import MicrographError, PixelSize

RawPixels = NDArray[Any]
"""Pixels as a viewer shows them, (rows, cols) grey or (rows, cols, 2..4) colour or alpha, of any number type."""

DecodeRows = Callable[[int, int], RawPixels]

MOST_BYTES_PER_BYTE = 2000
"""Deflate packs at most 1032 bytes into one; a header that promises more than this is a decompression bomb."""

ONE_PIECE_MEGAPIXELS = 400.0
"""The limit for a page that can only be decoded whole, however high the user's limit is."""


@dataclass(frozen=True)
class Page:
    """Hold the size of one page of a file, what the file says of its pixel size, and how to decode it.

    `decode()` returns all pixels, `decode_rows(top, bottom)` those of some rows; the latter is None where the file
    must be decoded whole. `pixel_sizes` come strongest first. `pixel_bytes` is the size of one pixel before it was
    packed. A page with a `refusal` holds no picture that can be decoded; the refusal says why.
    """

    rows: int
    cols: int
    pixel_sizes: tuple[PixelSize, ...]
    decode: Callable[[], RawPixels]
    decode_rows: DecodeRows | None = None
    pixel_bytes: float = 1.0
    refusal: str = ""

    def check(self, max_megapixels: float, file_bytes: int) -> None:
        """Raise `MicrographError` for a page that is refused, too large to decode, or larger than its file can hold."""
        if self.refusal:
            raise MicrographError(self.refusal)
        limit = max_megapixels if self.decode_rows is not None else min(max_megapixels, ONE_PIECE_MEGAPIXELS)
        if self.rows * self.cols > limit * 1e6:
            raise MicrographError(f"too large: {self.cols}x{self.rows} px, the limit is {limit:g} megapixels")
        if self.rows * self.cols * self.pixel_bytes > MOST_BYTES_PER_BYTE * file_bytes:
            raise MicrographError(
                f"its header promises {self.cols}x{self.rows} px, which its {file_bytes} bytes cannot hold"
            )
