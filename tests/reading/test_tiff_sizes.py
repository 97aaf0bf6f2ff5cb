"""What a TIFF says of its pixel size, in every dialect, and what of it does not count."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile

from gdest.reading.micrograph import read_micrograph


def tagged(tmp_path, as_file, grey, *tags, name="t.tif"):
    tifffile.imwrite(
        tmp_path / name, grey, extratags=[(*tag, True) for tag in tags], resolution=(72, 72), metadata=None
    )
    read = read_micrograph(as_file(tmp_path / name))
    return read.um_per_px, read.um_per_px_source


def test_a_zeiss_tag_gives_the_size_of_an_image_pixel_not_of_the_scan(tmp_path, as_file, grey):
    text = "\r\n0\r\nAP_PIXEL_SIZE\r\nPixel Size = 319.0 nm\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 159.5 nm\r\n"
    assert tagged(tmp_path, as_file, grey, (34118, 2, 0, text)) == (pytest.approx(0.1595, rel=1e-3), "zeiss-tag")


def test_fei_and_thermo_tags_give_metres(tmp_path, as_file, grey):
    text = "[User]\r\nDate=1\r\n\r\n[Scan]\r\nPixelWidth=2.5e-007\r\nPixelHeight=2.5e-007\r\n"
    assert tagged(tmp_path, as_file, grey, (34682, 2, 0, text)) == (pytest.approx(0.25, rel=1e-3), "fei-tag")


def test_an_olympus_sis_tag_gives_the_size_where_the_resolution_is_a_screens(tmp_path, as_file, grey):
    header = struct.pack("<4s6xhhhhh6x32sH", b"SIS0", 0, 0, 1, 0, 100, b"etch", 1)
    general = struct.pack("<10xhdd8xd2x34s32s", -6, 0.352, 0.352, 20.0, b"camera", b"picture")
    path, here = tmp_path / "t.tif", 0x0BADF00D
    extratags = [(33560, 4, 1, here, True)]
    tifffile.imwrite(path, grey, extratags=extratags, resolution=(72, 72), resolutionunit="INCH", metadata=None)
    content = path.read_bytes()
    assert content.count(struct.pack("<I", here)) == 1
    end = len(content)
    content = content.replace(struct.pack("<I", here), struct.pack("<I", end))
    path.write_bytes(content + header + struct.pack("<hhI", 1, 1, end + len(header) + 8) + general)
    read = read_micrograph(as_file(path))
    assert (read.um_per_px, read.um_per_px_source) == (pytest.approx(0.352, rel=1e-3), "olympus-tag")


def test_nikons_and_leicas_xml_give_the_size(tmp_path, as_file, grey):
    nikon = b'<variant><dCalibration runtype="double" value="0.3225"/></variant>'
    found = tagged(tmp_path, as_file, grey, (65332, 7, len(nikon), nikon))
    assert found == (pytest.approx(0.3225, rel=1e-3), "nikon-tag")
    leica = (
        '<Data><Image><DimensionDescription DimID="X" NumberOfElements="401" Length="200" Unit="um"/>'
        '<DimensionDescription DimID="Y" NumberOfElements="301" Length="150" Unit="um"/></Image></Data>'
    )
    tifffile.imwrite(tmp_path / "l.tif", grey, description=leica, metadata=None)
    read = read_micrograph(as_file(tmp_path / "l.tif"))
    assert (read.um_per_px, read.um_per_px_source) == (pytest.approx(0.5, rel=1e-3), "leica-tag")


def test_ome_xml_in_other_units_counts_and_wins_over_the_resolution(tmp_path, as_file, grey):
    size = {"PhysicalSizeX": 325.0, "PhysicalSizeY": 325.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}
    options = {"resolution": (1e4 / 0.65, 1e4 / 0.65), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(tmp_path / "a.ome.tif", grey, ome=True, metadata={"axes": "YX", **size}, **options)
    read = read_micrograph(as_file(tmp_path / "a.ome.tif"))
    assert (read.um_per_px, read.um_per_px_source) == (pytest.approx(0.325), "ome-xml")
    assert "0.325 um/px (ome-xml), 0.65 um/px (tiff-resolution)" in read.doubts[0]


def test_damaged_tags_say_nothing(tmp_path, as_file, grey):
    assert tagged(tmp_path, as_file, grey, (34682, 2, 0, "[Scan]\r\nPixelWidth=wide\r\n")) == (None, "")
    assert tagged(tmp_path, as_file, grey, (34118, 2, 0, "AP_IMAGE_PIXEL_SIZE\r\nnothing")) == (None, "")


def test_a_tag_that_is_not_square_says_nothing(write_tiff):
    pixels = np.zeros((300, 400), np.uint8)
    file = write_tiff("a.tif", pixels, None, resolution=(10000, 9000), resolutionunit="CENTIMETER")
    read = read_micrograph(file)
    assert read.um_per_px is None
    assert read.doubts == ("1 um/px (tiff-resolution) left out: its pixels are not square (1 x 1.111 um)",)


def told_by_tiff(tmp_path, as_file, **options):
    tifffile.imwrite(tmp_path / "t.tif", np.zeros((300, 400), np.uint8), **options)
    read = read_micrograph(as_file(tmp_path / "t.tif"))
    return read.um_per_px, read.doubts


def test_inches_in_an_imagej_file_are_the_bare_resolution_of_another_program(tmp_path, as_file):
    def told(unit, per_unit):
        return told_by_tiff(tmp_path, as_file, imagej=True, resolution=(per_unit,) * 2, metadata={"unit": unit})

    assert told("inch", 1200) == told("cm", 472.44) == (None, ())
    assert told("um", 2.0) == (pytest.approx(0.5), ())
    assert told("inch", 50_800) == (pytest.approx(0.5), ())


def test_a_printers_resolution_that_a_program_made_a_pixel_size_is_left_out_and_said(tmp_path, as_file):
    def told(um):
        size = {f"PhysicalSize{axis}{what}": value for axis in "XY" for what, value in (("", um), ("Unit", "um"))}
        return told_by_tiff(tmp_path, as_file, ome=True, metadata={"axes": "YX", **size})

    um, (doubt,) = told(25_400 / 1200)
    assert um is None
    assert doubt == "21.167 um/px (ome-xml) left out: 1200 dpi is the resolution of a screen, printer or scanner"
    assert told(10.0) == (10.0, ())


def test_a_damaged_tag_is_said_and_one_that_is_empty_is_not(tmp_path, as_file, grey):
    def doubts(text):
        tagged(tmp_path, as_file, grey, (34682, 2, 0, text))
        return read_micrograph(as_file(tmp_path / "t.tif")).doubts

    assert doubts("[Scan]\r\nPixelWidth=wide\r\n") == ("the pixel size (fei-tag) left out: it cannot be read",)
    assert doubts("[Scan]\r\nPixelWidth=0\r\n") == ()
