"""A picture is read whatever stands beside its pixels: texts, profiles, stray segments, masks of any layout."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from gdest.core.records import Failed
from gdest.core.settings import GradeSettings
from gdest.reading.grey import grey_8_bit
from gdest.reading.micrograph import read_micrographs
from gdest.reading.png import ADAM7


@pytest.fixture
def smooth():
    return np.tile(np.linspace(20, 230, 400).astype(np.uint8), (300, 1))


def jpeg(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "change",
    [lambda start, rest: start + b"\xff\xe0\x00\x02" + rest,
     lambda start, rest: start + b"\xff\xe0\x00\x07JFIF\0" + rest,
     lambda start, rest: start + bytes(range(255)) + b"\xff\xe0\x00\x10JFIF\0" + bytes(9) + rest,
     lambda start, rest: start + rest[:69] + b"\0\0\0" + rest[69:], lambda start, rest: start + rest],
)  # fmt: skip
def test_a_jpeg_with_a_short_jfif_segment_or_stray_bytes_is_read(pixels_of, smooth, change):
    content = jpeg(smooth)
    after_jfif = 4 + int.from_bytes(content[4:6], "big")
    assert np.abs(pixels_of(change(content[:2], content[after_jfif:])).astype(int) - smooth).max() <= 3


def bitmap(pixels, bits, masks, upside_down=False):
    rows, cols = pixels.shape
    stored = sum((pixels.astype(np.uint64) * mask + 127) // 255 & mask for mask in masks)
    stored = (stored if upside_down else stored[::-1]).astype(f"<u{bits // 8}")
    row_bytes = -(-cols * bits // 32) * 4
    lines = stored.view(np.uint8).reshape(rows, -1)
    lines = np.pad(lines, ((0, 0), (0, row_bytes - lines.shape[1])))
    height = -rows if upside_down else rows
    head = struct.pack("<IiiHHIIiiII", 40, cols, height, 1, bits, 3, 0, 2835, 2835, 0, 0) + struct.pack("<III", *masks)
    return b"BM" + struct.pack("<IHHI", 66 + lines.size, 0, 0, 66) + head + lines.tobytes()


@pytest.mark.parametrize(
    ("bits", "masks", "levels"),
    [(16, (0xF00, 0xF0, 0xF), 15), (16, (0xF, 0xF0, 0xF00), 15), (16, (0xF800, 0x7E0, 0x1F), 31),
     (32, (0x3FF00000, 0xFFC00, 0x3FF), 255), (32, (0xFF, 0xFF00, 0xFF0000), 255)],
)  # fmt: skip
@pytest.mark.parametrize("upside_down", [False, True])
def test_a_bmp_has_its_colours_under_masks_of_any_layout(pixels_of, smooth, bits, masks, levels, upside_down):
    odd = smooth[:, :399]
    found = pixels_of(bitmap(odd, bits, masks, upside_down)).astype(int)
    assert np.abs(found - odd).max() <= 255 / levels


def test_a_bmp_of_masks_that_ends_early_is_named(tmp_path, as_file, smooth):
    (tmp_path / "a.bmp").write_bytes(bitmap(smooth, 16, (0xF00, 0xF0, 0xF))[:-500])
    (row,) = read_micrographs(as_file(tmp_path / "a.bmp"), GradeSettings())
    assert isinstance(row, Failed)
    assert "truncated" in row.reason


def test_a_png_with_a_long_text_before_or_behind_its_pixels_is_read(pixels_of, grey):
    text = b"zTXtnote\0\0" + zlib.compress(b"gain=1.0;" * 200_000)
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    info = PngImagePlugin.PngInfo()
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG", pnginfo=info)
    content = buffer.getvalue()
    for at in (33, len(content) - 12):
        assert np.array_equal(pixels_of(content[:at] + chunk + content[at:]), grey)


def interlaced(deep, kind):
    """Return a PNG of 16 bits in seven passes, whose lines are not filtered."""
    lines = b"".join(
        b"\0" + line.astype(">u2").tobytes()
        for top, left, down, across in ADAM7
        for line in deep[top::down, left::across]
        if line.size
    )

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", deep.shape[1], deep.shape[0], 16, kind, 0, 0, 1)
    profile = chunk(b"iCCP", b"odd\0\0" + zlib.compress(b"no profile"))
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            profile,
            chunk(b"IDAT", zlib.compress(lines)),
            chunk(b"IEND", b""),
        ]
    )


@pytest.mark.parametrize(("kind", "samples"), [(0, 1), (4, 2), (2, 3), (6, 4)])
def test_an_interlaced_png_keeps_its_16_bits(pixels_of, rng, kind, samples):
    deep = (rng.integers(0, 4096, (301, 397, samples)) + 100).astype(np.uint16)
    assert np.array_equal(pixels_of(interlaced(deep, kind)), grey_8_bit(deep if samples > 1 else deep[:, :, 0]))
    small = np.resize(deep, (300, 256, samples))
    assert np.array_equal(pixels_of(interlaced(small, kind)), grey_8_bit(small if samples > 1 else small[:, :, 0]))


def test_libpng_writes_nothing_to_the_terminal(tmp_path, rng):
    deep = rng.integers(0, 65536, (300, 400, 3)).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(interlaced(deep, 2))
    code = (
        "import sys; from pathlib import Path; from gdest.core import ImageFile\n"
        "from gdest.reading import read_micrograph; read_micrograph(ImageFile(Path(sys.argv[1]), 'a'))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], check=True, capture_output=True)
    assert done.stdout + done.stderr == b""
