from __future__ import annotations

import numpy as np
from helpers.predictors import CARD
from PIL import Image

from gdest.core.grid import tile_grid
from gdest.core.records import GradeMap, ImageFile, Micrograph
from gdest.grading.pipeline import graded_row
from gdest.reports.heatmap import (
    BAR_PX,
    FEW_GREYS,
    G_SCALE,
    colours,
    draw_heatmap,
    heatmap_name,
    pixel_grades,
    save_png,
    write_heatmap,
)

GREY = 128


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
    expected = 0.55 * FEW_GREYS[GREY] + 0.45 * colours(np.array([8.0], np.float32))[0]
    assert np.abs(colour_at(picture, 100, 100) - expected).max() <= 2
    share = (8.0 - G_SCALE[0]) / (G_SCALE[1] - G_SCALE[0])
    top, bottom = 40, picture.height - 24
    on_bar = colour_at(picture, round(bottom - share * (bottom - top)), picture.width - BAR_PX + 20)
    assert np.abs(on_bar - colours(np.array([8.0], np.float32))[0]).max() <= 8


def test_no_grade_is_transparent():
    picture = draw_heatmap(graded([[np.nan, 6.0]]))
    assert colour_at(picture, 100, 100).tolist() == [FEW_GREYS[GREY]] * 3


def test_the_map_of_a_halved_picture_lies_over_the_whole_micrograph():
    grades = pixel_grades(graded([[4.0, 6.0]], zoom=0.5))
    assert grades.shape == (448, 896)
    assert (grades[:, :448] == 4.0).all()
    assert (grades[:, 448:] == 6.0).all()


def test_names_keep_the_suffix_so_that_two_formats_are_two_pictures(tmp_path):
    assert heatmap_name("a/1.tif") == "heatmaps/a/1.tif.png"
    write_heatmap(graded([[6.0]]), tmp_path / heatmap_name("a/1.tif"))
    with Image.open(tmp_path / "heatmaps/a/1.tif.png") as picture:
        assert picture.size == (224 + BAR_PX, 224)


def test_a_png_holds_every_pixel_and_right_checksums(tmp_path, rng):
    pixels = rng.integers(0, 256, (37, 53, 3), dtype=np.uint8)
    save_png(Image.fromarray(pixels), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        image.verify()  # the checksum of every chunk
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "RGB" and np.array_equal(np.asarray(image), pixels)


def test_a_large_micrograph_gives_a_picture_of_bearable_size():
    row = graded(np.full((5, 12), 7.0))
    assert row.micrograph.pixels.shape == (1120, 2688)
    assert draw_heatmap(row).size == (960 + BAR_PX, 400)
    assert (pixel_grades(row) == 7.0).all()
