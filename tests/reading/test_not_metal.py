from __future__ import annotations

import numpy as np
import pytest
import tifffile
from helpers.drawn_steel import steel, with_bar
from helpers.predictors import FakePredictor

from gdest.core.crop import CropRule
from gdest.core.grid import tile_grid, usable_tiles
from gdest.core.records import Failed
from gdest.core.settings import GradeSettings
from gdest.core.tiles import GreyImage
from gdest.grading.pipeline import grade_micrographs
from gdest.grading.zooms import predict_grade_map
from gdest.reading.micrograph import read_micrographs
from gdest.reading.not_metal import CELL_PX, find_not_metal
from gdest.reports.heatmap import HATCH_GREY, draw_heatmap
from gdest.reports.table import ModelName, cells


@pytest.fixture
def picture(rng):
    return steel(rng, 720, 960)


def marked(look, row, col):
    cells_found = find_not_metal(look)
    return cells_found is not None and bool(cells_found[row // CELL_PX, col // CELL_PX])


def test_plain_steel_is_all_metal(picture):
    assert find_not_metal(picture) is None
    assert find_not_metal(picture[:, :, 0]) is None


@pytest.mark.parametrize("rim", ["lower", "upper"])
@pytest.mark.parametrize("colour", [0, 255, 60])
def test_a_banner_is_found_to_the_row(picture, rim, colour):
    banner = np.full((64, 960, 3), colour, np.uint8)
    banner[20:40, 100:300:7] = 255 - colour  # something like writing
    whole = np.concatenate([picture, banner] if rim == "lower" else [banner, picture])
    found = find_not_metal(whole)
    inside = slice(-8, None) if rim == "lower" else slice(0, 8)
    assert found[inside].all()
    assert found.sum() == 8 * found.shape[1]


def test_a_scale_bar_and_its_label_are_found_and_little_else(picture):
    look = with_bar(picture, "red", text="50 um")
    found = find_not_metal(look)
    changed = np.argwhere((look != picture).any(axis=2)) // CELL_PX
    assert found[changed[:, 0], changed[:, 1]].all()
    assert found.mean() < 0.02


def test_black_mounting_at_the_rim_is_found_and_dark_grains_inside_are_not(picture, rng):
    row, col = np.indices(picture.shape[:2])
    outside = (row + 0.4 * col) < 200
    picture[outside] = rng.integers(2, 14, (np.count_nonzero(outside), 3))
    picture[500:600, 500:600] = 8  # a pore, not at the rim
    found = find_not_metal(picture)
    assert found[2, 2]
    share = (found & (outside[4::8, 4::8])).sum() / outside[4::8, 4::8].sum()
    assert share > 0.85
    assert not found[500 // 8 : 600 // 8, 500 // 8 : 600 // 8].any()


def test_wide_dark_boundaries_that_reach_the_rim_are_metal(picture):
    for at in range(40, 960, 80):
        picture[:, at : at + 24] = 5
    assert find_not_metal(picture) is None


def test_a_reflection_is_found_and_overexposed_grains_are_not(picture):
    shiny = picture.copy()
    shiny[200:420, 300:560] = 255
    assert marked(shiny, 300, 400)
    assert not marked(shiny, 100, 100)
    overexposed = picture.copy()
    overexposed[overexposed > 130] = 255
    assert find_not_metal(overexposed) is None


def test_tiles_are_left_out_by_the_area_that_is_covered():
    grid = tile_grid(448, 672, 224, 224)
    cover = np.zeros((56, 84), bool)
    cover[0:4, 0:24] = True  # 32 x 192 px: 12 % of the first tile
    cover[55, 83] = True  # 64 px: 0.1 %
    assert usable_tiles(grid, cover, 8).tolist() == [[False, True, True], [True, True, True]]
    half = tile_grid(224, 336, 224, 224)
    assert usable_tiles(half, cover, 4).tolist() == [[False, True]]


def test_covered_area_is_counted_like_pixel_by_pixel(rng):
    cover = rng.random((60, 80)) < 0.01
    grid = tile_grid(470, 630, 224, 112)
    by_pixel = cover.repeat(8, axis=0).repeat(8, axis=1)
    expected = [[by_pixel[t : t + 224, s : s + 224].mean() <= 0.01 for s in grid.lefts] for t in grid.tops]
    assert usable_tiles(grid, cover, 8).tolist() == expected


def graded(tmp_path, as_file, look, answer=6.0):
    tifffile.imwrite(tmp_path / "a.tif", look, photometric="rgb", resolution=(1e4, 1e4), resolutionunit="CENTIMETER")
    predictor = FakePredictor(answer)
    (row,) = grade_micrographs([as_file(tmp_path / "a.tif")], predictor, GradeSettings())
    return row, predictor


def test_covered_tiles_are_nan_not_asked_hatched_and_counted(tmp_path, as_file, picture):
    look = picture.copy()
    look[500:700, 300:560] = 255  # a reflection in the last row of 4 x 5 tiles
    row, predictor = graded(
        tmp_path, as_file, look, lambda tiles: np.full(len(tiles), 6.0 if len(tiles) == 16 else 8.0)
    )
    assert row.status == "graded"
    assert np.argwhere(np.isnan(row.grade_map.g_seen)).tolist() == [[2, 1], [2, 2], [3, 1], [3, 2]]
    assert predictor.shapes[0][0] == 16
    found = cells(row, ModelName("fake", ""))
    assert (found["tiles_used"], found["g_seen"]) == (16, 6.0)
    assert found["area_mm2"] < 720 * 960 * 1e-6
    drawn = np.asarray(draw_heatmap(row))[:720, :960]
    assert (drawn[550:650, 350:500] == HATCH_GREY).all(axis=2).mean() > 0.1
    assert not (drawn[300:400, 100:200] == HATCH_GREY).all(axis=2).any()


def test_a_frame_costs_no_tile_and_the_tiles_lie_in_the_field(tmp_path, as_file, picture):
    look = np.full((900, 1200, 3), 190, np.uint8)
    look[88:808, 120:1080] = picture
    row, predictor = graded(tmp_path, as_file, look)
    bare, expected = graded(tmp_path, as_file, picture)
    assert predictor.shapes == expected.shapes  # the grains in the colour of the frame are metal
    assert row.grade_map.grid.tops == tuple(88 + top for top in bare.grade_map.grid.tops)
    assert cells(row, ModelName("fake", ""))["area_mm2"] == cells(bare, ModelName("fake", ""))["area_mm2"]


def test_covered_tiles_do_not_change_g(tmp_path, as_file, picture):
    """A predictor that answers by brightness sees the black banner only where it is not left out."""
    look = np.concatenate([picture, np.zeros((224, 960, 3), np.uint8)])
    row, _ = graded(tmp_path, as_file, look, lambda tiles: np.where(tiles.mean(axis=(1, 2)) < 60, 12.0, 6.0))
    assert row.g_seen == pytest.approx(6.0)


def test_fewer_than_three_tiles_left_need_a_person_but_small_micrographs_do_not(tmp_path, as_file, picture):
    covered = picture[:448, :448].copy()
    covered[:222, :400] = 255
    row, _ = graded(tmp_path, as_file, with_bar(covered, "red", length=60))
    assert row.status == "review"
    assert "show metal only" in row.reason
    row, _ = graded(tmp_path, as_file, picture[:300, :300])
    assert row.status == "graded"
    row, _ = graded(tmp_path, as_file, picture[:230, :224])
    assert row.grade_map.g_seen.size == 2
    assert row.status == "graded"


def test_a_micrograph_without_one_free_tile_is_a_named_failure(tmp_path, as_file, picture):
    look = picture[:240, :260].copy()
    look[200:] = 0
    row, _ = graded(tmp_path, as_file, look)
    assert isinstance(row, Failed)
    assert "no tile shows metal only" in row.reason


def test_coarse_grains_are_not_halved_until_no_free_tile_is_left(rng):
    pixels = rng.integers(0, 255, (900, 1000), dtype=np.uint8)
    cover = np.zeros((113, 125), bool)
    cover[50:62, 56:68] = True  # the middle: at a quarter of the size each of the four tiles would show it
    grade_map = predict_grade_map(GreyImage(pixels), FakePredictor(1.0), 224, cover, 8)
    assert grade_map.zoom == 0.5
    assert np.isfinite(grade_map.g_seen).sum() >= 3


def test_a_violet_tint_is_metal(picture):
    look = picture.copy()
    look[:, :, 1] = 5
    look[:300, :500, 1] = 190  # some grains that the etchant left alone
    assert find_not_metal(look) is None


def test_a_dark_field_is_metal(picture):
    grey = np.full(picture.shape[:2], 8, np.uint8)
    grey[picture[:, :, 0] < 100] = 200  # bright boundaries between dark grains
    grey[::2, ::2] += 2
    assert find_not_metal(grey) is None


def test_a_rule_leaves_out_what_cannot_be_found_and_the_rest_is_searched(tmp_path, as_file, picture):
    look = picture.copy()
    look[300:500, 500:760] = 255
    whole = np.random.default_rng(1).integers(0, 256, (820, 1110, 3)).astype(np.uint8)  # no surround that is plain
    whole[60:780, 100:1060] = look
    tifffile.imwrite(tmp_path / "a.tif", whole, photometric="rgb")
    rule = CropRule("*.tif", top=60, bottom=40, left=100, right=50)
    read = next(read_micrographs(as_file(tmp_path / "a.tif"), GradeSettings(crops=(rule,)))).not_metal
    assert read[:8].all()
    assert read[-5:].all()
    assert read[:, :13].all()
    assert read[:, -6:].all()
    assert read[50, 90]
    assert not read[8:40, 13:100].any()
    other = next(read_micrographs(as_file(tmp_path / "a.tif"), GradeSettings(crops=(CropRule("*.png", top=9),))))
    assert not other.not_metal[:5].any()


def test_a_rule_that_leaves_nothing_is_named(tmp_path, as_file, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric="rgb")
    row = next(read_micrographs(as_file(tmp_path / "a.tif"), GradeSettings(crops=(CropRule("a*", left=955),))))
    assert row.reason == "the crop of gdest.toml for 'a*' leaves nothing of it"
