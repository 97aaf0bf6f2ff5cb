"""Each page's own tags say how large its pixels are; a tag that cannot be read is never passed over in silence."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile
from helpers.predictors import FakePredictor

from gdest.core.calibration import CalibrationSettings
from gdest.core.settings import GradeSettings
from gdest.grading.pipeline import grade_micrographs
from gdest.reading.micrograph import read_micrograph, read_micrographs

SCREEN = {"resolution": (72, 72), "resolutionunit": "INCH", "metadata": None}


@pytest.fixture
def sizes_of(tmp_path, as_file):
    """Return a function that writes pages, each (pixels, options), and returns what is read of their sizes."""

    def read(*pages):
        with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
            for pixels, options in pages:
                writer.write(pixels, **{**SCREEN, **options})
        found = read_micrographs(as_file(tmp_path / "a.tif"), GradeSettings())
        return [(row.um_per_px and round(row.um_per_px, 5), row.um_per_px_source) for row in found]

    return read


def sem(text):
    data = f"0\r\n0\r\n0\r\n1e-6\r\n{text}".encode("cp1252")
    return {"extratags": [(34118, 7, len(data), data, True)]}


@pytest.mark.parametrize("cols", [512, 1024, 2048])
@pytest.mark.parametrize("width", ["AP_WIDTH\r\nWidth = 1024.0 \xb5m\r\n", ""])
def test_an_older_zeiss_sem_states_pixels_of_a_scan_1024_wide(sizes_of, cols, width):
    text = width + "AP_PIXEL_SIZE\r\nPixel Size = 1000.0 nm\r\n"
    assert sizes_of((np.zeros((300, cols), np.uint8), sem(text))) == [(1024 / cols, "zeiss-tag")]


def test_each_page_has_the_size_of_its_own_tag_and_none_of_anothers(sizes_of, grey):
    pages = [(grey, sem(f"AP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = {nm} nm\r\n")) for nm in (500.0, 1000.0)]
    assert sizes_of(*pages, (grey, {})) == [(0.5, "zeiss-tag"), (1.0, "zeiss-tag"), (None, "")]


def test_each_plane_of_an_imagej_stack_has_the_size_that_stands_once(tmp_path, as_file, rng):
    stack = rng.integers(0, 256, (3, 300, 400), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, resolution=(2, 2), metadata={"unit": "um", "axes": "ZYX"})
    found = list(read_micrographs(as_file(tmp_path / "a.tif"), GradeSettings()))
    assert [row.um_per_px for row in found] == [0.5] * 3


def test_imagej_pixels_that_are_not_square_say_nothing(tmp_path, as_file, grey):
    tifffile.imwrite(tmp_path / "a.tif", grey, imagej=True, resolution=(2.0, 1.0), metadata={"unit": "um"})
    assert read_micrograph(as_file(tmp_path / "a.tif")).um_per_px is None


def test_digital_micrograph_gives_a_size_and_its_unit(sizes_of, grey):
    unit = "\xb5m".encode("cp1252") + b"\0"
    tags = [(65003, 2, len(unit), unit, True), (65004, 2, len(unit), unit, True)]
    tags += [(65009, 12, 1, 0.645, True), (65010, 12, 1, 0.645, True)]
    assert sizes_of((grey, {"extratags": tags})) == [(0.645, "gatan-tag")]


@pytest.mark.parametrize(("state", "found"), [("on", (0.645, "metamorph-tag")), ("off", (None, ""))])
def test_metaxpress_writes_the_size_into_each_description(sizes_of, grey, state, found):
    text = "".join(
        f'<prop id="spatial-calibration-{name}" type="string" value="{value}"/>'
        for name, value in {"state": state, "x": 0.645, "y": 0.645, "units": "um"}.items()
    )
    assert sizes_of((grey, {"description": f"<MetaData>{text}</MetaData>"})) == [found]


def sis_pages(path, first, second):
    """Write two pages, of which the second has an Olympus SIS tag of 0.352 um/px."""
    here = 0x0BADF00D
    with tifffile.TiffWriter(path) as writer:
        writer.write(first, compression="jpeg" if first.ndim == 3 else None, **SCREEN)
        writer.write(second, extratags=[(33560, 4, 1, here, True)], **SCREEN)
    content = path.read_bytes()
    header = struct.pack("<4s6xhhhhh6x32sH", b"SIS0", 0, 0, 1, 0, 100, b"etch", 1)
    general = struct.pack("<10xhdd8xd2x34s32s", -6, 0.352, 0.352, 20.0, b"camera", b"picture")
    pointed = content.replace(struct.pack("<I", here), struct.pack("<I", len(content)))
    path.write_bytes(pointed + header + struct.pack("<hhI", 1, 1, len(content) + len(header) + 8) + general)


def test_the_jpeg_that_olympus_puts_before_the_picture_is_no_field_of_its_own(tmp_path, as_file, grey):
    deep = grey.astype(np.uint16) * 200
    sis_pages(tmp_path / "a.tif", np.dstack([grey] * 3), deep)
    (row,) = read_micrographs(as_file(tmp_path / "a.tif"), GradeSettings())
    assert row.um_per_px == pytest.approx(0.352)
    assert np.corrcoef(row.pixels.ravel(), grey.ravel())[0, 1] > 0.99
    sis_pages(tmp_path / "b.tif", grey, deep)
    assert [row.um_per_px for row in read_micrographs(as_file(tmp_path / "b.tif"), GradeSettings())] == [None, 0.352]


DAMAGED = {"extratags": [(34682, 2, 0, "[Scan]\r\nPixelWidth=wide\r\n", True)], "metadata": None}


def test_a_tag_that_cannot_be_read_sends_a_weaker_source_to_review(write_tiff, grey):
    (row,) = grade_micrographs([write_tiff("a.tif", grey, 1.0, **DAMAGED)], FakePredictor(6.0), GradeSettings())
    assert (row.status, row.micrograph.um_per_px_source) == ("review", "tiff-resolution")
    assert "(fei-tag) left out: it cannot be read" in row.reason


def test_a_tag_that_cannot_be_read_is_no_matter_where_the_user_states_the_size(write_tiff, grey):
    settings = GradeSettings(CalibrationSettings(um_per_px=1.0))
    (row,) = grade_micrographs([write_tiff("a.tif", grey, None, **DAMAGED)], FakePredictor(6.0), settings)
    assert row.status == "graded"
