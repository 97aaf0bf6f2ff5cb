from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import roifile
import tifffile
from helpers.counted_steel import borders, grain_map
from PIL import Image
from scipy import ndimage

from gdest.core import BoundaryField, DataError, ImageFile, Micrograph, SettingsError
from gdest.reports import boundary_files
from gdest.reports.boundary_files import (
    CountedField,
    boundary_picture,
    grain_outlines,
    read_corrected,
    require_rois,
    whole_labels,
    write_boundaries,
    write_geojson,
    write_labels,
    write_rois,
)


def counted_field(labels, cell_px=1.0, top=0.0, left=0.0):
    """Return a part whose boundaries lie between the grains of a label map, with their probability."""
    grain = np.where(borders(labels), 255, 0).astype(np.uint8)
    nothing = np.zeros_like(grain)
    return CountedField(BoundaryField(grain, nothing, nothing, cell_px, top, left), labels)


def micrograph(rows, cols, **known):
    return Micrograph(ImageFile(None, "a.tif"), np.full((rows, cols), 128, np.uint8), 0.5, "test", "", **known)


def regions(field):
    """Return how many pieces the lines of a field cut its px into."""
    return ndimage.label(field.grain == 0)[1]


@pytest.fixture
def labels(rng):
    """Eight grains without a gap."""
    return grain_map(rng, 120, 160, 8)


def test_a_boundary_map_that_is_read_back_parts_the_same_grains(labels, tmp_path):
    write_boundaries([counted_field(labels)], (120, 160), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (160, 120)
        assert set(np.unique(np.asarray(picture.convert("L")))) == {0, 255}
    field = read_corrected(tmp_path / "a.png", micrograph(120, 160))
    assert (field.cell_px, field.usable) == (1.0, None)
    assert set(np.unique(field.grain)) == {0, 255}
    assert not field.twin.any() and not field.particle.any()
    assert regions(field) == 8
    inside = ndimage.label(field.grain == 0)[0]
    for piece in range(1, 9):
        assert len(np.unique(labels[inside == piece])) == 1


def test_a_line_that_a_person_draws_or_wipes_out_counts(labels, tmp_path):
    write_boundaries([counted_field(labels)], (120, 160), tmp_path / "a.png")
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("L")).copy()
    two = labels == labels[60, 80]
    pixels[60][two[60]] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert regions(read_corrected(tmp_path / "a.png", micrograph(120, 160))) == 9
    pixels[:] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert regions(read_corrected(tmp_path / "a.png", micrograph(120, 160))) == 1


def test_a_drawing_on_a_transparent_ground_is_on_white(tmp_path):
    pixels = np.zeros((30, 40, 4), np.uint8)
    pixels[:, 20, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = read_corrected(tmp_path / "a.png", micrograph(30, 40)).grain
    assert found[:, 20].all() and set(np.argwhere(found)[:, 1]) <= {19, 20, 21}


def test_a_line_of_one_pixel_parts_two_grains_though_it_runs_askew(tmp_path):
    pixels = np.full((60, 60), 255, np.uint8)
    np.fill_diagonal(pixels, 0)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert regions(read_corrected(tmp_path / "a.png", micrograph(60, 60))) == 2


@pytest.mark.parametrize("grains", [8, 70_000])
def test_a_label_tiff_holds_each_grain_and_the_pixel_size(labels, grains, tmp_path):
    part = counted_field(labels)
    if grains > 1 << 16:
        part = replace(part, labels=labels + 70_000 - labels.max())
    write_labels([part], (120, 160), 0.5, tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        page = tiff.pages[0]
        assert page.dtype == (np.uint16 if grains == 8 else np.uint32)
        assert np.array_equal(page.asarray(), part.labels)
        assert page.tags["XResolution"].value[0] / page.tags["XResolution"].value[1] == 20_000  # px per cm
    field = read_corrected(tmp_path / "a.tif", micrograph(120, 160))
    assert regions(field) == 8
    assert field.usable.all()


def test_gaps_between_labelled_grains_are_one_line_and_wide_ones_show_no_grains(tmp_path):
    labels = np.ones((60, 90), np.uint16)
    labels[:, 30:], labels[:, 27:31] = 2, 0  # a gap of four
    labels[:, 60:] = 0
    tifffile.imwrite(tmp_path / "a.tif", labels)
    field = read_corrected(tmp_path / "a.tif", micrograph(60, 90))
    columns = np.flatnonzero(field.grain.all(axis=0))
    assert len(columns) == 4 and 27 <= columns[0] <= 30 and 60 <= columns[2] <= 67
    assert field.usable[:, :60].all() and not field.usable[:, 67:].any()


def test_a_tiff_of_8_bits_is_a_picture(tmp_path):
    pixels = np.full((30, 40), 255, np.uint8)
    pixels[:, 20] = 0
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    assert regions(read_corrected(tmp_path / "a.tif", micrograph(30, 40))) == 2


def test_labels_of_imagej_which_are_floats_are_read(tmp_path, labels):
    tifffile.imwrite(tmp_path / "a.tif", labels.astype(np.float32), imagej=True)
    assert regions(read_corrected(tmp_path / "a.tif", micrograph(120, 160))) == 8


def test_what_is_no_metal_is_not_usable_in_a_corrected_map_either(tmp_path):
    Image.new("L", (100, 70), "white").save(tmp_path / "a.png")
    covered = np.zeros((5, 7), bool)
    covered[4] = True
    field = read_corrected(tmp_path / "a.png", micrograph(70, 100, not_metal=covered, cell_px=16))
    assert field.usable.shape == (70, 100)
    assert field.usable[:64].all() and not field.usable[64:].any()


def broken(path):
    path.write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("a.png", broken, "cannot be read"),
        ("a.tif", broken, "cannot be read"),
        ("a.png", lambda _path: None, "cannot be read"),
        ("a.png", Image.new("L", (40, 31), "white").save, "is 40x31 px, the micrograph 40x30 px"),
        ("a.png", Image.new("L", (40, 30), "black").save, "more than half of it is dark"),
        ("a.tif", lambda path: tifffile.imwrite(path, np.zeros((31, 40), np.uint16)), "40x31 px"),
        ("a.tif", lambda path: tifffile.imwrite(path, np.full((30, 40), 0.5, np.float32)), "other numbers than those"),
        ("a.tif", lambda path: tifffile.imwrite(path, np.full((30, 40), -1, np.int16)), "other numbers than those"),
    ],
)
def test_a_corrected_map_that_cannot_be_meant_is_one_sentence(name, make, sentence, tmp_path):
    make(tmp_path / name)
    with pytest.raises(DataError, match=sentence):
        read_corrected(tmp_path / name, micrograph(30, 40))


def test_cells_are_spread_over_their_pixels_and_parts_are_numbered_on():
    one, two = np.array([[1, 0], [0, 2]], np.int32), np.array([[1]], np.int32)
    parts = [counted_field(one, 2.0), counted_field(two, 2.0, top=4.0, left=4.0)]
    found = whole_labels(parts, (7, 7))
    assert found[:4, :4].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 2, 2], [0, 0, 2, 2]]
    assert (found[4:6, 4:6] == 3).all()
    assert found[6].sum() == found[:, 6].sum() == 0
    assert [number for number, _, _ in grain_outlines(parts)] == [1, 2, 3]


def test_boundaries_that_close_no_grain_are_in_the_picture_too():
    labels = np.zeros((20, 20), np.int32)
    part = counted_field(labels)
    part.field.grain[10, 3:9] = 200
    part.field.grain[15, 3:9] = 100  # less likely than not
    black = boundary_picture([part], (20, 20)) == 0
    assert np.argwhere(black).tolist() == [[10, col] for col in range(3, 9)]


def test_a_gap_between_grains_is_one_thin_line_however_wide_the_map_draws_it(labels):
    part = counted_field(labels, 2.0)
    wide = ndimage.binary_dilation(part.field.grain > 0, iterations=2)
    part.field.grain[wide] = 200
    gaps = CountedField(part.field, np.where(wide, 0, labels).astype(np.int32))
    black = boundary_picture([gaps], (240, 320)) == 0
    assert ndimage.label(~black)[1] == 8
    assert not ndimage.binary_erosion(black, np.ones((5, 5))).any()
    assert abs(black.sum() / (boundary_picture([part], (240, 320)) == 0).sum() - 1.0) < 0.2


def test_an_outline_encloses_its_grain_in_px_of_the_file():
    labels = np.zeros((20, 30), np.int32)
    labels[5:15, 10:25] = 7
    ((number, outline, area),) = grain_outlines([counted_field(labels, 2.0, top=100.0, left=50.0)])
    assert (number, area) == (7, 10 * 15 * 4)
    assert outline.min(axis=0).tolist() == [50 + 20, 100 + 10]  # x before y
    assert outline.max(axis=0).tolist() == [50 + 50, 100 + 30]
    assert outline[0].tolist() == outline[-1].tolist()


def test_a_grain_with_a_hole_has_its_outer_rim():
    labels = np.ones((30, 30), np.int32)
    labels[10:20, 10:20] = 0
    ((_, outline, area),) = grain_outlines([counted_field(labels)])
    assert outline.min() == 0 and outline.max() == 30
    assert area == 800


def test_qupath_gets_a_closed_polygon_per_grain(labels, tmp_path):
    write_geojson([counted_field(labels)], 0.5, tmp_path / "a.geojson")
    read = json.loads((tmp_path / "a.geojson").read_text())
    assert read["type"] == "FeatureCollection"
    assert len(read["features"]) == 8
    areas = {}
    for feature in read["features"]:
        (ring,) = feature["geometry"]["coordinates"]
        assert feature["geometry"]["type"] == "Polygon" and ring[0] == ring[-1]
        assert feature["properties"]["objectType"] == "annotation"
        areas[int(feature["properties"]["name"])] = feature["properties"]["measurements"]["area um2"]
    assert areas == {number: np.count_nonzero(labels == number) * 0.25 for number in range(1, 9)}
    write_geojson([counted_field(labels)], None, tmp_path / "b.geojson")
    assert "measurements" not in (tmp_path / "b.geojson").read_text()


def test_imagej_gets_a_region_per_grain(labels, tmp_path):
    parts = [counted_field(labels)]
    write_rois(parts, tmp_path / "a.zip")
    write_rois(parts, tmp_path / "a.zip")  # again: replaced, not added to
    rois = roifile.roiread(tmp_path / "a.zip")
    assert [roi.name for roi in rois] == [f"{number:05d}" for number in range(1, 9)]
    for roi, (_, outline, _) in zip(rois, grain_outlines(parts), strict=True):
        assert np.allclose(roi.coordinates(), outline[:-1], atol=0.01)


def test_without_the_writer_of_regions_the_extra_is_named(monkeypatch):
    require_rois()
    monkeypatch.setattr(boundary_files, "find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match=r"--rois needs roifile: pip install 'gdest\[roi\]'"):
        require_rois()
