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

ONE_PIECE_BYTES = 1_650_000_000
"""What decoding such a page may take, so that a scan stays below 2 GB beside the network."""

IN_BANDS_BYTES = 250_000_000
"""What is taken of a page that is read by bands of rows: two overviews of 16 megapixels, and bands of any type."""


@dataclass(frozen=True)
class Page:
    """Hold the size of one page of a file, what the file says of its pixel size, and how to decode it.

    `decode()` returns all pixels, `decode_rows(top, bottom)` those of some rows; the latter is None where the file
    must be decoded whole. `pixel_sizes` come strongest first. `pixel_bytes` is the size of one pixel before it was
    packed, `decoding_bytes` what decoding all takes for each at most, where that is more than twice as much;
    `held_bytes` what is held of each while bands are read. A page with a `refusal` holds no picture that can be
    decoded; the refusal says why.
    """

    rows: int
    cols: int
    pixel_sizes: tuple[PixelSize, ...]
    decode: Callable[[], RawPixels]
    decode_rows: DecodeRows | None = None
    pixel_bytes: float = 1.0
    refusal: str = ""
    decoding_bytes: float = 0.0
    held_bytes: float = 0.0

    @property
    def size(self) -> int:
        """Return the number of pixels."""
        return self.rows * self.cols

    @property
    def bytes_to_decode(self) -> int:
        """Return about how much memory decoding all pixels, and turning them grey, takes at most."""
        return int(self.size * (max(self.decoding_bytes, 2.0 * self.pixel_bytes) + 1.0))

    @property
    def bytes_in_bands(self) -> int:
        """Return about how much memory is taken while the page is read by bands of rows."""
        return int(self.size * self.held_bytes) + IN_BANDS_BYTES

    def check(self, max_megapixels: float, file_bytes: int) -> None:
        """Raise `MicrographError` for a page that is refused, too large to decode, or larger than its file can hold."""
        if self.refusal:
            raise MicrographError(self.refusal)
        in_bands = self.decode_rows is not None and not self.held_bytes
        limit = max_megapixels if in_bands else min(max_megapixels, ONE_PIECE_MEGAPIXELS)
        if self.size > limit * 1e6:
            raise MicrographError(f"too large: {self.cols}x{self.rows} px, the limit is {limit:g} megapixels")
        if self.size * self.pixel_bytes > MOST_BYTES_PER_BYTE * file_bytes:
            raise MicrographError(
                f"its header promises {self.cols}x{self.rows} px, which its {file_bytes} bytes cannot hold"
            )
        if self.decode_rows is None and self.bytes_to_decode > ONE_PIECE_BYTES:
            takes, limit = self.bytes_to_decode / 1e9, ONE_PIECE_BYTES / 1e9
            raise MicrographError(
                f"too large: {self.cols}x{self.rows} px take {takes:.1f} GB in one piece, the limit is {limit:.1f} GB; "
                "a TIFF in tiles or strips has none"
            )
