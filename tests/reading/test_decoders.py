"""Reading changes nothing for the whole process; what must be set for it is set by one named function."""

from __future__ import annotations

import logging
import struct
import subprocess
import sys
import warnings
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from gdest.core.records import Failed
from gdest.core.settings import GradeSettings
from gdest.reading import decoders
from gdest.reading.decoders import LOGGERS, prepare_decoders
from gdest.reading.micrograph import read_micrograph, read_micrographs

DAMAGED = "cannot decode: damaged, or written in a way that gdest does not know"

READ = """
import logging, sys, warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import scipy.ndimage, scipy.special, tifffile  # they have filters of their own
from PIL import Image
def state():
    levels = {{name: logging.getLogger(name).level for name in {loggers!r}}}
    return list(warnings.filters), levels, Image.MAX_IMAGE_PIXELS
before = state()
from gdest.core import GradeSettings, ImageFile
from gdest.reading import read_micrographs
files = [ImageFile(Path(name), name) for name in sys.argv[1:]]
def read(number):
    return len(list(read_micrographs(files[number % len(files)], GradeSettings())))
with ThreadPoolExecutor(8) as pool:
    assert set(pool.map(read, range(200))) == {{1}}
assert state() == before, (before, state())
"""


def test_200_reads_in_eight_threads_leave_warning_filters_loggers_and_limits_as_they_were(tmp_path, rng):
    pixels = rng.integers(0, 256, (230, 240), dtype=np.uint8)
    names = [str(tmp_path / name) for name in ("a.tif", "a.png", "a.jpg", "broken.tif")]
    for name in names[:3]:
        Image.fromarray(pixels).save(name)
    (tmp_path / "broken.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:5000])
    code = READ.format(loggers=LOGGERS)
    done = subprocess.run([sys.executable, "-c", code, *names], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_only_once_prepared_decoders_print_neither_warnings_nor_logs(tmp_path, as_file, grey, caplog, rng):
    colours = Image.fromarray(grey & 3).convert("P")
    colours.save(tmp_path / "a.png", transparency=bytes([0, 50, 100, 200]))  # Pillow warns of such a palette
    Image.fromarray(grey).save(tmp_path / "b.tif", compression="tiff_lzw")
    content = bytearray((tmp_path / "b.tif").read_bytes())
    content[-40:] = rng.bytes(40)  # the tags at the end of the file
    (tmp_path / "b.tif").write_bytes(content)

    def printed():
        caplog.clear()
        with warnings.catch_warnings(record=True) as found:
            for name in ("a.png", "b.tif"):
                list(read_micrographs(as_file(tmp_path / name), GradeSettings()))
        return len(found), len(caplog.records)

    warnings.simplefilter("always")
    warned, logged = printed()
    assert warned
    assert logged
    prepare_decoders()
    assert printed() == (0, 0)
    with pytest.warns(UserWarning, match="of our own"):
        warnings.warn("of our own", stacklevel=1)


def png_of(side_cols, side_rows):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", side_cols, side_rows, 8, 0, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return head + struct.pack(">I", 50) + b"IDAT" + bytes(1_000_000)


@pytest.mark.parametrize(
    ("prepared", "rows", "reason"),
    [(False, 8_900, "cannot decode"), (False, 9_000, "the limit is 179 megapixels"), (True, 20_000, "cannot decode"),
     (True, 20_001, "the limit is 400 megapixels")],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_pillows_limit_becomes_ours_once_it_is_prepared(tmp_path, as_file, prepared, rows, reason):
    (tmp_path / "a.png").write_bytes(png_of(20_000, rows))
    if prepared:
        prepare_decoders()
    (row,) = read_micrographs(as_file(tmp_path / "a.png"), GradeSettings())
    assert isinstance(row, Failed)
    assert reason in row.reason


def test_a_command_prepares_the_decoders(monkeypatch):
    from gdest.cli import main

    monkeypatch.setattr(sys, "argv", ["gdest", "report", "nowhere"])
    with pytest.raises(SystemExit):
        main()
    assert Image.MAX_IMAGE_PIXELS == 200_000_000
    assert logging.getLogger("tifffile").level == logging.CRITICAL


def test_numbers_beyond_float32_are_refused_without_a_warning(write_tiff):
    pixels = np.full((230, 240, 3), 1e300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (row,) = read_micrographs(write_tiff("a.tif", pixels, photometric="rgb"), GradeSettings())
    assert row.reason == "its pixels hold values that are not numbers"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(MemoryError(), "too large for the memory of this machine"), (OSError("bad\nlines"), "cannot decode: bad"),
     (ImportError("no zstd"), "a codec is missing: no zstd; pip install 'gdest[vendor]'"),
     (OSError("a\x1b[1m"), "cannot decode: a\ufffd[1m"), (OSError("x" * 300), "cannot decode: " + "x" * 200),
     (imagecodecs.LzwError("imcd_lzw_decode", -4), "cannot decode: its compressed pixels are damaged"),
     *((error, DAMAGED) for error in (KeyError("Y"), KeyError(), IndexError("boolean index did not match"), OSError(),
                                      ValueError("zip() argument 2 is longer than argument 1"), struct.error("2")))],
)  # fmt: skip
def test_whatever_a_decoder_raises_is_one_printable_sentence(error, sentence):
    with pytest.raises(decoders.MicrographError) as caught, decoders.decoding():
        raise error
    assert str(caught.value) == sentence


def test_a_tiff_read_by_two_threads_at_once_gives_each_its_own_rows(tmp_path, as_file, rng, monkeypatch):
    """Both seek and read in one file handle, which tifffile locks only when it is told to."""
    from concurrent.futures import ThreadPoolExecutor

    from gdest.reading import micrograph

    pixels = rng.integers(0, 256, (1000, 300), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    monkeypatch.setattr(micrograph, "REGIONS_PX", 1000)
    regions = read_micrograph(as_file(tmp_path / "a.tif")).regions
    tops = np.tile(np.arange(0, 900, 7), 30)
    with ThreadPoolExecutor(4) as pool:
        bands = list(pool.map(lambda top: regions[top : top + 40], tops))
    assert all(np.array_equal(band, pixels[top : top + 40]) for band, top in zip(bands, tops, strict=True))
