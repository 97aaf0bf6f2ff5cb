from __future__ import annotations

import errno
import hashlib
import os

import numpy as np
import pytest
import tifffile
from PIL import Image

from gdest.core.calibration import CalibrationSettings
from gdest.core.errors import MicrographError, SettingsError
from gdest.core.settings import GradeSettings
from gdest.reading.grey import grey_8_bit
from gdest.reading.micrograph import read_micrograph, read_micrographs

LUMA = np.array([0.299, 0.587, 0.114])


@pytest.fixture
def saved(tmp_path, as_file):
    def save(name, image, **options):
        image.save(tmp_path / name, **options)
        return as_file(tmp_path / name)

    return save


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_grey_8_bit_comes_back_as_it_was(saved, grey, suffix):
    assert np.array_equal(read_micrograph(saved(f"a.{suffix}", Image.fromarray(grey))).pixels, grey)


def test_jpeg_is_read_within_its_own_loss(saved):
    smooth = np.tile(np.linspace(20, 230, 400).astype(np.uint8), (300, 1))
    pixels = read_micrograph(saved("a.jpg", Image.fromarray(smooth), quality=95)).pixels
    assert np.abs(pixels.astype(int) - smooth).max() <= 3


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colour_becomes_luma_and_alpha_is_dropped(saved, rng, suffix):
    rgba = rng.integers(0, 256, (300, 400, 4), dtype=np.uint8)
    expected = np.round(rgba[:, :, :3] @ LUMA)
    for mode, samples in (("RGBA", rgba), ("RGB", rgba[:, :, :3].copy())):
        pixels = read_micrograph(saved(f"{mode}.{suffix}", Image.fromarray(samples, mode))).pixels
        assert np.abs(pixels - expected).max() <= 1


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_palette_images_are_read_through_their_palette(saved, grey, suffix):
    palette_image = Image.fromarray(255 - grey)
    palette_image = palette_image.convert("P")
    palette_image.putpalette([255 - value // 3 for value in range(256) for _ in range(3)])
    expected = 255 - (255 - grey) // 3
    assert np.abs(read_micrograph(saved(f"p.{suffix}", palette_image)).pixels.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_16_bit_data_in_a_narrow_range_keep_their_contrast(tmp_path, as_file, rng, name):
    deep = (1000 + 200 * rng.random((300, 400))).astype(np.uint16)  # 12-bit camera, dark
    if name.endswith("png"):
        Image.fromarray(deep).save(tmp_path / name)
    else:
        tifffile.imwrite(tmp_path / name, deep)
    pixels = read_micrograph(as_file(tmp_path / name)).pixels
    assert pixels.min() == 0
    assert pixels.max() == 255
    assert np.corrcoef(pixels.ravel(), deep.ravel())[0, 1] > 0.999


def test_a_hot_pixel_does_not_darken_16_bit_data(rng):
    deep = (1000 + 200 * rng.random((300, 400))).astype(np.uint16)
    deep[0, 0] = 65535
    assert grey_8_bit(deep).std() > 50


def test_planar_and_big_endian_and_compressed_tiff(write_tiff, rng):
    rgb = rng.integers(0, 256, (3, 300, 400), dtype=np.uint8)
    expected = np.round(np.moveaxis(rgb, 0, -1) @ LUMA)
    planar = write_tiff("planar.tif", rgb, photometric="rgb", planarconfig="separate")
    assert np.abs(read_micrograph(planar).pixels - expected).max() <= 1
    big = write_tiff("big.tif", rgb[0], byteorder=">", compression="zlib")
    assert np.array_equal(read_micrograph(big).pixels, rgb[0])


def test_min_is_white_is_turned_round(write_tiff, grey):
    assert np.array_equal(read_micrograph(write_tiff("w.tif", 255 - grey, photometric="miniswhite")).pixels, grey)


@pytest.mark.parametrize("um_per_px", [0.1479, 0.645, 1.0, 2.5])
def test_tiff_resolution_in_cm_and_inch_gives_the_pixel_size(write_tiff, grey, um_per_px):
    for unit, um in (("CENTIMETER", 1e4), ("INCH", 25400.0)):
        file = write_tiff(f"{unit}.tif", grey, None, resolution=(um / um_per_px, um / um_per_px), resolutionunit=unit)
        read = read_micrograph(file)
        assert read.um_per_px == pytest.approx(um_per_px, rel=1e-3)
        assert read.um_per_px_source == "tiff-resolution"


@pytest.mark.parametrize(
    ("resolution", "unit"),
    [*(((dpi, dpi), "INCH") for dpi in (72, 96, 300, 360, 400, 1200, 2400, 2540, 4999, 6400, 9600, 16_000, 20_000)),
     *(((per_cm, per_cm), "CENTIMETER") for per_cm in (28.35, 118.11, 236, 1968, 3780)),
     ((25_400 / 6.45, 25_400 / 6.45), "INCH"), ((1, 1), "INCH"), ((1, 1), "NONE"),
     ((25400, 25400), "NONE"), ((10000, 5000), "CENTIMETER"), ((1e7, 1e7), "CENTIMETER")],
)  # fmt: skip
def test_screen_printer_odd_and_impossible_resolutions_are_no_pixel_size(write_tiff, resolution, unit):
    pixels = np.zeros((230, 240), np.uint8)  # at 150 dpi 41 mm: small enough that the field is plausible
    read = read_micrograph(write_tiff("r.tif", pixels, None, resolution=resolution, resolutionunit=unit))
    assert read.um_per_px is None
    assert read.um_per_px_source == ""


@pytest.mark.parametrize("dpi", [5004, 12_700, 19_990, 25_400, 50_800, 100_000])
def test_fine_resolutions_that_are_not_round_are_a_pixel_size(write_tiff, dpi):
    read = read_micrograph(write_tiff("r.tif", np.zeros((230, 240), np.uint8), 25_400 / dpi))
    assert (read.um_per_px, read.um_per_px_source) == (pytest.approx(25_400 / dpi, rel=1e-3), "tiff-resolution")


def test_the_command_line_wins_over_the_tag(write_tiff, grey):
    file = write_tiff("a.tif", grey, 1.0)
    read = read_micrograph(file, CalibrationSettings(um_per_px=0.3))
    assert (read.um_per_px, read.um_per_px_source) == (0.3, "command-line")
    assert read_micrograph(file, CalibrationSettings(magnification=20, camera_um=3.45)).um_per_px == 3.45 / 20


def test_a_stated_pixel_size_that_makes_no_micrograph_is_refused(write_tiff, grey):
    with pytest.raises(MicrographError, match="field"):
        read_micrograph(write_tiff("a.tif", grey), CalibrationSettings(um_per_px=400.0))


@pytest.mark.parametrize(
    "wrong", [{"magnification": 10.0}, {"um_per_px": -1.0}, {"um_per_px": 1.0, "magnification": 1.0, "camera_um": 1.0}]
)
def test_half_a_calibration_is_refused(wrong):
    with pytest.raises(SettingsError):
        CalibrationSettings(**wrong)


def refused(file):
    with pytest.raises(MicrographError) as caught:
        read_micrograph(file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_empty_missing_and_text_files_are_named_for_what_they_are(tmp_path, as_file):
    (tmp_path / "empty.tif").touch()
    (tmp_path / "text.tif").write_text("Schliff 4711, siehe Prüfbuch")
    (tmp_path / "folder.tif").mkdir()
    assert "empty" in refused(as_file(tmp_path / "empty.tif"))
    assert "not an image" in refused(as_file(tmp_path / "text.tif"))
    assert "cannot be read" in refused(as_file(tmp_path / "missing.tif"))
    assert "cannot be read" in refused(as_file(tmp_path / "folder.tif"))


@pytest.mark.parametrize("name", ["a.tif", "packed.tif", "a.png", "a.jpg", "a.bmp"])
@pytest.mark.parametrize("kept", [0.01, 0.3, 0.6, 0.95])
def test_a_truncated_file_is_never_graded_on_half_its_pixels(tmp_path, as_file, grey, name, kept):
    whole = tmp_path / f"whole-{name}"
    if name == "packed.tif":
        tifffile.imwrite(whole, grey, compression="zlib")
    else:
        Image.fromarray(grey).save(whole)
    content = whole.read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * kept)])
    assert refused(as_file(tmp_path / name))


def test_an_image_smaller_than_a_tile_is_refused_with_its_size(saved):
    message = refused(saved("small.png", Image.new("L", (400, 223))))
    assert "400x223" in message


def test_a_header_that_promises_too_many_pixels_is_refused(saved):
    file = saved("large.png", Image.new("L", (3000, 2000)))
    with pytest.raises(MicrographError, match="megapixels"):
        read_micrograph(file, max_megapixels=5.0)


@pytest.mark.parametrize("number", [errno.EIO, errno.ETIMEDOUT, errno.ESTALE])
def test_a_read_that_fails_is_a_row_that_the_next_scan_tries_again(saved, grey, monkeypatch, number):
    def broken(_stream, _name):
        raise OSError(number, os.strerror(number))

    file = saved("a.png", Image.fromarray(grey))
    monkeypatch.setattr(hashlib, "file_digest", broken)
    (row,) = read_micrographs(file, GradeSettings())
    assert (row.reason, row.again) == (f"cannot be read: {os.strerror(number)}", True)


def test_a_picture_keeps_its_colours_to_be_shown_and_a_grey_one_has_none(saved):
    rows, cols = np.mgrid[:1200, :3600]
    coloured = np.stack([rows % 256, cols % 256, np.full_like(rows, 90)], axis=2).astype(np.uint8)
    coloured[:600] = (200, 120, 40)
    colour = read_micrograph(saved("colour.png", Image.fromarray(coloured))).colour
    assert colour.shape == (400, 1200, 3) and colour.dtype == np.uint8
    assert colour[100, 600].tolist() == [200, 120, 40]
    three_greys = Image.fromarray(coloured[:, :, :1].repeat(3, axis=2))
    assert read_micrograph(saved("grey.png", three_greys)).colour is None
