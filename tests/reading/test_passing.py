"""What may pass (the disk, the share, the memory, a reader that is missing) is told from what is wrong with a file."""

from __future__ import annotations

import errno
import io
import os
import sys

import numpy as np
import pytest
from PIL import Image

from gdest.core.settings import GradeSettings
from gdest.core.words import NO_MEMORY
from gdest.reading import disk_file, grey as grey_module, micrograph
from gdest.reading.micrograph import read_micrographs


@pytest.fixture
def rows(write_tiff, grey):
    """Return the rows of a TIFF of three pages."""
    file = write_tiff("a.tif", np.stack([grey, grey, grey]), photometric="minisblack")
    return lambda: list(read_micrographs(file, GradeSettings()))


def told(found):
    return [(getattr(row, "reason", "read"), getattr(row, "again", None)) for row in found]


@pytest.fixture
def disk():
    """Let the disk of the file fail from the n-th read on, or at this one only."""

    def failing(number, reads, once=False):
        class FailingFile(io.FileIO):
            left = reads

            def readinto(self, buffer):
                self.left -= 1
                if self.left == -1 or (self.left < 0 and not once):
                    raise OSError(number, os.strerror(number))
                return super().readinto(buffer)

        disk_file._Disk.__bases__ = (FailingFile,)

    bases = disk_file._Disk.__bases__
    yield failing
    disk_file._Disk.__bases__ = bases


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
@pytest.mark.parametrize("reads", [0, 1])
def test_a_disk_that_fails_while_a_file_is_hashed_is_a_row_that_is_tried_again(rows, disk, number, reads):
    disk(number, reads)
    assert told(rows()) == [(f"cannot be read: {os.strerror(number)}", True)]


@pytest.mark.parametrize("once", [False, True])
def test_wherever_a_disk_fails_it_is_told_and_no_page_is_lost_in_silence(rows, disk, once):
    """tifffile calls it a corrupted tag list, or takes it for the end of the pages."""
    seen = set()
    for reads in range(100):
        disk(errno.EIO, reads, once)
        found = told(rows())
        failed = [one for one in found if one[1] is not None]
        assert set(failed) <= {("cannot be read: Input/output error", True)}, (reads, found)
        seen.add((len(found), len(failed)))
        if not failed:
            break
    assert not failed
    assert len(found) == 3
    assert {(1, 1), (3, 1)} < seen


@pytest.mark.parametrize(
    ("number", "again"),
    [
        (errno.EACCES, True),
        (errno.EMFILE, True),
        (errno.ENOENT, True),
        (errno.ENAMETOOLONG, False),
        (errno.ELOOP, False),
    ],
)
def test_a_file_that_cannot_be_opened_is_tried_again_unless_its_name_is_the_cause(rows, monkeypatch, number, again):
    def refused(*_arguments, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk_file, "_Disk", refused)
    assert told(rows()) == [(f"cannot be read: {os.strerror(number)}", again)]


@pytest.mark.parametrize("place", ["grey_8_bit", "not_metal_within", "fingerprint"])
def test_memory_that_is_missing_for_one_page_costs_that_page_and_is_tried_again(rows, monkeypatch, place):
    whole, calls = getattr(micrograph, place), []

    def full_at_the_second(*arguments):
        calls.append(0)
        if len(calls) == 2:
            raise MemoryError
        return whole(*arguments)

    monkeypatch.setattr(micrograph, place, full_at_the_second)
    assert told(rows()) == [("read", None), (NO_MEMORY, True), ("read", None)]


def test_what_numpy_raises_of_strange_pixels_is_a_row_that_is_final(rows, monkeypatch):
    def strange(_raw):
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr(grey_module, "_grey", strange)
    assert told(rows()) == 3 * [("cannot decode: damaged, or written in a way that gdest does not know", False)]


def test_a_codec_or_a_reader_that_is_missing_is_tried_again(tmp_path, as_file, rows, monkeypatch):
    def missing(_page):
        raise ImportError("could not import name '_zfp' from 'imagecodecs'")

    monkeypatch.setattr("tifffile.TiffPage.asarray", missing)
    assert {again for _, again in told(rows())} == {True}
    (tmp_path / "a.czi").write_bytes(b"ZISRAWFILE")
    monkeypatch.setitem(sys.modules, "pylibCZIrw", None)
    monkeypatch.setattr("gdest.reading.vendor_pool.find_spec", lambda _name: None)
    assert told(read_micrographs(as_file(tmp_path / "a.czi"), GradeSettings())) == [
        ("Zeiss CZI needs the extra readers: pip install 'gdest[vendor]'", True)
    ]


def test_a_file_that_is_broken_is_final(tmp_path, as_file, grey):
    Image.fromarray(grey).save(tmp_path / "whole.png")
    content = (tmp_path / "whole.png").read_bytes()
    broken = {
        "cut.png": content[:20_000],
        "noise.tif": b"II*\0" + bytes(range(256)),
        "text.jpg": b"none",
        "none.png": b"",
    }
    for name, written in broken.items():
        (tmp_path / name).write_bytes(written)
        (row,) = read_micrographs(as_file(tmp_path / name), GradeSettings())
        assert (name, row.again) == (name, False)
