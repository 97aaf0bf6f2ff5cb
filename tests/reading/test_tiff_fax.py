"""Fax lines are read with and without ends; lines that are not what their tag says are not graded as noise."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from helpers.tiff_files import COUNTS, END_OF_LINE, fax_lines, packed_bits, tiff_bytes
from scipy import ndimage

from gdest.core.records import Failed
from gdest.core.settings import GradeSettings
from gdest.reading.micrograph import read_micrographs

NOT_SO = "cannot decode: its fax lines (CCITT T.4) are damaged, or not of the kind that it says"
ROWS, COLS = 240, 300
BY_THEMSELVES, FROM_THE_LINE_BEFORE = 0, 1


@pytest.fixture(scope="module")
def grains():
    """Return a picture (rows, cols) of bool."""
    return ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(ROWS, COLS)), 3.0) > 0


@pytest.fixture
def read(tmp_path, as_file):
    def read(*strips, options, rows=ROWS, order=1):
        tags = {256: COLS, 257: ROWS, 258: 1, 259: 3, 262: 1, 266: order, 277: 1, 278: rows, COUNTS: None}
        if options is not None:
            tags[292] = options
        if order == 2:
            strips = tuple(imagecodecs.bitorder_decode(strip) for strip in strips)
        (tmp_path / "a.tif").write_bytes(tiff_bytes({code: (4, value) for code, value in tags.items()}, strips))
        (row,) = read_micrographs(as_file(tmp_path / "a.tif"), GradeSettings())
        return row.reason if isinstance(row, Failed) else row.pixels == 255

    return read


def on_byte_borders(lines):
    """Return lines with end-of-line codes that are filled up so that each ends with a byte."""
    bits = ""
    for line in lines:
        bits += "0" * (-(len(bits) + len(END_OF_LINE)) % 8) + END_OF_LINE + line
    return bits


@pytest.mark.parametrize("between", [END_OF_LINE, ""])
def test_lines_in_two_dimensions_are_read_with_and_without_ends(read, grains, between):
    bits = "".join(between + line for line in fax_lines(grains, FROM_THE_LINE_BEFORE))
    assert np.array_equal(read(packed_bits(bits), options=1), grains)


@pytest.mark.parametrize("between", [END_OF_LINE, ""])
def test_lines_by_themselves_are_still_read(read, grains, between):
    bits = "".join(between + line for line in fax_lines(grains, BY_THEMSELVES))
    assert np.array_equal(read(packed_bits(bits), options=0), grains)


def test_fill_bits_a_return_code_and_zeros_behind_it_do_not_matter(read, grains):
    lines = fax_lines(grains, FROM_THE_LINE_BEFORE)
    assert np.array_equal(read(packed_bits(on_byte_borders(lines)), options=5), grains)
    bits = "".join(END_OF_LINE + line for line in lines) + 6 * (END_OF_LINE + "1")
    assert np.array_equal(read(packed_bits(bits) + bytes(9), options=1), grains)


@pytest.mark.parametrize("order", [1, 2])
def test_each_strip_begins_anew_in_either_order_of_bits(read, grains, order):
    strips = [packed_bits("".join(fax_lines(grains[top : top + 80], FROM_THE_LINE_BEFORE))) for top in (0, 80, 160)]
    assert np.array_equal(read(*strips, options=1, rows=80, order=order), grains)


@pytest.mark.parametrize("shade", [True, False])
def test_a_picture_of_one_colour_whose_lines_fill_their_bytes_is_read(read, shade):
    plain = np.full((ROWS, COLS), shade)
    found = read(packed_bits("".join(fax_lines(plain, FROM_THE_LINE_BEFORE))), options=1)
    assert np.array_equal(found, plain)


def test_lines_that_are_not_in_two_dimensions_as_their_tag_says_are_refused_and_not_read_as_noise(read, grains):
    lines = fax_lines(grains, FROM_THE_LINE_BEFORE)
    without_tag_bits = "".join(line[1:] for line in lines)
    without_the_first_end = END_OF_LINE.join(lines)
    by_themselves = "".join(fax_lines(grains, BY_THEMSELVES))
    for bits in (without_tag_bits, without_the_first_end, by_themselves):
        assert read(packed_bits(bits), options=1) == NOT_SO


def test_lines_that_go_on_behind_the_picture_are_refused(read, grains):
    """They were written by other rules than they were read by."""
    taller = np.concatenate([grains, grains[:40]])
    assert read(packed_bits("".join(fax_lines(taller, FROM_THE_LINE_BEFORE))), options=1) == NOT_SO


def test_a_last_strip_may_be_as_high_as_the_others(read, grains):
    strips = [grains[:150], np.concatenate([grains[150:], grains[:60]])]
    packed = [packed_bits("".join(fax_lines(strip, FROM_THE_LINE_BEFORE))) for strip in strips]
    assert np.array_equal(read(*packed, options=1, rows=150), grains)
