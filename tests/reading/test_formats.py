"""What an independent writer wrote comes back as it was: pixels where the format is lossless, sizes within 0.1 %."""

from __future__ import annotations

import shutil
import subprocess

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from gdest.core.settings import GradeSettings
from gdest.reading.grey import grey_8_bit
from gdest.reading.micrograph import read_micrograph, read_micrographs

LUMA = np.array([0.299, 0.587, 0.114])


def tool(*names):
    """Return the command of the first of some programs that is really there; else skip the test."""
    for name in names:
        path = shutil.which(name)
        if path and "stand-in" not in subprocess.run([path, "-version"], capture_output=True, text=True).stderr:
            return path
    pytest.skip(f"{names[0]} is not installed")


def written(tmp_path, command, name, pixels):
    """Return the file that an independent program makes of pixels, which it gets as a plain TIFF."""
    tifffile.imwrite(tmp_path / "in.tif", pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack")
    command = [word.replace("IN", str(tmp_path / "in.tif")).replace("OUT", str(tmp_path / name)) for word in command]
    subprocess.run(command, check=True, capture_output=True)
    return tmp_path / name


def luma(rgb):
    return np.round(rgb[:, :, :3] @ LUMA)


@pytest.fixture
def rgb(rng):
    return rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits", "zstd"])
@pytest.mark.parametrize("layout", [{}, {"tile": (64, 96)}, {"rowsperstrip": 7}, {"byteorder": ">"}, {"bigtiff": True}])
def test_tiff_strips_tiles_byte_orders_and_compressions_are_lossless(write_tiff, grey, rgb, compression, layout):
    file = write_tiff("g.tif", grey, compression=compression, **layout)
    assert np.array_equal(read_micrograph(file).pixels, grey)
    file = write_tiff("c.tif", rgb, compression=compression, photometric="rgb", **layout)
    assert np.abs(read_micrograph(file).pixels - luma(rgb)).max() <= 1


@pytest.mark.parametrize("predictor", [False, True])
def test_planar_and_horizontally_differenced_tiff(write_tiff, rgb, predictor):
    planar = np.moveaxis(rgb, -1, 0)
    file = write_tiff(
        "p.tif", planar, photometric="rgb", planarconfig="separate", compression="lzw", predictor=predictor
    )
    assert np.abs(read_micrograph(file).pixels - luma(rgb)).max() <= 1


def test_jpeg_and_jpeg_2000_inside_tiff(write_tiff, grey):
    smooth = np.tile(np.linspace(20, 230, 400).astype(np.uint8), (300, 1))
    jpeg = read_micrograph(write_tiff("j.tif", smooth, compression="jpeg", compressionargs={"level": 95}))
    assert np.abs(jpeg.pixels.astype(int) - smooth).max() <= 3
    file = write_tiff("j2.tif", grey, compression="jpeg2000", compressionargs={"level": 0})
    assert np.array_equal(read_micrograph(file).pixels, grey)
    colour = np.repeat(smooth[:, :, None], 3, axis=2)
    file = write_tiff("jc.tif", colour, compression="jpeg", photometric="rgb", tile=(128, 128))
    assert np.abs(read_micrograph(file).pixels.astype(int) - smooth).max() <= 6


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_deep_data_keep_their_contrast_and_never_clip_to_black(write_tiff, rng, dtype):
    deep = (1000 + 200 * rng.random((300, 400))).astype(dtype)
    deep[0, 0] = 30_000  # a hot pixel
    pixels = read_micrograph(write_tiff("d.tif", deep)).pixels
    assert pixels.std() > 60
    assert np.corrcoef(pixels[1:].ravel(), deep[1:].ravel())[0, 1] > 0.999


def test_deep_data_are_stretched_between_their_percentiles_as_documented(rng):
    deep = rng.integers(0, 4096, (300, 400), dtype=np.uint16)
    low, high = np.percentile(deep, (0.1, 99.9))
    expected = np.round(np.clip((deep - low) / (high - low), 0, 1) * 255)
    assert np.abs(grey_8_bit(deep) - expected).max() <= 1


def test_one_and_four_bit_pixels_span_black_to_white(tmp_path, as_file, rng):
    bits = rng.integers(0, 2, (300, 400), dtype=np.uint8)
    Image.fromarray(bits * 255).convert("1").save(tmp_path / "1.tif")
    assert np.array_equal(read_micrograph(as_file(tmp_path / "1.tif")).pixels, bits * 255)
    nibbles = rng.integers(0, 16, (300, 400), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "4.tif", nibbles, bitspersample=4)
    assert np.array_equal(read_micrograph(as_file(tmp_path / "4.tif")).pixels, nibbles * 17)


def test_palette_cmyk_and_min_is_white_look_as_in_a_viewer(tmp_path, as_file, grey, rgb):
    colours = np.stack([np.arange(256), np.arange(256)[::-1], np.full(256, 90)]).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "p.tif", grey, photometric="palette", colormap=colours)
    shown = np.stack([grey, 255 - grey, np.full_like(grey, 90)], axis=2)
    assert np.abs(read_micrograph(as_file(tmp_path / "p.tif")).pixels - luma(shown)).max() <= 1
    ink = Image.fromarray(rgb).convert("CMYK")
    ink.save(tmp_path / "c.tif")
    assert np.abs(read_micrograph(as_file(tmp_path / "c.tif")).pixels - luma(rgb)).max() <= 1
    tifffile.imwrite(tmp_path / "w.tif", 65535 - grey.astype(np.uint16) * 257, photometric="miniswhite")
    assert np.abs(read_micrograph(as_file(tmp_path / "w.tif")).pixels.astype(int) - grey).max() <= 1


def test_ome_and_imagej_tiff_give_pixels_and_size(tmp_path, as_file, grey):
    size = {"PhysicalSizeX": 0.325, "PhysicalSizeY": 0.325, "PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", grey, ome=True, metadata={"axes": "YX", **size})
    ome = read_micrograph(as_file(tmp_path / "a.ome.tif"))
    assert np.array_equal(ome.pixels, grey)
    assert (ome.um_per_px, ome.um_per_px_source) == (pytest.approx(0.325, rel=1e-3), "ome-xml")
    tifffile.imwrite(tmp_path / "j.tif", grey, imagej=True, resolution=(1 / 0.65, 1 / 0.65), metadata={"unit": "um"})
    imagej = read_micrograph(as_file(tmp_path / "j.tif"))
    assert np.array_equal(imagej.pixels, grey)
    assert (imagej.um_per_px, imagej.um_per_px_source) == (pytest.approx(0.65, rel=1e-3), "imagej")


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.gif", "a.webp", "a.jp2"])
def test_grey_comes_back_exactly(tmp_path, as_file, grey, name):
    options = {"lossless": True} if name.endswith("webp") else {"irreversible": False} if name.endswith("jp2") else {}
    Image.fromarray(grey).save(tmp_path / name, **options)
    assert np.abs(read_micrograph(as_file(tmp_path / name)).pixels.astype(int) - grey).max() == 0


def test_deep_colour_png_and_jpeg_2000_keep_all_their_bits(tmp_path, as_file, rng):
    deep = (300 + 60 * rng.random((300, 400, 3))).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(deep))
    (tmp_path / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(deep, level=0))
    for name in ("a.png", "a.jp2"):
        assert np.abs(read_micrograph(as_file(tmp_path / name)).pixels.astype(int) - grey_8_bit(deep)).max() <= 1
    assert grey_8_bit(deep).std() > 30


def test_transparent_colours_progressive_cmyk_and_turned_jpeg(tmp_path, as_file, grey):
    Image.fromarray(grey).save(tmp_path / "t.png", transparency=7)
    assert np.array_equal(read_micrograph(as_file(tmp_path / "t.png")).pixels, grey)
    smooth = Image.fromarray(np.tile(np.linspace(20, 230, 400).astype(np.uint8), (300, 1)))
    smooth.save(tmp_path / "p.jpg", quality=95, progressive=True)
    smooth.convert("RGB").convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    for name in ("p.jpg", "c.jpg"):
        read = read_micrograph(as_file(tmp_path / name)).pixels.astype(int)
        assert np.abs(read - np.asarray(smooth)).max() <= 4
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by a quarter to see it upright
    smooth.save(tmp_path / "r.jpg", quality=95, exif=exif)
    turned = read_micrograph(as_file(tmp_path / "r.jpg")).pixels
    assert turned.shape == (400, 300)
    assert np.abs(turned.astype(int) - np.rot90(np.asarray(smooth), -1)).max() <= 3


@pytest.mark.parametrize(
    ("name", "options"),
    [("lzw.tif", ["-compress", "LZW"]), ("zip.tif", ["-compress", "Zip"]), ("rle.tif", ["-compress", "RLE"]),
     ("msb.tif", ["-endian", "MSB"]), ("tiled.tif", ["-define", "tiff:tile-geometry=64x64"]),
     ("inter.png", ["-interlace", "PNG"]), ("a.bmp", []), ("a.jp2", ["-quality", "100"]), ("a.gif", [])],
)  # fmt: skip
def test_imagemagick_files_come_back_exactly(tmp_path, as_file, grey, name, options):
    grey &= 0xF0  # ImageMagick merges close colours of a GIF
    path = written(tmp_path, [tool("magick", "/usr/bin/convert", "convert"), "IN", *options, "OUT"], name, grey)
    assert np.array_equal(read_micrograph(as_file(path)).pixels, grey)


def test_imagemagick_sizes_and_planar_colour(tmp_path, as_file, rgb):
    magick = tool("magick", "/usr/bin/convert", "convert")
    options = ["-units", "PixelsPerCentimeter", "-density", "15503.9", "-interlace", "Plane"]
    read = read_micrograph(as_file(written(tmp_path, [magick, "IN", *options, "OUT"], "p.tif", rgb)))
    assert np.abs(read.pixels - luma(rgb)).max() <= 1
    assert read.um_per_px == pytest.approx(0.645, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "options"),
    [("16.tif", ["-depth", "16"]), ("32.tif", ["-depth", "32", "-compress", "Zip"]), ("16.png", ["-depth", "16"]),
     ("xz.tif", ["-depth", "16", "-compress", "LZMA"]), ("16.jp2", ["-quality", "100"])],
)  # fmt: skip
def test_deep_imagemagick_files_come_back_exactly(tmp_path, as_file, rng, name, options):
    deep = rng.integers(0, 65536, (300, 400), dtype=np.uint16)
    path = written(tmp_path, [tool("magick", "/usr/bin/convert", "convert"), "IN", *options, "OUT"], name, deep)
    assert np.abs(read_micrograph(as_file(path)).pixels.astype(int) - grey_8_bit(deep)).max() <= 1


@pytest.mark.parametrize("kind", ["float", "double", "int"])
def test_what_libvips_casts_to_other_numbers_keeps_its_pixels(tmp_path, as_file, rng, kind):
    deep = rng.integers(0, 65536, (300, 400), dtype=np.uint16)
    path = written(tmp_path, [tool("vips"), "cast", "IN", "OUT", kind], "v.tif", deep)
    assert np.abs(read_micrograph(as_file(path)).pixels.astype(int) - grey_8_bit(deep)).max() <= 1


@pytest.mark.parametrize("options", ["compression=deflate,tile", "compression=lzw", "compression=zstd,bigtiff"])
def test_libvips_files_come_back_exactly_and_their_pyramids_are_one_micrograph(tmp_path, as_file, rng, options):
    vips = tool("vips")
    pixels = rng.integers(0, 256, (700, 900), dtype=np.uint8)
    # vips counts in pixels per mm
    command = [vips, "copy", "IN", f"OUT[{options},pyramid,xres=2000,yres=2000]"]
    path = written(tmp_path, command, "v.tif", pixels)
    (read,) = read_micrographs(as_file(path), GradeSettings())
    assert np.array_equal(read.pixels, pixels)
    assert read.um_per_px == pytest.approx(0.5, rel=1e-3)


def test_libvips_jpeg_tiff_is_read_within_its_loss(tmp_path, as_file):
    smooth = np.tile(np.linspace(20, 230, 400).astype(np.uint8), (300, 1))
    colour = np.stack([smooth, smooth // 2, 255 - smooth], axis=2)
    path = written(tmp_path, [tool("vips"), "copy", "IN", "OUT[compression=jpeg,Q=95,tile]"], "v.tif", colour)
    assert np.abs(read_micrograph(as_file(path)).pixels - luma(colour)).max() <= 4


@pytest.mark.parametrize(
    "options",
    [["-c", "lzw:2", "-r", "16"], ["-c", "zip", "-t", "-w", "64", "-l", "32"], ["-c", "packbits", "-B"], ["-8", "-L"]],
)
def test_files_of_libtiffs_own_tools_come_back_exactly(tmp_path, as_file, grey, options):
    path = written(tmp_path, [tool("tiffcp"), *options, "IN", "OUT"], "t.tif", grey)
    assert np.array_equal(read_micrograph(as_file(path)).pixels, grey)
