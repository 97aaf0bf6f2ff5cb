"""Valid files of every format, and ways to damage them; the tests and the fuzz benchmark share them."""

from __future__ import annotations

import io
import tempfile
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from helpers.olympus_files import oib, write_vsi
from helpers.vendor_files import lif, nd2


def picture(colour=False):
    """Return something like grains: smooth bumps, (240, 260[, 3]), that pack small and so mutate fast."""
    row, col = np.indices((240, 260))
    grey = (128 + 60 * np.sin(row / 9.0) + 60 * np.cos(col / 7.0 + row / 31.0)).astype(np.uint8)
    return np.stack([grey, grey[::-1], grey[:, ::-1]], axis=2) if colour else grey


def tiff(colour=False, deep=False, **options):
    buffer = io.BytesIO()
    pixels = picture(colour).astype(np.uint16) * 250 if deep else picture(colour)
    tifffile.imwrite(buffer, pixels, resolution=(1e4, 1e4), resolutionunit="CENTIMETER", **options)
    return buffer.getvalue()


def raster(kind, mode="L", **options):
    buffer = io.BytesIO()
    Image.fromarray(picture(mode != "L")).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


@cache
def czi():
    from pylibCZIrw import czi as library

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.czi")
        with library.create_czi(str(path)) as document:
            document.write(data=picture()[:, :, None], plane={"C": 0})
            document.write_metadata("etch", scale_x=0.5e-6, scale_y=0.5e-6)
        return path.read_bytes()


@cache
def vsi(part):
    with tempfile.TemporaryDirectory() as folder:
        write_vsi(Path(folder, "a.vsi"), picture(), 0.5, 64)
        return Path(folder, part).read_bytes()


SOURCES = {
    "plain.tif": tiff,
    "lzw.tif": partial(tiff, compression="lzw", rowsperstrip=16),
    "tiled.tif": partial(tiff, compression="zlib", tile=(64, 64), colour=True, photometric="rgb"),
    "zstd.tif": partial(tiff, compression="zstd", deep=True, predictor=True),
    "packbits.tif": partial(tiff, compression="packbits", byteorder=">"),
    "jpeg.tif": partial(tiff, compression="jpeg", colour=True, photometric="rgb"),
    "jp2.tif": partial(tiff, compression="jpeg2000"),
    "big.tif": partial(tiff, bigtiff=True, deep=True),
    "a.ome.tif": partial(tiff, ome=True, metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}),
    "grey.png": partial(raster, "PNG"),
    "palette.png": partial(raster, "PNG", "P"),
    "grey.jpg": partial(raster, "JPEG"),
    "progressive.jpg": partial(raster, "JPEG", "RGB", progressive=True),
    "cmyk.jpg": partial(raster, "JPEG", "CMYK"),
    "a.jp2": partial(raster, "JPEG2000"),
    "a.bmp": partial(raster, "BMP"),
    "a.gif": partial(raster, "GIF"),
    "a.webp": partial(raster, "WEBP", "RGB", lossless=True),
}
"""File name to a function that returns its bytes."""

PIXELS_OF_VSI = "_a_/stack1/frame_t.ets"
VENDOR_SOURCES = {
    "pylibCZIrw": {"a.czi": czi},
    "liffile": {"a.lif": lambda: lif(picture(), 0.5)},
    "nd2": {"a.nd2": lambda: nd2([picture(), picture()], 0.5)},
    "oiffile": {"a.oib": lambda: oib([picture().astype(np.uint16) * 10], 0.5)},
    "slideio": {"a.vsi": partial(vsi, "a.vsi"), PIXELS_OF_VSI: partial(vsi, PIXELS_OF_VSI)},
}
"""The same for the files that a reader of the extra `vendor` is needed for."""

for _library, _sources in VENDOR_SOURCES.items():
    if find_spec(_library) is not None:
        SOURCES.update(_sources)


@cache
def valid(name: str) -> bytes:
    """Return the bytes of one of the `SOURCES`, made once."""
    return SOURCES[name]()


def lay_out(folder: Path, name: str, content: bytes) -> Path:
    """Write a file and, where it is but a part, the others; return the one to open."""
    opened = folder / name
    if name in ("a.vsi", PIXELS_OF_VSI):
        opened = folder / "a.vsi"
        (folder / PIXELS_OF_VSI).parent.mkdir(parents=True, exist_ok=True)
        for part in ("a.vsi", PIXELS_OF_VSI):
            (folder / part).write_bytes(vsi(part))
    (folder / name).write_bytes(content)
    return opened


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Return damaged bytes: bits turned, bytes set to ends of their range, parts cut, doubled, or zeroed."""
    damaged = bytearray(content)
    head = min(len(damaged), 400)
    for _ in range(int(rng.integers(1, 8))):
        if not damaged:
            break
        # half of the damage goes into the header, where the sizes and offsets stand
        at = int(rng.integers(0, min(head, len(damaged)) if rng.random() < 0.5 else len(damaged)))
        span = int(rng.integers(1, 40))
        kind = int(rng.integers(0, 6))
        if kind == 0:
            damaged[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            damaged[at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF]))
        elif kind == 2:
            damaged[at : at + span] = rng.bytes(len(damaged[at : at + span]))
        elif kind == 3:
            del damaged[at : at + span]
        elif kind == 4:
            damaged[at:at] = damaged[at : at + span]
        else:
            end = len(damaged) if rng.random() < 0.3 else at + 1
            del damaged[at:end]
    return bytes(damaged)
