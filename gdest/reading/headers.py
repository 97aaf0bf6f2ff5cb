"""Look at the headers of a file, without its pixels: what it is, and what pixel size a scan would take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import tifffile
from PIL import Image

from gdest.core import GradeSettings, ImageFile, MicrographError, PixelSize, magnifications_in, page_name
from gdest.reading.decoders import decoding
from gdest.reading.disk_file import CPU_S_PER_BYTE, OPEN_CPU_S
from gdest.reading.micrograph import large_enough, opened, pages_of_stream
from gdest.reading.pixel_size import choose_pixel_size
from gdest.reading.tiff import TIFF_STARTS

LONGEST_TEXT = 20_000
"""Of a longer text of a tag, such as the XML of a slide scanner, the first so many characters are searched."""

OF_OBJECTIVES = (5, 10, 20, 25, 40, 50, 63, 100, 125, 150, 160, 200, 250, 400, 500, 630, 750, 800, 1000, 1250, 1500)
"""Magnifications that micrographs are taken at. Other numbers beside an x, in the texts of tags, are something else."""

OF_WORDS = frozenset({37510, *range(40091, 40096)})
"""Tags whose bytes are words: the user's comment of EXIF, and what Windows calls title, comment, author, subject."""

SAID = re.compile(r"magnification\W{0,4}([0-9]{1,5}(?:[.,][0-9]+)?)", re.I)
"""`Magnification=500`, `NominalMagnification="50"`; other words state it as names do, `500x`."""


@dataclass(frozen=True)
class Header:
    """Hold what the headers of one micrograph say; with a `problem` it would fail, and the problem says why.

    `told` is what the file itself says of its pixel size, `chosen` what a scan would take, None for nothing known.
    """

    name: str
    problem: str = ""
    rows: int = 0
    cols: int = 0
    told: tuple[PixelSize, ...] = ()
    chosen: PixelSize | None = None
    doubts: tuple[str, ...] = ()


def read_headers(file: ImageFile, settings: GradeSettings) -> Iterator[Header]:
    """Yield the header of each micrograph of a file, at least one.

    A scale bar is not looked for, and damage of pixels is not found: both need the pixels.
    """
    number = 0
    try:
        with opened(file.path) as stream:
            file_bytes = file.path.stat().st_size
            stream.allow(OPEN_CPU_S + CPU_S_PER_BYTE * file_bytes)
            pages = large_enough(pages_of_stream(stream, file.path, file_bytes))
            for number, page in enumerate(pages, start=1):
                name = page_name(file.name, number)
                try:
                    page.check(settings.max_megapixels, file_bytes)
                    sizes = page.pixel_sizes
                    chosen, doubts = choose_pixel_size(name, settings.calibration, sizes, page.rows, page.cols)
                except MicrographError as error:
                    yield Header(name, str(error), page.rows, page.cols, page.pixel_sizes)
                    continue
                yield Header(name, "", page.rows, page.cols, sizes, chosen, doubts)
            stream.check()
    except MicrographError as error:
        yield Header(page_name(file.name, number + 1), str(error))
    except OSError as error:
        yield Header(page_name(file.name, number + 1), f"cannot be read: {error.strerror or error}")


def magnifications_told(path: Path) -> tuple[float, ...]:
    """Return the magnifications that the texts in a file's tags state, ascending; none of what cannot be read."""
    found: set[float] = set()
    try:
        with open(path, "rb") as stream, decoding():
            for text in _texts(stream):
                found.update(magnifications_in(text[:LONGEST_TEXT]))
                found.update(float(said.replace(",", ".")) for said in SAID.findall(text[:LONGEST_TEXT]))
    except (MicrographError, OSError):
        return ()
    return tuple(sorted(found.intersection(OF_OBJECTIVES)))


def _texts(stream: BinaryIO) -> Iterator[str]:
    """Yield the texts of the tags of a file's first picture."""
    start = stream.read(4)
    stream.seek(0)
    if start in TIFF_STARTS:
        with tifffile.TiffFile(stream, _multifile=False) as tiff:
            for tag in tiff.pages.first.tags.values():
                yield from _as_text(tag.code, tag.value)
        return
    with Image.open(stream) as image:
        exif = image.getexif()
        tags = {**dict(exif), **dict(exif.get_ifd(0x8769))}
        for code, value in (*((0, value) for value in image.info.values()), *tags.items()):
            yield from _as_text(code, value)


def _as_text(code: int, value: Any) -> Iterator[str]:
    """Yield a tag's value as text; Windows writes its titles and comments as UTF-16 in bytes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (f"{name}={one}" for name, one in value.items() if isinstance(one, (str, int, float)))
    elif code in OF_WORDS and isinstance(value, (bytes, tuple)):
        value = bytes(value)
        yield value.decode("utf-16-le" if value[1:2] == b"\0" else "utf-8", "ignore")
