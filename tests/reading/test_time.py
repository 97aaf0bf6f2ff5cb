"""A slow disk is progress, and a file that would hold up the night ends with a sentence in its row."""

from __future__ import annotations

import io
import struct
import time

import numpy as np
import pytest
import tifffile
from PIL import Image

from gdest.core.settings import GradeSettings
from gdest.core.threads import in_order
from gdest.reading import disk_file, micrograph
from gdest.reading.micrograph import read_micrographs

TOO_LONG = "cannot decode: it takes more processor time than its size allows"


def reasons(file):
    return [getattr(row, "reason", "read") for row in read_micrographs(file, GradeSettings())]


def test_hashing_a_large_file_slowly_is_progress(write_tiff, grey, as_file, monkeypatch):
    """The file is sparse; its disk takes longer for all of it than a read may take that hangs."""
    path = write_tiff("a.tif", grey).path
    with path.open("r+b") as file:
        file.truncate(8_000_000)
    whole = disk_file._Disk.readinto

    def slow(self, buffer):
        time.sleep(0.03)
        return whole(self, buffer)

    monkeypatch.setattr(disk_file._Disk, "readinto", slow)
    began = time.monotonic()
    ((_, found),) = in_order([as_file(path)], reasons, lambda _: "stalled", ahead=1, seconds=0.3)
    assert found == ["read"]
    assert time.monotonic() - began > 0.6


def tables(count, pixels, offset_of_last=0):
    """Return a TIFF of so many pages that all show the same pixels."""
    rows, cols = pixels.shape
    size = 2 + 12 * 9 + 4
    parts = [struct.pack("<2sHI", b"II", 42, 8)]
    for page in range(count):
        tags = ((256, 4, cols), (257, 4, rows), (258, 3, 8), (259, 3, 1), (262, 3, 1))
        tags += ((273, 4, 8 + count * size), (277, 3, 1), (278, 4, rows), (279, 4, pixels.size))
        parts += [struct.pack("<H", 9), *(struct.pack("<HHII", code, kind, 1, value) for code, kind, value in tags)]
        parts.append(struct.pack("<I", 8 + (page + 1) * size if page + 1 < count else offset_of_last))
    return b"".join([*parts, pixels.tobytes()])


def test_a_file_of_nothing_but_tables_ends_by_its_processor_time_in_one_row(tmp_path, as_file, grey, monkeypatch):
    (tmp_path / "a.tif").write_bytes(tables(3000, grey))
    monkeypatch.setattr(micrograph, "OPEN_CPU_S", 0.02)
    monkeypatch.setattr(micrograph, "CPU_S_PER_BYTE", 0.0)
    assert reasons(as_file(tmp_path / "a.tif")) == [TOO_LONG]


def test_more_pages_than_are_read_are_told_in_one_row(tmp_path, as_file, grey):
    (tmp_path / "a.tif").write_bytes(tables(10_001, grey[:16, :16]))
    assert reasons(as_file(tmp_path / "a.tif")) == ["holds more than 10000 pages"]


def test_the_first_page_that_takes_too_long_is_the_last(tmp_path, as_file, grey, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([grey] * 4), photometric="minisblack")
    monkeypatch.setattr(micrograph, "OPEN_CPU_S", 5.0)
    monkeypatch.setattr(micrograph, "PAGE_CPU_S", -5.5)
    assert reasons(as_file(tmp_path / "a.tif")) == [TOO_LONG]


def test_the_time_that_others_take_with_what_was_read_is_not_counted(tmp_path, as_file, grey, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([grey] * 3), photometric="minisblack")
    monkeypatch.setattr(micrograph, "OPEN_CPU_S", 0.5)
    monkeypatch.setattr(micrograph, "PAGE_CPU_S", 0.2)
    found = []
    for row in read_micrographs(as_file(tmp_path / "a.tif"), GradeSettings()):
        ends = time.thread_time() + 0.5
        while time.thread_time() < ends:
            pass
        found.append(getattr(row, "reason", "read"))
    assert found == ["read"] * 3


def progressive(grey, scans):
    """Return a progressive JPEG with its last scan again and again, each of which goes over the whole picture."""
    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, "JPEG", progressive=True)
    content = stream.getvalue()
    last = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + last * (scans - content.count(b"\xff\xda")) + b"\xff\xd9"


@pytest.mark.parametrize("kind", ["jpg", "tif"])
def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded(tmp_path, as_file, grey, kind):
    for scans, reason in ((12, "read"), (2000, "cannot decode: a JPEG of more than 200 scans, which would not finish")):
        content = progressive(grey, scans)
        if kind == "tif":
            with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
                tiff.write(
                    iter([content]), shape=grey.shape, dtype=np.uint8, compression="jpeg", rowsperstrip=grey.shape[0],
                    photometric="minisblack",
                )  # fmt: skip
        else:
            (tmp_path / "a.jpg").write_bytes(content)
        assert reasons(as_file(tmp_path / f"a.{kind}")) == [reason]
