from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.counted_steel import count_of, grain_map
from helpers.predictors import CARD
from PIL import Image

from gdest.core import GrainCount, Mark, Overlay
from gdest.core.grid import tile_grid
from gdest.core.records import GradeMap, ImageFile, Micrograph
from gdest.grading.pipeline import graded_row
from gdest.reports.few_greys import LEVELS
from gdest.reports.lettering import FOOTER_PX, HEADER_PX
from gdest.reports.marks import LEGEND_GREY, LEGEND_PX, LOOKS
from gdest.reports.overlay import LONGEST_PX, _told, draw_count, draw_overlay, overlay_name
from gdest.reports.pictures import picture_names, remove_pictures, write_pictures

GREY = 128
LINES = (Mark.GRAIN, Mark.TWIN, Mark.LARGEST, Mark.HIT)


def drawn(marks, shape, cell_px=1.0, top=0.0, left=0.0):
    """Return the drawn pixels (rows, cols, 3) of a grey picture under marks, without the legend."""
    overlays = (Overlay(np.asarray(marks, np.uint8), cell_px, top, left),)
    picture = draw_count(np.full(shape, GREY, np.uint8), shape, GrainCount(overlays=overlays), float("nan"))
    return np.asarray(picture.convert("RGB"))[:, : picture.width - LEGEND_PX].astype(int)


def of_colour(pixels, mark):
    return (pixels == LOOKS[mark].colour).all(axis=2)


def plain(pixels):
    return (pixels == LEVELS[GREY // 8]).all(axis=2)


@pytest.mark.parametrize("mark", LINES)
def test_each_mark_has_its_colour_where_it_lies_and_nowhere_else(mark):
    marks = np.zeros((60, 80), np.uint8)
    marks[20:40, 30] = mark
    found = drawn(marks, (60, 80))
    assert of_colour(found, mark)[20:40, 30].all()
    far = np.ones((60, 80), bool)
    far[17:43, 27:34] = False  # outlines and hits are drawn wider
    assert plain(found)[far].all()


def test_a_cell_is_drawn_as_large_as_it_is_and_at_its_place():
    marks = np.full((2, 3), Mark.GRAIN)
    found = of_colour(drawn(marks, (60, 80), cell_px=4.0, top=20.0, left=8.0), Mark.GRAIN)
    assert np.argwhere(found).min(axis=0).tolist() == [20, 8]
    assert np.argwhere(found).max(axis=0).tolist() == [27, 19]
    assert found.sum() == 8 * 12


def test_a_line_of_one_cell_is_whole_in_a_picture_that_shrinks():
    rows, cols = 900, 4 * LONGEST_PX
    marks = np.zeros((rows, cols), np.uint8)
    marks[:, 777], marks[333, :] = Mark.GRAIN, Mark.TWIN
    found = drawn(marks, (rows, cols))
    assert found.shape[:2] == (225, LONGEST_PX)
    assert of_colour(found, Mark.TWIN)[333 // 4].all()
    assert (of_colour(found, Mark.GRAIN) | of_colour(found, Mark.TWIN))[:, 777 // 4].all()


def test_a_boundary_is_seen_above_a_test_line_and_a_hit_above_both():
    marks = np.zeros((60, 80), np.uint8)
    marks[30] = Mark.LINE
    two_to_one = np.repeat(np.repeat(marks, 2, 0), 2, 1)
    two_to_one[:, 41] = Mark.GRAIN
    two_to_one[:, 80], two_to_one[60, 81] = Mark.GRAIN, Mark.HIT
    shape = (2 * 60 * 20, 2 * 80 * 20)
    picture = drawn(two_to_one, shape, cell_px=20.0)
    scale = picture.shape[0] / 120
    assert of_colour(picture, Mark.GRAIN)[round(60.5 * scale), round(41.5 * scale)]
    assert of_colour(picture, Mark.HIT)[round(60.5 * scale), round(81.5 * scale)]


def test_the_largest_grain_is_an_outline_though_it_is_marked_whole():
    marks = np.zeros((80, 80), np.uint8)
    marks[20:60, 20:60] = Mark.LARGEST
    found = drawn(marks, (80, 80))
    purple = of_colour(found, Mark.LARGEST)
    assert purple[19:61, 20].all() and purple[20, 19:61].all() and purple[59, 19:61].all()
    assert plain(found)[28:52, 28:52].all()


def test_what_was_left_out_is_hatched_and_can_still_be_seen():
    marks = np.zeros((80, 80), np.uint8)
    marks[:, 40:] = Mark.LEFT_OUT
    hatched = of_colour(drawn(marks, (80, 80)), Mark.LEFT_OUT)
    assert not hatched[:, :40].any()
    assert 0.1 < hatched[:, 40:].mean() < 0.3


def test_the_legend_shows_each_mark_that_is_there_in_its_own_colour():
    marks = np.zeros((300, 300), np.uint8)
    marks[:, 100], marks[200] = Mark.TWIN, Mark.PARTICLE
    count = GrainCount(overlays=(Overlay(marks, 1.0),))
    picture = draw_count(np.full(marks.shape, GREY, np.uint8), marks.shape, count, 1.0)
    legend = np.asarray(picture.convert("RGB"))[:, -LEGEND_PX:].astype(int)
    shown = {mark for mark in (Mark.GRAIN, Mark.TWIN, Mark.PARTICLE, Mark.LARGEST) if of_colour(legend, mark).any()}
    assert shown == {Mark.TWIN, Mark.PARTICLE}


@pytest.mark.parametrize(("grains", "told"), [(150.5, "151 grains"), (151.5, "152 grains"), (150.4, "150 grains")])
def test_half_grains_are_rounded_up_as_in_a_workbook(grains, told):
    assert told in _told(GrainCount(grains=grains), 7.0)


def test_a_legend_longer_than_its_picture_is_cut_off():
    count = GrainCount(overlays=(Overlay(np.resize(np.array(list(LOOKS), np.uint8), (40, 60)), 1.0),), grains=7.0)
    assert draw_count(np.full((40, 60), GREY, np.uint8), (40, 60), count, 5.0).size == (60 + LEGEND_PX, 40)


def test_a_particle_shows_through_its_colour():
    dark, light = np.full((60, 60), 40, np.uint8), np.full((60, 60), 200, np.uint8)
    count = GrainCount(overlays=(Overlay(np.full((60, 60), Mark.PARTICLE, np.uint8), 1.0),))
    drawn_on = [draw_count(one, (60, 60), count, np.nan).convert("RGB") for one in (dark, light)]
    seen = [np.asarray(one)[30, 30].astype(int) for one in drawn_on]
    assert (seen[1] > seen[0]).all()


def test_grain_twin_and_particle_differ_in_brightness_or_blue_which_the_colour_blind_see():
    """Red and green are what most colour-blind people confuse: a difference must be in what is left."""
    looks = [np.array(LOOKS[mark].colour) for mark in (Mark.GRAIN, Mark.TWIN, Mark.PARTICLE)]
    for i, one in enumerate(looks):
        for other in looks[i + 1 :]:
            brightness = abs(int(one @ [0.2126, 0.7152, 0.0722]) - int(other @ [0.2126, 0.7152, 0.0722]))
            assert brightness > 40 or abs(one[2] - other[2]) > 100


def test_the_marks_of_a_thinned_picture_lie_as_in_the_file():
    """Of a picture read region by region every fourth pixel is there to draw on."""
    marks = np.zeros((400, 400), np.uint8)
    marks[:, 200] = Mark.GRAIN
    count = GrainCount(overlays=(Overlay(marks, 2.0),))
    picture = np.asarray(draw_count(np.full((200, 200), GREY, np.uint8), (800, 800), count, np.nan).convert("RGB"))
    assert of_colour(picture[:, :200], Mark.GRAIN)[:, 100].all()
    assert of_colour(picture[:, :200], Mark.GRAIN).sum() == 200


def test_several_parts_are_drawn_in_one_picture():
    part = np.full((10, 10), Mark.GRAIN, np.uint8)
    overlays = (Overlay(part, 1.0), Overlay(part, 1.0, top=40.0, left=50.0))
    picture = draw_count(np.full((60, 80), GREY, np.uint8), (60, 80), GrainCount(overlays=overlays), np.nan)
    found = of_colour(np.asarray(picture.convert("RGB"))[:, :80], Mark.GRAIN)
    assert found[:10, :10].all() and found[40:50, 50:60].all() and found.sum() == 200


def graded(count, um_per_px=1.0):
    pixels = np.full((224, 448), GREY, np.uint8)
    micrograph = Micrograph(ImageFile(None, "a/1.tif"), pixels, um_per_px, "test", "")
    row = graded_row(
        micrograph, GradeMap(np.full((1, 2), 6.0, np.float32), tile_grid(224, 448, 224, 224), 1.0, 2), CARD
    )
    return replace(row, count=count)


@pytest.fixture
def count(rng):
    return count_of(grain_map(rng, 224, 448))


def test_the_legend_tells_the_number_only_where_the_pixel_size_is_known(count):
    legends = [np.asarray(draw_overlay(graded(count, um)))[:, 448:] for um in (1.0, None)]
    assert not np.array_equal(*legends)
    coarser = np.asarray(draw_overlay(graded(replace(count, g=3.0), None)))[:, 448:]
    assert np.array_equal(coarser, legends[1])
    assert not np.array_equal(np.asarray(draw_overlay(graded(replace(count, g=3.0))))[:, 448:], legends[0])


def test_the_overlay_is_written_beside_the_heatmap_and_goes_with_its_count(count, tmp_path):
    write_pictures(graded(count), tmp_path)
    assert all((tmp_path / name).is_file() for name in picture_names("a/1.tif", counted=True))
    assert overlay_name("a/1.tif") == "overlays/a/1.tif.png"
    with Image.open(tmp_path / overlay_name("a/1.tif")) as picture:
        assert picture.size == (448 + LEGEND_PX, HEADER_PX + 224 + FOOTER_PX)
    write_pictures(graded(None), tmp_path)  # the next scan did not count
    assert not (tmp_path / overlay_name("a/1.tif")).exists()
    assert all((tmp_path / name).is_file() for name in picture_names("a/1.tif"))


def test_a_count_of_nothing_has_no_overlay(tmp_path):
    write_pictures(graded(GrainCount(note="no boundaries")), tmp_path)
    assert not (tmp_path / "overlays").exists()


def test_a_file_that_fails_loses_its_overlay_too(count, tmp_path):
    write_pictures(graded(count), tmp_path)
    remove_pictures("a/1.tif", tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_legend_shows_an_intercept_as_the_picture_does_a_white_dot_on_a_dark_line():
    marks = np.zeros((200, 300), np.uint8)
    marks[20, 30] = Mark.HIT
    count = GrainCount(overlays=(Overlay(marks, 1.0, 0.0, 0.0),))
    picture = np.asarray(draw_count(np.full((200, 300), GREY, np.uint8), (200, 300), count, np.nan).convert("RGB"))
    legend = picture[:, -LEGEND_PX:][:, :30]  # beside the words
    of_swatch = np.argwhere((legend == LEGEND_GREY).all(axis=2))
    (top, left), (bottom, right) = of_swatch.min(axis=0), of_swatch.max(axis=0)
    swatch = legend[top : bottom + 1, left : right + 1]
    for shown in (of_colour(swatch, Mark.HIT), of_colour(picture[:, :-LEGEND_PX], Mark.HIT)):
        rows, cols = np.nonzero(shown)
        assert (np.ptp(rows), np.ptp(cols), len(rows)) == (2, 2, 9)
    assert (swatch[len(swatch) // 2] == LOOKS[Mark.LINE].colour).all(axis=1).sum() > 9
