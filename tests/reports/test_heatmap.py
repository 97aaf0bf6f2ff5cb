from __future__ import annotations

import numpy as np
from helpers.predictors import CARD
from PIL import Image

from gdest.core.grid import tile_grid
from gdest.core.records import GradeMap, ImageFile, Micrograph
from gdest.grading.pipeline import graded_row
from gdest.reports.few_greys import LEVELS, shrunk
from gdest.reports.heatmap import (
    OPACITY,
    PANEL_PX,
    draw_both_scales,
    draw_heatmap,
    heatmap_name,
    pixel_grades,
    write_heatmap,
)
from gdest.reports.lettering import FOOTER_PX, HEADER_PX
from gdest.reports.scale import BAR_PX, run_scale, scale_around

GREY = 128
RUN = run_scale()


def graded(values, um_per_px=1.0, zoom=1.0):
    values = np.asarray(values, np.float32)
    side = 224
    grid = tile_grid(side * values.shape[0], side * values.shape[1], side, side)
    rows, cols = (round(side * count / zoom) for count in values.shape)
    pixels = np.full((rows, cols), GREY, np.uint8)
    micrograph = Micrograph(ImageFile(None, "a.tif"), pixels, um_per_px, "test", "")
    return graded_row(micrograph, GradeMap(values, grid, zoom, values.size), CARD)


def colour_at(picture, row, col):
    return np.asarray(picture)[row, col].astype(int)


def test_one_g_has_one_colour_in_every_picture():
    uniform = draw_heatmap(graded([[6.0, 6.0]]))
    mixed = draw_heatmap(graded([[6.0, 12.0]]))
    assert np.array_equal(colour_at(uniform, 100, 100), colour_at(mixed, 100, 100))
    assert np.abs(colour_at(mixed, 100, 100) - colour_at(mixed, 100, 350)).sum() > 60


def test_colour_follows_the_calibrated_g_and_the_bar():
    picture = draw_heatmap(graded([[6.0, 6.0]], um_per_px=0.5))
    expected = (1 - OPACITY) * LEVELS[GREY // 8] + OPACITY * RUN.colours(np.array([8.0], np.float32))[0]
    assert np.abs(colour_at(picture, 100, 100) - expected).max() <= 2
    share = 8.0 / 14.0
    top, bottom = 40, picture.height - 24
    on_bar = colour_at(picture, round(bottom - share * (bottom - top)), picture.width - BAR_PX + 20)
    assert np.abs(on_bar - RUN.colours(np.array([8.0], np.float32))[0]).max() <= 8


def panels(row):
    """Return the two maps of a heatmap, each with its bar, (rows, cols, 3)."""
    picture = draw_both_scales(row, shrunk(row.micrograph.pixels, PANEL_PX)).astype(int)[HEADER_PX:-FOOTER_PX]
    return np.split(picture, 2, axis=1)


def test_the_second_map_is_on_a_scale_round_the_micrographs_own_g():
    wide, own = panels(graded([[5.5, 6.5]]))
    assert np.array_equal(wide, np.asarray(draw_heatmap(graded([[5.5, 6.5]]))))
    expected = (1 - OPACITY) * LEVELS[GREY // 8] + OPACITY * scale_around(6.0).colours(np.array([5.5, 6.5], np.float32))
    assert np.abs(own[100, [60, 300]] - expected).max() <= 2
    apart = [np.abs(one[100, 60] - one[100, 300]).sum() for one in (wide, own)]
    assert apart[1] > 2 * apart[0]


def test_the_scale_round_g_reaches_two_grades_to_either_side_from_a_half_grade():
    scale = scale_around(6.3)
    assert (scale.low, scale.high) == (4.5, 8.5)
    ends = scale.colours(np.array([2.0, 4.5, 8.5, 11.0], np.float32))
    assert np.abs(ends[0] - ends[1]).max() <= 4 and np.abs(ends[2] - ends[3]).max() <= 4
    assert np.abs(ends[0] - ends[3]).max() > 100


def written_at(row, position, side=224):
    """Return how many pixels in the middle of a tile are white, as letters are and the picture is not."""
    drawn = np.asarray(draw_heatmap(row))
    middle = drawn[side // 2 - 12 : side // 2 + 12, position * side + 90 : position * side + 134]
    return int((middle > 240).all(axis=2).sum())


def test_g_stands_in_the_middle_of_each_tile_that_has_one():
    row = graded([[6.0, np.nan]])
    assert written_at(row, 0) > 12
    assert written_at(row, 1) == 0


def test_the_g_that_is_written_is_the_calibrated_one():
    by_size = draw_heatmap(graded([[6.0]], um_per_px=0.5))
    as_seen = draw_heatmap(graded([[8.0]], um_per_px=1.0))
    assert np.array_equal(by_size, as_seen)


def test_tiles_too_small_for_a_number_do_not_write_one_over_the_other():
    many = graded(np.full((2, 60), 7.0))  # 16 px a tile in the picture
    drawn = np.asarray(draw_heatmap(many)).astype(int)[:, :960]
    touched = (np.abs(drawn - drawn[0, 0]).max(axis=2) > 40).any(axis=0)
    starts = np.flatnonzero(np.diff(touched.astype(int)) == 1)
    assert 10 <= len(starts) <= 3 * 24
    assert not touched.all()


def test_no_grade_is_transparent():
    picture = draw_heatmap(graded([[np.nan, 6.0]]))
    assert colour_at(picture, 100, 100).tolist() == [LEVELS[GREY // 8]] * 3


def test_the_map_of_a_halved_picture_lies_over_the_whole_micrograph():
    grades = pixel_grades(graded([[4.0, 6.0]], zoom=0.5))
    assert grades.shape == (448, 896)
    assert (grades[:, :448] == 4.0).all()
    assert (grades[:, 448:] == 6.0).all()


def test_names_keep_the_suffix_so_that_two_formats_are_two_pictures(tmp_path):
    assert heatmap_name("a/1.tif") == "heatmaps/a/1.tif.png"
    write_heatmap(graded([[6.0]]), tmp_path / heatmap_name("a/1.tif"))
    with Image.open(tmp_path / "heatmaps/a/1.tif.png") as picture:
        assert picture.size == (2 * (224 + BAR_PX), HEADER_PX + 224 + FOOTER_PX)


def test_a_large_micrograph_gives_a_picture_of_bearable_size():
    row = graded(np.full((5, 12), 7.0))
    assert row.micrograph.pixels.shape == (1120, 2688)
    assert draw_heatmap(row).size == (960 + BAR_PX, 400)
    assert (pixel_grades(row) == 7.0).all()
