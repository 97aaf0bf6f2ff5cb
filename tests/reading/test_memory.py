"""A file takes no more memory than its pixels need, whatever it promises, and one page at a time."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import numpy as np
import pytest
import tifffile
from helpers.predictors import FakePredictor
from PIL import Image

from gdest.core.errors import MicrographError
from gdest.core.records import Failed, Micrograph
from gdest.core.settings import GradeSettings
from gdest.grading import grade_files
from gdest.reading import micrograph, page as page_module
from gdest.reading.micrograph import read_micrograph, read_micrographs
from gdest.reading.page import ONE_PIECE_BYTES, Page


def ome(images, planes="1", more="", sizes=("0.5",)):
    pixels = "".join(
        f'<Image ID="Image:{number}"><Pixels ID="Pixels:{number}" DimensionOrder="XYZCT" Type="uint8" SizeX="400"'
        f' SizeY="300" SizeZ="{planes}" SizeC="1" SizeT="1" PhysicalSizeX="{sizes[number % len(sizes)]}"'
        f' PhysicalSizeY="{sizes[number % len(sizes)]}"><Channel ID="Channel:0:0"'
        f' SamplesPerPixel="1"/><TiffData {more}/></Pixels></Image>'
        for number in range(images)
    )
    return f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{pixels}</OME>'


@pytest.mark.parametrize(
    ("images", "planes", "more"),
    [
        (1, "10000000", ""),
        (200, "100000", ""),
        (1, "1", 'NumPlanes="10000000"'),
        (1, "2", 'IFD="0" PlaneCount="9999999"'),
    ],
)
def test_planes_that_ome_xml_promises_and_the_file_does_not_hold_take_no_memory(
    tmp_path, as_file, grey, images, planes, more
):
    """Ten million take 80 MB of a list alone."""
    tifffile.imwrite(tmp_path / "a.ome.tif", grey, description=ome(images, planes, more), metadata=None)
    tracemalloc.start()
    try:
        (found,) = read_micrographs(as_file(tmp_path / "a.ome.tif"), GradeSettings())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 20_000_000
    assert np.array_equal(found.pixels, grey)
    assert (found.um_per_px, found.um_per_px_source) == (0.5, "ome-xml")


def test_of_pictures_that_are_not_there_no_other_ones_pixel_size_is_taken(tmp_path, as_file, grey):
    content = ome(2, "10000000", sizes=("0.5", "0.2"))
    tifffile.imwrite(tmp_path / "a.ome.tif", grey, description=content, metadata=None)
    assert read_micrograph(as_file(tmp_path / "a.ome.tif")).um_per_px is None


def test_a_series_that_was_broken_off_is_read_by_its_xml(tmp_path, as_file, grey):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as tiff:
        tiff.write(grey, description=ome(1, "900"), metadata=None)
        tiff.write(grey, metadata=None)
    found = list(read_micrographs(as_file(tmp_path / "a.ome.tif"), GradeSettings()))
    assert [one.um_per_px for one in found] == [0.5, 0.5]


@pytest.mark.parametrize("kind", ["tif", "gif"])
def test_no_page_holds_its_pixels_while_the_next_one_is_decoded(tmp_path, as_file, rng, kind, monkeypatch):
    pages = rng.integers(0, 256, (4, 240, 250), dtype=np.uint8)
    if kind == "tif":
        tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    else:
        first, *others = (Image.fromarray(page) for page in pages)
        first.save(tmp_path / "a.gif", save_all=True, append_images=others)
    kept, whole = [], micrograph._micrograph

    def watched(*arguments):
        gc.collect()
        assert [one() for one in kept if one() is not None] == []
        found = whole(*arguments)
        kept.append(weakref.ref(found.pixels))
        return found

    monkeypatch.setattr(micrograph, "_micrograph", watched)

    def finish(row):
        assert row.micrograph.pixels.shape == (240, 250)
        return Failed(row.micrograph.file, "", None, "")

    predictor = FakePredictor(lambda tiles: 5.0 + tiles.mean(axis=(1, 2)) / 50)
    ((_, rows),) = grade_files([as_file(tmp_path / f"a.{kind}")], predictor, GradeSettings(), finish=finish)
    assert len(rows) == len(kept) == 4


def test_a_row_without_its_pixels_still_tells_its_size(grey):
    found = Micrograph(None, grey, 1.0, "", "")
    assert (found.without_pixels().rows, found.without_pixels().cols) == grey.shape
    assert found.without_pixels().pixels.size == 0


def test_a_page_is_refused_in_one_piece_by_what_decoding_it_takes():
    just = int((ONE_PIECE_BYTES / 5) ** 0.5)

    def checked(side, **about):
        Page(side, side, (), lambda: None, **about).check(1500.0, 10**9)

    checked(just, pixel_bytes=2)
    for about in ({"pixel_bytes": 2.1}, {"pixel_bytes": 1, "decoding_bytes": 4.1}):
        with pytest.raises(MicrographError, match=r"take 1\.\d GB in one piece, the limit is 1\.6 GB; a TIFF in tiles"):
            checked(just, **about)
    checked(just, pixel_bytes=8, decode_rows=lambda _top, _bottom: None)
    with pytest.raises(MicrographError, match="the limit is 400 megapixels"):
        checked(20_001, decode_rows=lambda _top, _bottom: None, held_bytes=1)


@pytest.mark.parametrize(
    ("mode", "kind"), [("L", "png"), ("RGB", "jpg"), ("RGBA", "png"), ("P", "png"), ("CMYK", "jpg")]
)
def test_a_large_picture_in_bands_has_the_pixels_that_it_has_whole(tmp_path, as_file, rng, monkeypatch, mode, kind):
    picture = Image.fromarray(rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)).convert(mode)
    picture.save(tmp_path / f"a.{kind}")
    whole = read_micrograph(as_file(tmp_path / f"a.{kind}"))
    monkeypatch.setattr(micrograph, "REGIONS_PX", 1000)
    monkeypatch.setattr("gdest.reading.grey.BAND_PX", 400 * 37)
    banded = read_micrograph(as_file(tmp_path / f"a.{kind}"))
    assert whole.regions is None
    assert np.array_equal(banded.regions[0:300], whole.pixels)
    assert np.array_equal(whole.pixels, read_micrograph(as_file(tmp_path / f"a.{kind}")).regions[0:300])


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_a_large_picture_that_lies_on_its_side_stands_up(tmp_path, as_file, rng, monkeypatch, kind):
    picture = Image.fromarray(rng.integers(0, 256, (300, 400), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / f"a.{kind}", exif=exif, quality=100)
    monkeypatch.setattr(micrograph, "REGIONS_PX", 1000)
    monkeypatch.setattr(page_module, "IN_BANDS_BYTES", 1)
    found = read_micrograph(as_file(tmp_path / f"a.{kind}"))
    assert (found.rows, found.cols) == (400, 300)
