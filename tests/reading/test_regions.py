"""A micrograph that is read region by region gives the same answer as in one piece, in little memory."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from helpers.boundary_fields import voronoi
from helpers.predictors import CARD, FakePredictor
from scipy import ndimage

from gdest.core.errors import PassingError
from gdest.core.records import Failed
from gdest.core.settings import GradeSettings
from gdest.core.tiles import Regions, cut_parts
from gdest.grading import second_opinion
from gdest.grading.pipeline import grade_micrographs
from gdest.reading import micrograph
from gdest.reading.micrograph import read_micrograph
from gdest.reports.heatmap import draw_heatmap

LAYOUTS = {
    "strips": {},
    "rows": {"compression": "zlib", "rowsperstrip": 50},
    "tiles": {"tile": (96, 128), "compression": "lzw", "predictor": True},
    "jpeg": {"tile": (128, 128), "compression": "jpeg"},
    "big-endian": {"byteorder": ">"},
}


@pytest.fixture
def both_ways(monkeypatch, as_file):
    """Read a file in one piece, then by regions, as if it were too large."""

    def read(path):
        whole = read_micrograph(as_file(path))
        monkeypatch.setattr(micrograph, "REGIONS_PX", 1000)
        parts = read_micrograph(as_file(path))
        monkeypatch.undo()
        assert whole.regions is None
        assert isinstance(parts.regions, Regions)
        return whole, parts

    return read


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["grey", "deep", "colour", "planar"])
def test_regions_hold_the_pixels_of_the_whole(tmp_path, both_ways, rng, layout, kind):
    if layout == "jpeg" and kind in ("deep", "planar"):
        pytest.skip("JPEG has 8 bits and no planes")
    shape = {"colour": (700, 900, 3), "planar": (3, 700, 900)}.get(kind, (700, 900))
    pixels = rng.integers(0, 256, shape).astype(np.uint8)
    if kind == "deep":
        pixels = (pixels.astype(np.uint16) + 900) * 3
    options = {"photometric": "rgb"} if kind in ("colour", "planar") else {}
    options |= {"planarconfig": "separate"} if kind == "planar" else {}
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options, **LAYOUTS[layout])
    whole, parts = both_ways(tmp_path / "a.tif")
    assert (parts.rows, parts.cols) == (700, 900)
    assert np.array_equal(parts.regions[0:700], whole.pixels)
    assert np.array_equal(parts.regions[333:557], whole.pixels[333:557])
    assert np.array_equal(parts.pixels, whole.pixels)


def brightness(tiles):
    return 4.0 + tiles.mean(axis=(1, 2)) / 50.0 + tiles.std(axis=(1, 2)) / 100.0


@pytest.mark.parametrize("coarseness", [0.0, -5.0])
def test_the_answer_is_the_same_as_in_one_piece(tmp_path, as_file, monkeypatch, rng, coarseness):
    """The predictor answers by the pixels; -5 G makes grains look coarse, so that the picture is halved."""
    field = rng.integers(60, 200, (12, 15)).astype(np.uint8).repeat(75, axis=0).repeat(60, axis=1)
    pixels = field + rng.integers(0, 40, field.shape, dtype=np.uint8)
    pixels[-60:] = 0  # a banner
    pixels[:180, :180] = 255  # a reflection
    path = tmp_path / "a.tif"
    resolution = {"resolution": (1e4, 1e4), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, pixels, tile=(128, 128), compression="zlib", **resolution)
    predictor = FakePredictor(lambda tiles: brightness(tiles) + coarseness)
    (whole,) = grade_micrographs([as_file(path)], predictor, GradeSettings(stride_px=112))
    monkeypatch.setattr(micrograph, "REGIONS_PX", 1000)
    (parts,) = grade_micrographs([as_file(path)], predictor, GradeSettings(stride_px=112))
    assert parts.micrograph.regions is not None
    assert (
        parts.grade_map.zoom == whole.grade_map.zoom == (1.0 if coarseness == 0 else 0.5)
    )  # a quarter is smaller than a tile
    assert np.array_equal(parts.grade_map.g_seen, whole.grade_map.g_seen, equal_nan=True)
    assert parts.grade_map.tiles == whole.grade_map.tiles
    assert (parts.g_seen, parts.status, parts.reason) == (whole.g_seen, whole.status, whole.reason)
    assert np.isnan(parts.grade_map.g_seen).any()
    drawn, expected = (np.asarray(draw_heatmap(row), np.int16) for row in (parts, whole))
    assert np.abs(drawn - expected).max() <= 1


class SeesSteps(FakePredictor):
    """Draw a grain boundary wherever two greys meet."""

    card = replace(CARD, boundaries=True, informed_interval=((1.0, 0.4), (13.0, 0.4)))

    def predict(self, parts):
        tiles = cut_parts(parts)
        cells = tiles.reshape(len(tiles), 112, 2, 112, 2).mean(axis=(2, 4))
        side = (1, 2, 2)
        steps = ndimage.maximum_filter(cells, side) - ndimage.minimum_filter(cells, side) > 8.0
        drawn = np.stack([255 * steps, 0 * steps, 0 * steps], axis=1).astype(np.uint8)
        return replace(super().predict(parts), boundaries=drawn)


@pytest.fixture
def mosaic(tmp_path, as_file):
    """Return a file of grains that differ in grey alone."""
    labels = voronoi(np.random.default_rng(1), 450, 570, 160).repeat(2, 0).repeat(2, 1)
    greys = np.random.default_rng(2).uniform(60, 200, labels.max() + 1)
    resolution = {"resolution": (1e4, 1e4), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(tmp_path / "a.tif", greys[labels].astype(np.uint8), rowsperstrip=64, **resolution)
    return as_file(tmp_path / "a.tif")


def test_what_is_counted_is_laid_over_the_greys_as_in_one_piece(mosaic, monkeypatch):
    """The count of grains without lines between them moves no estimate, however large the picture is."""
    (whole,) = grade_micrographs([mosaic], SeesSteps(), GradeSettings(count=True))
    monkeypatch.setattr(micrograph, "REGIONS_PX", 1000)
    (parts,) = grade_micrographs([mosaic], SeesSteps(), GradeSettings(count=True))
    assert whole.micrograph.regions is None and parts.micrograph.regions is not None
    assert parts.count.line_share == whole.count.line_share < 0.1
    assert (parts.statistics.g, parts.count.g) == (whole.statistics.g, whole.count.g)
    assert abs(parts.statistics.g - 6.0) < 0.01 < abs(parts.count.g - 6.0)


def test_a_picture_that_goes_away_while_its_greys_are_looked_at_is_a_failure(mosaic, monkeypatch):
    def gone(_picture, _overlays):
        raise PassingError("cannot be read any more")

    monkeypatch.setattr(second_opinion, "grey_fields", gone)
    (row,) = grade_micrographs([mosaic], SeesSteps(), GradeSettings(count=True))
    assert isinstance(row, Failed) and row.again and row.reason == "cannot be read any more"


def test_a_region_that_cannot_be_decoded_is_a_named_failure_and_the_rest_is_graded(
    tmp_path, as_file, monkeypatch, rng, write_tiff
):
    pixels = rng.integers(0, 256, (700, 900), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(128, 128), compression="zlib")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        offset = tiff.pages[0].dataoffsets[20]
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[offset : offset + 500] = bytes(500)
    (tmp_path / "a.tif").write_bytes(content)
    monkeypatch.setattr(micrograph, "REGIONS_PX", 1000)
    files = [as_file(tmp_path / "a.tif"), write_tiff("b.tif", pixels)]
    broken, good = grade_micrographs(files, FakePredictor(), GradeSettings())
    assert isinstance(broken, Failed)
    assert "cannot decode" in broken.reason
    assert not isinstance(good, Failed)


MEASURE = """
import re, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from helpers.predictors import FakePredictor
from gdest.core.records import ImageFile
from gdest.core.settings import GradeSettings
from gdest.grading.pipeline import grade_micrographs
from gdest.reading import grey, micrograph
from gdest.reports.heatmap import draw_heatmap
grey.BAND_PX, micrograph.OVERVIEW_PX = 1_000_000, 4_000_000
def grade(path, regions_px):
    micrograph.REGIONS_PX = regions_px
    (row,) = grade_micrographs([ImageFile(Path(path), "a.tif")], FakePredictor(6.0), GradeSettings())
    assert (row.micrograph.regions is not None) == (row.micrograph.rows * row.micrograph.cols > regions_px)
    draw_heatmap(row)
    # the peak of this program; ru_maxrss begins with that of the one that started it
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
before = grade({small!r}, 100_000_000)
by_regions = grade({large!r}, 10_000_000)
print(by_regions - before, grade({large!r}, 100_000_000) - before)
"""


def test_a_panorama_is_graded_in_a_part_of_its_size(tmp_path, rng, request, write_tiff):
    """29 megapixels of colour are 87 MB; the bands and the overview are smaller here in the same measure."""
    tile = rng.integers(0, 256, (512, 512, 3), dtype=np.uint8)
    rows, cols = 5_120, 5_632
    count = (rows // 512) * (cols // 512)
    large = {"shape": (rows, cols, 3), "dtype": "uint8", "tile": (512, 512), "photometric": "rgb"}
    tifffile.imwrite(tmp_path / "large.tif", (tile for _ in range(count)), **large)
    write_tiff("small.tif", tile, photometric="rgb")
    tests = str(request.config.rootpath / "tests")
    code = MEASURE.format(small=str(tmp_path / "small.tif"), large=str(tmp_path / "large.tif"), tests=tests)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    by_regions_mb, in_one_piece_mb = map(int, done.stdout.split())
    assert by_regions_mb < 70
    assert in_one_piece_mb > 3 * by_regions_mb
