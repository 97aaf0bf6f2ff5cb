from __future__ import annotations

import math
import os
from dataclasses import replace

import numpy as np
import pytest
from helpers.counted_steel import count_of, grain_map

from gdest import __version__
from gdest.core.counted import GrainCount
from gdest.core.records import Failed, Graded, GradeMap, GradeStatistics, ImageFile, Micrograph, Status, TileGrid
from gdest.reports.columns import COLUMNS
from gdest.reports.counted_cells import count_cells
from gdest.reports.table import ModelName, cells

MODEL = ModelName("fake", "0" * 64)
STATISTICS = GradeStatistics(
    g=6.00049, g_low=5.12345, g_high=7.00051, g_from_density=8.0, g_sd=1.23456, g_min=4.0, g_max=9.98765,
    within_half_g=0.66666, homogeneity="duplex:banding",
)  # fmt: skip
"""Of a mixed field, so that G, the mean of the tiles, is far from G of their mean density."""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.tif"
    path.touch()
    os.utime(path, (1_774_000_000.9, 1_774_000_000.9))
    return ImageFile(path, "sub/a.tif")


def graded(file, seen=((4.0, 4.0), (np.nan, 8.0)), zoom=1.0, **changed):
    seen = np.asarray(seen, np.float32)
    grid = TileGrid(tuple(range(0, 200 * seen.shape[0], 200)), tuple(range(0, 200 * seen.shape[1], 200)), 224)
    micrograph = Micrograph(file, np.zeros((500, 600), np.uint8), 0.5, "tiff", "1" * 64)
    known = {"status": Status.REVIEW, "reason": "novel", "g_seen": 4.12351, "statistics": STATISTICS}
    known |= {"homogeneity": "duplex:banding", "homogeneity_note": "bands", "g_intercept": 6.54321, "intercepts": 70}
    return Graded(
        **{"micrograph": micrograph, "grade_map": GradeMap(seen, grid, zoom, 9), "graded_at": "now"} | known | changed
    )


def test_every_cell_of_a_micrograph_with_a_pixel_size(file):
    found = cells(graded(file), MODEL)
    assert list(found) == list(COLUMNS)
    assert {name: value for name, value in found.items() if value is not None} == {
        "file": "sub/a.tif",
        "status": "review",
        "reason": "novel",
        "g": 6.0,
        "g_low": 5.123,
        "g_high": 7.001,
        "g_from_density": 8.0,
        "g_seen": 4.124,
        "grains_per_mm2": 1984.0,
        "mean_diameter_um": 22.45,
        "mean_intercept_um": 20.0,
        "g_sd": 1.235,
        "g_min": 4.0,
        "g_max": 9.988,
        "within_half_g": 0.667,
        "homogeneity": "duplex:banding",
        "homogeneity_note": "bands",
        "um_per_px": 0.5,
        "um_per_px_source": "tiff",
        "tiles": 9,
        "tiles_used": 3,
        "width_px": 600,
        "height_px": 500,
        "sha256": "1" * 64,
        "model": "fake",
        "model_sha256": "0" * 64,
        "gdest_version": __version__,
        "graded_at": "now",
        "area_by_half_g": "6.0:67% 10.0:33%",
        "file_modified": "2026-03-20T09:46:40+00:00",
        "g_intercept": 6.543,
        "intercepts": 70,
        "area_mm2": 0.03494,  # (424 * 424 - 200 * 200) px of 0.25 um2
    }


@pytest.mark.parametrize(
    ("column", "of_density", "of_g"),
    [("grains_per_mm2", 1984.0, 496.2), ("mean_diameter_um", 22.45, 44.89), ("mean_intercept_um", 20.0, 40.01)],
)
def test_density_diameter_and_intercept_are_those_of_the_mean_density_and_not_of_g(file, column, of_density, of_g):
    assert cells(graded(file), MODEL)[column] == pytest.approx(of_density, rel=1e-3)
    of_one_g = replace(STATISTICS, g_from_density=STATISTICS.g)
    assert cells(graded(file, statistics=of_one_g), MODEL)[column] == pytest.approx(of_g, rel=1e-3)


def test_without_a_pixel_size_only_what_was_seen_is_known(file):
    row = graded(
        file, statistics=None, status=Status.UNCALIBRATED, homogeneity_note="", g_intercept=None, intercepts=None
    )
    row = replace(row, micrograph=replace(row.micrograph, um_per_px=None, um_per_px_source=""), reason="")
    found = cells(row, MODEL)
    assert {name for name, value in found.items() if value is not None} == {
        *("file", "status", "g_seen", "homogeneity", "tiles", "tiles_used", "width_px", "height_px"),
        *("sha256", "model", "model_sha256", "gdest_version", "graded_at", "file_modified"),
    }


COUNTED = {
    "g_counted": 7.123,
    "g_counted_low": 6.9,
    "g_counted_high": 7.3,
    "grains_counted": 512.5,
    "intercepts_counted": 431.2,
    "mean_intercept_counted_um": 27.01,
    "relative_accuracy_counted": 6.79,
    "anisotropy": 1.057,
    "aspect_ratio": 1.346,
    "g_largest_grain": 3.457,
    "twinned_share": 0.346,
    "particle_share": 0.0123,
    "homogeneity_counted": "duplex:bimodal",
    "grains_by_half_g": "6.0:25%/57% 8.0:75%/43%",
    "count_note": "few grains; two populations",
    "intercept_by_direction_um": "0:27.5 45:26.6 90:26.04 135:27.1",
}
"""What `count_of` makes of three grains of G 8 (504 um2) and one of G 6 (four times as large)."""


def counted(**changed):
    areas = np.float32([504.0, 504.0, 504.0, 2016.0])
    return count_of(
        grain_map(np.random.default_rng(1)),
        areas_um2=areas,
        note="few grains",
        **({"homogeneity": "duplex:bimodal", "homogeneity_note": "two populations"} | changed),
    )


def known(row):
    return {name: value for name, value in cells(row, MODEL).items() if value is not None}


def test_what_was_counted_has_its_cells_and_the_others_are_as_before(file):
    without, row = known(graded(file)), known(graded(file, count=counted()))
    assert {name: row[name] for name in row if name not in without} == COUNTED
    assert {name: row[name] for name in without} == without


def test_without_a_pixel_size_only_the_number_of_grains_is_counted(file):
    row = graded(file, statistics=None, status=Status.UNCALIBRATED, count=counted())
    row = replace(row, micrograph=replace(row.micrograph, um_per_px=None))
    assert {name: value for name, value in known(row).items() if name in COUNTED} == {
        "grains_counted": 512.5,
        "count_note": "few grains; two populations",
    }


def test_what_could_not_be_counted_is_empty_and_the_note_says_why(file):
    count = GrainCount(note="the boundaries do not close")
    assert {name: value for name, value in known(graded(file, count=count)).items() if name in COUNTED} == {
        "count_note": "the boundaries do not close"
    }


def test_a_file_that_failed_has_its_reason_and_no_number(file):
    found = cells(Failed(file, "empty", None, "now"), MODEL)
    assert {name: value for name, value in found.items() if value is not None} == {
        "file": "sub/a.tif",
        "status": "failed",
        "reason": "empty",
        "model": "fake",
        "model_sha256": "0" * 64,
        "gdest_version": __version__,
        "graded_at": "now",
        "file_modified": "2026-03-20T09:46:40+00:00",
    }
    assert cells(Failed(file, "damaged", "2" * 64, "now"), MODEL)["sha256"] == "2" * 64


def test_the_time_of_a_file_that_is_gone_is_unknown(file):
    file.path.unlink()
    assert cells(Failed(file, "gone", None, "now"), MODEL)["file_modified"] is None
    assert cells(Failed(ImageFile(None, "b.tif"), "gone", None, "now"), MODEL)["file_modified"] is None


@pytest.mark.parametrize("unknown", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_unknown(file, unknown):
    assert cells(graded(file, statistics=replace(STATISTICS, g_sd=unknown)), MODEL)["g_sd"] is None


def test_the_area_of_a_halved_picture_is_counted_in_the_pixels_of_the_file(file):
    # one tile of 224 px of the halved picture is 448 px of the file: 448 * 448 * 0.25 um2
    assert cells(graded(file, [[6.0]], zoom=0.5), MODEL)["area_mm2"] == 0.05018


def test_tiles_that_reach_beyond_the_picture_count_no_more_than_the_picture(file):
    assert cells(graded(file, np.full((3, 3), 6.0)), MODEL)["area_mm2"] == 0.075  # 500 * 600 px, not 624 * 624


def test_half_grades_on_less_than_half_a_percent_of_the_area_are_not_named(file):
    # 201 tiles without overlap: the one of G 8 has 1/201 of the area, 0.498 %; of 200 it has 0.5 %
    def shares(count):
        seen = np.full((1, count), 6.0, np.float32)
        seen[0, 0] = 8.0
        row = graded(file, seen, g_seen=6.0, statistics=replace(STATISTICS, g=6.0))
        grid = TileGrid((0,), tuple(range(0, 224 * count, 224)), 224)
        return cells(replace(row, grade_map=replace(row.grade_map, grid=grid)), MODEL)["area_by_half_g"]

    assert shares(201) == "6.0:100%"
    assert shares(200) == "6.0:100% 8.0:0%"


@pytest.mark.parametrize(
    ("homogeneity", "told"), [("uniform", None), ("duplex:bimodal", "as it lies"), ("unknown", "as it lies")]
)
def test_the_note_of_a_count_tells_what_limits_it_and_grains_of_one_size_do_not(homogeneity, told):
    count = GrainCount(g=8.0, grains=400.0, homogeneity=homogeneity, homogeneity_note="as it lies")
    assert count_cells(count, 0.5)["count_note"] == told


@pytest.mark.parametrize(("line_share", "told"), [(0.03, True), (0.5, False), (np.nan, False)])
def test_the_note_of_a_count_without_lines_says_why_g_did_not_move(line_share, told):
    count = GrainCount(g=8.0, grains=400.0, homogeneity="uniform", line_share=line_share)
    note = "lines along 3% of the boundaries only, so that g is not led by it"
    assert count_cells(count, 0.5)["count_note"] == (note if told else None)
