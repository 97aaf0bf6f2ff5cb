"""Palettes, inks, colour spaces and turned pages look as in a viewer."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
from helpers.tiff_files import plain_tags, tiff_bytes
from PIL import Image, ImageOps

from gdest.core.records import Failed
from gdest.core.settings import GradeSettings
from gdest.reading import micrograph as micrograph_module
from gdest.reading.micrograph import read_micrograph, read_micrographs
from gdest.reading.tiff_colour import upright

RAMP = (np.arange(256) * 257).astype("<u2")


def palette(ramp):
    return 3, np.tile(ramp, 3).astype("<u2").tobytes()


def test_a_palette_of_8_bits_a_colour_is_not_black(pixels_of, grey):
    tags = plain_tags(grey, t262=(3, 3), t320=palette(np.arange(256)))
    assert np.array_equal(pixels_of(tiff_bytes(tags, [grey.tobytes()])), grey)


def test_a_palette_of_one_bit_is_black_and_white_and_may_be_turned_round(pixels_of, grey):
    bits = grey > 128
    content = np.packbits(bits, axis=1).tobytes()
    for colours, white in (((0, 65535), bits), ((65535, 0), ~bits)):
        tags = plain_tags(grey, t258=(3, 1), t262=(3, 3), t320=palette(np.array(colours)))
        assert np.array_equal(pixels_of(tiff_bytes(tags, [content])), white * 255)


def test_alpha_beside_a_palette_is_left_aside(pixels_of, grey):
    both = np.dstack([grey, np.full_like(grey, 255)])
    tags = plain_tags(
        grey, t258=(3, struct.pack("<HH", 8, 8)), t262=(3, 3), t277=(3, 2), t320=palette(RAMP), t338=(3, 2)
    )
    assert np.array_equal(pixels_of(tiff_bytes(tags, [both.tobytes()])), grey)


def test_a_palette_that_is_missing_or_too_short_is_named(tmp_path, as_file, grey):
    (tmp_path / "a.tif").write_bytes(tiff_bytes(plain_tags(grey, t262=(3, 3)), [grey.tobytes()]))
    (row,) = read_micrographs(as_file(tmp_path / "a.tif"), GradeSettings())
    assert isinstance(row, Failed)
    assert "palette is missing" in row.reason


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16, np.int16])
def test_ink_of_any_number_type_is_dark(write_tiff, dtype):
    ink = np.tile(np.linspace(0, 1, 400), (300, 1))
    most = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    inks = (np.dstack([ink] * 3 + [np.zeros_like(ink)]) * most).astype(dtype)
    pixels = read_micrograph(write_tiff("a.tif", inks, photometric="separated")).pixels.astype(int)
    assert np.abs(pixels - np.round((1 - ink) * 255)).max() <= 1


@pytest.mark.parametrize("kind", [8, 9, 10])
def test_of_lab_the_first_sample_is_grey(write_tiff, grey, kind):
    lab = np.dstack([grey, np.full_like(grey, 200), np.full_like(grey, 30)])
    assert np.array_equal(read_micrograph(write_tiff("a.tif", lab, photometric=kind)).pixels, grey)


def chroma_halved(grey, chroma=128):
    """Return the blocks Y Y Y Y Cb Cr of a picture whose chroma is halved both ways."""
    rows, cols = grey.shape
    blocks = grey.reshape(rows // 2, 2, cols // 2, 2).swapaxes(1, 2).reshape(rows // 2, cols // 2, 4)
    return np.concatenate([blocks, np.full((rows // 2, cols // 2, 2), chroma, np.uint8)], axis=2).tobytes()


def colour_tags(grey, **changes):
    eight = (3, struct.pack("<HHH", 8, 8, 8))
    half = (3, struct.pack("<HH", 2, 2))
    return plain_tags(grey, t258=eight, t262=(3, 6), t277=(3, 3), t530=half, **changes)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("packed", [False, True])
def test_halved_chroma_without_jpeg_is_read_and_turned(pixels_of, orientation, packed):
    smooth = np.tile(np.linspace(20, 230, 400).astype(np.uint8), (300, 1))
    tags = colour_tags(smooth, t274=(3, orientation), t259=(3, 5 if packed else 1))
    blocks = chroma_halved(smooth)
    strip = imagecodecs.lzw_encode(blocks) if packed else blocks
    pixels = pixels_of(tiff_bytes(tags, [strip])).astype(int)
    assert np.abs(pixels - upright(smooth, orientation)).max() <= 1


def test_jpeg_of_the_old_style_is_read(pixels_of):
    smooth = np.tile(np.linspace(20, 230, 400).astype(np.uint8), (304, 1))
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([smooth] * 3)).save(buffer, "JPEG", quality=95, subsampling=2)
    jpeg = buffer.getvalue()
    tags = colour_tags(smooth, t259=(3, 6), t513=(4, 0x0BADF00D), t514=(4, len(jpeg)))
    content = tiff_bytes(tags, [jpeg])
    scan = jpeg.index(b"\xff\xda")
    coded = scan + 2 + int.from_bytes(jpeg[scan + 2 : scan + 4], "big")
    at = content.index(jpeg)
    content = content.replace(struct.pack("<I", 0x0BADF00D), struct.pack("<I", at))
    for code, value in ((273, at + coded), (279, len(jpeg) - coded)):  # the strip is the coded part alone
        entry = content.index(struct.pack("<HHI", code, 4, 1))
        content = content[: entry + 8] + struct.pack("<I", value) + content[entry + 12 :]
    assert np.abs(pixels_of(content).astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_page_is_turned_as_a_photograph_is(write_tiff, grey, orientation):
    file = write_tiff("a.tif", grey, extratags=[(274, 3, 1, orientation, True)])
    photograph = Image.fromarray(grey)
    photograph.getexif()[274] = orientation
    assert np.array_equal(read_micrograph(file).pixels, np.asarray(ImageOps.exif_transpose(photograph)))


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_a_turned_page_that_is_read_by_bands_lies_as_one_that_is_read_whole(write_tiff, grey, orientation, monkeypatch):
    file = write_tiff("a.tif", grey, compression="zlib", rowsperstrip=17, extratags=[(274, 3, 1, orientation, True)])
    whole = read_micrograph(file).pixels
    monkeypatch.setattr(micrograph_module, "REGIONS_PX", 1)
    regions = read_micrograph(file).regions
    assert np.array_equal(regions[0:300], whole)
    assert np.array_equal(regions[41:97], whole[41:97])


def test_a_cameras_raw_mosaic_is_named_and_not_graded(write_tiff, grey):
    (row,) = read_micrographs(write_tiff("a.tif", grey, photometric=32803), GradeSettings())
    assert "raw mosaic" in row.reason


def test_bilevel_pages_are_an_eighth_of_a_byte_a_pixel_to_the_check_for_bombs(tmp_path, as_file):
    row, col = np.indices((2400, 3200))
    Image.fromarray((row // 1200 + col // 1600) % 2 == 0).save(tmp_path / "a.tif", compression="group4")
    assert (tmp_path / "a.tif").stat().st_size * 2000 < 2400 * 3200
    assert read_micrograph(as_file(tmp_path / "a.tif")).pixels.shape == (2400, 3200)
