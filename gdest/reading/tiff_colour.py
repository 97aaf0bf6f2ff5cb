"""Show a TIFF's samples as a viewer does: palettes, inks, brightness of colour spaces, and which way is up."""

from __future__ import annotations

from typing import Any

import numpy as np
from tifffile import COMPRESSION, PHOTOMETRIC

from gdest.core import MicrographError
from gdest.reading.page import RawPixels

JPEG = (COMPRESSION.OJPEG, COMPRESSION.JPEG, COMPRESSION.ALT_JPEG)
BRIGHTNESS_FIRST = (PHOTOMETRIC.CIELAB, PHOTOMETRIC.ICCLAB, PHOTOMETRIC.ITULAB)
"""The colour spaces of which the first sample is brightness; YCbCr is one more, but JPEG's is RGB by now."""

TURNED = {5: -1, 6: -1, 7: 1, 8: 1}
"""The TIFF orientations that lie on their side, and the quarter turns (anticlockwise) that stand them up."""


def as_seen(page: Any, samples: RawPixels) -> RawPixels:
    """Return raw pixels as a viewer shows them: palettes looked up, ink and min-is-white turned round.

    `samples` are (rows, cols[, samples]), as they are stored; they are not turned the right way up.
    """
    kind, bits = page.photometric, page.bitspersample
    if kind == PHOTOMETRIC.PALETTE:
        return _looked_up(page.colormap, samples)
    if samples.dtype == np.uint8 and isinstance(bits, int) and bits < 8:
        samples = (samples.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8)
    if kind == PHOTOMETRIC.MINISWHITE:
        return np.invert(samples) if samples.dtype.kind in "bui" else -samples
    if kind == PHOTOMETRIC.SEPARATED and samples.ndim == 3 and samples.shape[2] >= 3:
        return _on_paper(samples)
    first_is_grey = kind in BRIGHTNESS_FIRST or (kind == PHOTOMETRIC.YCBCR and page.compression not in JPEG)
    # samples beyond red, green, blue and alpha, or two and more greys, are masks of the same field
    extra = samples.ndim == 3 and (samples.shape[2] > 4 or kind == PHOTOMETRIC.MINISBLACK)
    if samples.ndim == 3 and (first_is_grey or extra):
        return samples[:, :, :3] if kind == PHOTOMETRIC.RGB else samples[:, :, 0]
    return samples


def _looked_up(colormap: Any, samples: RawPixels) -> RawPixels:
    """Return the colours (rows, cols, 3) uint8 of palette indices, beside which alpha may lie."""
    if colormap is None:
        raise MicrographError("cannot decode: its palette is missing")
    indices = samples[:, :, 0] if samples.ndim == 3 else samples
    colours = np.moveaxis(np.asarray(colormap), 0, -1)
    # 16 bits by the standard; old writers stored 0..255
    colours = (colours // 256 if colours.max() > 255 else colours).astype(np.uint8)
    if int(indices.max(initial=0)) >= len(colours):
        raise MicrographError("cannot decode: its palette is shorter than its pixels say")
    return colours[indices.astype(np.intp)]


def _on_paper(inks: RawPixels) -> RawPixels:
    """Return the colours that cyan, magenta, yellow and, where it is there, black ink leave of white paper."""
    most = np.float32(1.0 if inks.dtype.kind == "f" else np.iinfo(inks.dtype).max)
    black = inks[:, :, 3:4].astype(np.float32) if inks.shape[2] > 3 else np.float32(0.0)
    paper = (most - inks[:, :, :3].astype(np.float32)) * ((most - black) / most)
    if inks.dtype.kind == "f":
        return np.asarray(paper)
    with np.errstate(invalid="ignore"):  # 2^32 - 1 has no float32
        return np.asarray(np.round(paper).astype(inks.dtype))


def orientation_of(page: Any) -> int:
    """Return the TIFF orientation of a page, 1..8; 1, as it is stored, where the tag says nothing of the kind."""
    value = page.tags.valueof(274)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(raw: RawPixels, orientation: int) -> RawPixels:
    """Return raw pixels the right way up by their TIFF orientation, 1..8."""
    if orientation in TURNED:
        raw = np.rot90(raw, TURNED[orientation])
    if orientation in (2, 4, 5, 7):
        raw = raw[::-1] if orientation == 4 else raw[:, ::-1]
    return raw[::-1, ::-1] if orientation == 3 else raw
