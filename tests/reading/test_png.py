"""A plain PNG is decoded past Pillow: its pixels are Pillow's, and what is damaged is named as Pillow names it."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gdest.core.records import Failed
from gdest.core.settings import GradeSettings
from gdest.reading import raster
from gdest.reading.grey import grey_8_bit
from gdest.reading.micrograph import read_micrographs
from gdest.reading.png import is_plain

ROWS, COLS = 230, 240


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def predicted(kind, left, above, corner):
    """Return what a filter of a PNG expects of a sample: nothing, left, above, their mean, or Paeth's choice."""
    if kind == 4:
        guess = left + above - corner
        return min((left, above, corner), key=lambda one: abs(guess - one))
    return (0, left, above, (left + above) // 2)[kind]


def filtered(pixels, kinds):
    """Return the lines of a PNG (rows, cols, samples), each by its filter."""
    rows, cols, samples = pixels.shape
    wide = np.pad(pixels.astype(int), ((1, 0), (1, 0), (0, 0)))
    lines = bytearray()
    for row in range(rows):
        kind = kinds[row % len(kinds)]
        lines.append(kind)
        for col in range(cols):
            for sample in range(samples):
                here, left = wide[row + 1, col + 1, sample], wide[row + 1, col, sample]
                above, corner = wide[row, col + 1, sample], wide[row, col, sample]
                lines.append(int(here - predicted(kind, left, above, corner)) & 255)
    return bytes(lines)


def png(pixels, lines=None, before=b"", pieces=1, packed=None):
    """Return a PNG of pixels (rows, cols, samples) with chunks before its data, which lie in some pieces."""
    rows, cols, samples = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[samples]
    packed = packed or zlib.compress(lines or filtered(pixels, (0,)))
    size = -(-len(packed) // pieces)
    data = b"".join(chunk(b"IDAT", packed[at : at + size]) for at in range(0, len(packed), size))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", cols, rows, 8, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + data + chunk(b"IEND", b"")


@pytest.fixture
def read(tmp_path, as_file):
    """Return the grey pixels of a PNG, or why it has none."""

    def read_(content):
        (tmp_path / "a.png").write_bytes(content)
        (found,) = read_micrographs(as_file(tmp_path / "a.png"), GradeSettings())
        return found.reason if isinstance(found, Failed) else found.pixels

    return read_


@pytest.fixture
def without_pillow(monkeypatch):
    """Let no picture be decoded by Pillow."""

    def refuse(*_):
        raise AssertionError("decoded by Pillow")

    monkeypatch.setattr(raster, "_decode", refuse)


def smooth(samples):
    ramp = np.add.outer(np.arange(ROWS) * 3, np.arange(COLS) * 2)[:, :, None] + 40 * np.arange(samples)
    return (ramp % 256).astype(np.uint8)


ALL_FILTERS = (4, 3, 2, 1, 0)


@pytest.mark.usefixtures("without_pillow")
@pytest.mark.parametrize(
    ("samples", "kinds"),
    [*((1, (kind,)) for kind in ALL_FILTERS), *((samples, ALL_FILTERS) for samples in (1, 2, 3, 4))],
)
def test_a_plain_png_has_its_pixels_whatever_its_filters(read, samples, kinds):
    pixels = smooth(samples)
    expected = grey_8_bit(pixels if samples > 1 else pixels[:, :, 0])
    assert np.array_equal(read(png(pixels, filtered(pixels, kinds), pieces=7)), expected)


def by_pillow(content):
    with Image.open(io.BytesIO(content)) as image:
        known = image if image.mode in raster.AS_THEY_ARE else image.convert("RGB")
        return grey_8_bit(np.asarray(known))


def saved(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


GAMMA = chunk(b"gAMA", struct.pack(">I", 10_000))
PROFILE = chunk(b"iCCP", b"odd\0\0" + zlib.compress(b"no profile"))
WHITE = chunk(b"bKGD", b"\0\xff") + chunk(b"pHYs", struct.pack(">IIB", 1000, 1000, 1))


@pytest.mark.parametrize("before", [GAMMA, PROFILE, WHITE, chunk(b"tRNS", b"\0\x50")])
def test_gamma_profiles_background_and_a_transparent_grey_change_no_pixel(read, before):
    pixels = smooth(1)
    assert np.array_equal(read(png(pixels, before=before)), pixels[:, :, 0])


@pytest.mark.parametrize("mode", ["1", "P", "L", "LA", "RGB", "RGBA"])
def test_each_kind_that_pillow_writes_has_pillows_pixels(read, grey, mode):
    content = saved(Image.fromarray(grey).convert(mode))
    assert np.array_equal(read(content), by_pillow(content))


@pytest.mark.filterwarnings("ignore:Palette images")
def test_a_palette_with_transparent_colours_has_pillows_pixels(read, grey):
    content = saved(Image.fromarray(grey & 3).convert("P"), transparency=bytes([0, 50, 100, 200]))
    assert np.array_equal(read(content), by_pillow(content))


def test_a_turned_png_is_upright(read, grey):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert np.array_equal(read(saved(Image.fromarray(grey), exif=exif)), np.rot90(grey, -1))


def damaged(content):
    """Yield a PNG with a byte changed, or cut short, at places all over it."""
    for at in np.linspace(8, len(content) - 1, 90).astype(int):
        yield content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :]
        yield content[:at]


def test_a_damaged_png_is_read_or_named_as_pillow_does(read, monkeypatch):
    pixels = smooth(1)
    content = png(pixels, filtered(pixels, (4, 1)), pieces=3)
    lines = filtered(pixels, (0,))
    bad = [
        png(pixels, bytes([9]) + lines[1:]),  # no filter has this number
        png(pixels, lines[:-500]),
        png(pixels, lines + b"more"),
        png(pixels, packed=zlib.compress(lines)[:-1] + b"\0"),  # the checksum of the lines
    ]
    files = [*damaged(content), *bad]
    plain = [read(one) for one in files]
    assert any(isinstance(one, str) for one in plain) and sum(is_plain(one) for one in files) > 150
    monkeypatch.setattr(raster, "is_plain", lambda _content: False)
    for one, found in zip(files, plain, strict=True):
        assert np.array_equal(read(one), found)
