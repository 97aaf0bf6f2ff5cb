"""Pixels that are all there are read, whatever the tables of their file say; those that are not are never made up."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from helpers.tiff_files import plain_tags, tiff_bytes

from gdest.core.records import Failed
from gdest.core.settings import GradeSettings
from gdest.reading.micrograph import read_micrographs


@pytest.fixture
def read(tmp_path, as_file):
    def read(content):
        (tmp_path / "a.tif").write_bytes(content)
        (row,) = read_micrographs(as_file(tmp_path / "a.tif"), GradeSettings())
        return row.reason if isinstance(row, Failed) else row.pixels

    return read


@pytest.mark.parametrize("counts", [0, 7, 1 << 30, None])
@pytest.mark.parametrize("strip_rows", [300, 2**32 - 1, 70])
def test_byte_counts_that_are_wrong_or_left_out_do_not_matter_to_plain_pixels(read, grey, counts, strip_rows):
    rows = min(strip_rows, 300)
    strips = [grey[top : top + rows].tobytes() for top in range(0, 300, rows)]
    tags = plain_tags(grey, t278=(4, strip_rows))
    tags[279] = (4, struct.pack(f"<{len(strips)}I", *[counts or 0] * len(strips)))
    if counts is None:
        del tags[279]
        if len(strips) > 1:  # without counts nobody can tell strips from gaps
            return
    assert np.array_equal(read(tiff_bytes(tags, strips)), grey)


@pytest.mark.parametrize("counts", [0, 1 << 30])
def test_byte_counts_do_not_matter_where_the_code_ends_itself(read, grey, counts):
    tags = plain_tags(grey, t259=(3, 8), t279=(4, counts))
    assert np.array_equal(read(tiff_bytes(tags, [zlib.compress(grey.tobytes())])), grey)
    assert "pixels" in read(tiff_bytes(tags, [zlib.compress(grey.tobytes())[:-2000]]))


def test_planes_whose_byte_counts_are_too_small_are_read_whole(read, rng):
    rgb = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    eight = (3, struct.pack("<HHH", 8, 8, 8))
    tags = plain_tags(rgb, t258=eight, t262=(3, 2), t277=(3, 3), t284=(3, 2), t278=(4, 2**31 + 1))
    tags[279] = (4, struct.pack("<III", 8000, 8000, 8000))
    expected = np.round(rgb @ np.array([0.299, 0.587, 0.114]))
    planes = [plane.tobytes() for plane in np.moveaxis(rgb, -1, 0)]
    assert np.abs(read(tiff_bytes(tags, planes)) - expected).max() <= 1


def test_pixels_that_are_not_there_are_not_made_up_from_what_follows(read, grey):
    cut = grey.tobytes()[:-9000]
    for counts in (None, 0, len(cut)):
        content = tiff_bytes(plain_tags(grey, t279=(4, counts)), [cut], is_at_end=True)
        assert "truncated" in read(content + bytes(20_000))
    assert "truncated" in read(tiff_bytes(plain_tags(grey, t279=(4, 0)), [cut]))


@pytest.mark.parametrize("ends", [b"", b"\0\0"])
def test_a_table_at_the_end_needs_no_place_of_a_next_page(read, grey, ends):
    content = tiff_bytes(plain_tags(grey), [grey.tobytes()], is_at_end=True, ends=ends)
    assert np.array_equal(read(content), grey)


def test_a_table_that_is_cut_short_is_not_completed(read, grey):
    content = tiff_bytes(plain_tags(grey, t400=(4, 5)), [grey.tobytes()], is_at_end=True, ends=b"")
    for cut in (1, 3, 4, 5, 12):
        assert isinstance(read(content[:-cut]), str)
