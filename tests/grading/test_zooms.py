from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.predictors import CARD, FakePredictor

from gdest.core.errors import MicrographError
from gdest.core.tiles import GreyImage, Regions
from gdest.grading.looks import Shown
from gdest.grading.zooms import MIXED_SHARE, predict_grade_map


def by_tiles(**said):
    """Return a predictor that tells the size of a picture by its number of tiles, as `t25=4.0` or `t9=[...]`."""

    def answer(tiles):
        return np.broadcast_to(np.asarray(said[f"t{len(tiles)}"], float), len(tiles))

    return FakePredictor(answer)


def blank(rows, cols=None):
    return GreyImage(np.zeros((rows, cols or rows), np.uint8))


MIXED = [5.0, 7.0] * 4 + [6.0]
MIXED_SD = np.sqrt(8 / 9)


@pytest.mark.parametrize(
    ("halved", "gap"),
    [
        (9.0, 1.0 - MIXED_SHARE * MIXED_SD),
        (7.0, 1.0 - MIXED_SHARE * MIXED_SD),
        (8.4, 0.0),
        (8.6, 0.6 - MIXED_SHARE * MIXED_SD),
    ],
)
def test_in_a_mixed_field_two_zooms_may_differ_by_a_share_of_the_scatter_of_its_tiles(halved, gap):
    grade_map = predict_grade_map(blank(500), by_tiles(t9=MIXED, t4=halved), 224)
    assert grade_map.doubts["zoom gap"] == pytest.approx(gap, abs=1e-6)
    assert grade_map.g_seen.ravel().tolist() == MIXED


def test_a_uniform_field_has_no_such_allowance():
    assert predict_grade_map(blank(500), by_tiles(t9=6.0, t4=8.4), 224).doubts["zoom gap"] == pytest.approx(0.4)


@pytest.mark.parametrize(("kept", "halved", "gap"), [(9.5, 12.5, 1.0 - 0.25 * 2.0), (9.5, 11.6, 0.0), (7.0, 10.0, 1.0)])
def test_grains_too_fine_to_be_told_surely_at_half_the_size_may_differ_more(kept, halved, gap):
    assert predict_grade_map(blank(500), by_tiles(t9=kept, t4=halved), 224).doubts["zoom gap"] == pytest.approx(gap)


def test_grains_of_which_a_tile_of_the_larger_picture_holds_one_may_differ_more():
    grade_map = predict_grade_map(blank(500), by_tiles(t9=0.0, t4=3.0), 224)
    assert grade_map.doubts["zoom gap"] == pytest.approx(1.0 - 0.25 * 2.0)


def test_the_next_smaller_picture_is_compared_and_only_where_it_is_too_small_the_next_larger():
    both = predict_grade_map(blank(1000), by_tiles(t25=4.0, t9=6.5, t4=8.6), 224)
    assert (both.zoom, both.tiles) == (0.5, 38)
    assert both.doubts["zoom gap"] == pytest.approx(0.1, abs=1e-5)  # 4.5 and 4.6 at the file's own pixels
    only_larger = predict_grade_map(blank(500), by_tiles(t9=4.0, t4=6.5), 224)
    assert (only_larger.zoom, only_larger.tiles) == (0.5, 13)
    assert only_larger.doubts["zoom gap"] == pytest.approx(0.5)  # 4.5 and 4.0
    assert np.isnan(predict_grade_map(blank(300), FakePredictor(6.0), 224).doubts["zoom gap"])


def test_where_too_few_tiles_are_left_the_next_larger_picture_with_enough_shows_the_pattern():
    # 81, 25, 9 and 4 tiles at full size, a half, a quarter, an eighth
    grade_map = predict_grade_map(blank(1800, 2000), by_tiles(t81=1.0, t25=3.0, t9=6.0, t4=8.0), 224)
    assert (grade_map.zoom, grade_map.grid.shape) == (0.25, (3, 3))
    assert (grade_map.closer.zoom, grade_map.closer.grid.shape) == (0.5, (5, 5))
    assert grade_map.closer.g_seen == pytest.approx(1.0)  # 3 in a picture of half the size
    assert grade_map.g_seen == pytest.approx(2.0)


def test_sixteen_tiles_are_enough_to_show_a_pattern():
    of_49_and_16 = predict_grade_map(blank(1400), by_tiles(t49=3.0, t16=6.0, t4=8.0), 224)
    assert of_49_and_16.grid.shape == (4, 4)
    assert of_49_and_16.closer is None
    of_49_16_and_4 = predict_grade_map(blank(1400), by_tiles(t49=1.0, t16=3.0, t4=6.0), 224)
    assert of_49_16_and_4.zoom == 0.25
    assert of_49_16_and_4.closer.grid.shape == (4, 4)
    of_9_and_4 = predict_grade_map(blank(600), by_tiles(t9=3.0, t4=6.0), 224)
    assert of_9_and_4.closer.grid.shape == (3, 3)


@pytest.mark.parametrize(("g", "zoom"), [(4.99, 0.5), (5.0, 1.0), (5.01, 1.0)])
def test_grains_are_coarse_below_g_5(g, zoom):
    assert predict_grade_map(blank(500), by_tiles(t9=g, t4=g + 2.0), 224).zoom == zoom


@pytest.mark.parametrize(("g", "enlarged"), [(10.0, 0), (10.01, 9)])
def test_grains_are_fine_above_g_10(g, enlarged):
    predictor = FakePredictor(g)
    assert predict_grade_map(blank(672), predictor, 224).tiles == sum(shape[0] for shape in predictor.shapes)
    assert sum(shape[0] for shape in predictor.shapes) == 9 + 4 + enlarged


@pytest.mark.parametrize(("g", "compared"), [(11.5, True), (11.51, False)])
def test_a_smaller_picture_is_compared_up_to_the_finest_grade_that_is_trained(g, compared):
    assert CARD.g_max == 13.5
    predictor = FakePredictor(g)
    predict_grade_map(blank(672), predictor, 224)
    assert ((4, 224, 224) in predictor.shapes) is compared


def test_what_is_no_metal_is_left_out_at_every_zoom():
    not_metal = np.zeros((90, 90), bool)  # cells of 10 px
    not_metal[:, :45] = True
    grade_map = predict_grade_map(
        blank(900), FakePredictor(lambda tiles: np.full(len(tiles), 3.0 + 3.0 * (len(tiles) < 10))), 224, not_metal, 10
    )
    assert grade_map.zoom == 0.5
    assert grade_map.grid.lefts == (225, 226)
    assert np.isfinite(grade_map.g_seen).tolist() == [[True, True]] * 3
    with pytest.raises(MicrographError, match="no tile shows metal only"):
        predict_grade_map(blank(900), FakePredictor(), 224, np.ones((90, 90), bool), 10)


@pytest.mark.parametrize(("first_col", "zoom"), [(452, 0.5), (10, 1.0)])
def test_a_picture_is_halved_only_where_three_tiles_without_cover_are_left(first_col, zoom):
    not_metal = np.zeros((500, 500), bool)
    not_metal[452:, first_col:] = True  # at half the size, one tile of four is covered, or the two below
    grade_map = predict_grade_map(blank(500), FakePredictor(3.0), 224, not_metal)
    assert grade_map.zoom == zoom


def test_tiles_of_half_the_size_must_fit():
    assert predict_grade_map(blank(447, 900), FakePredictor(3.0), 224).zoom == 1.0
    assert predict_grade_map(blank(448, 900), FakePredictor(3.0), 224).zoom == 0.5
    smaller = FakePredictor(3.0)
    smaller.card = replace(CARD, tile_px=100)
    assert predict_grade_map(blank(200, 900), smaller, 100).zoom == 0.5


def test_a_picture_that_is_read_row_by_row_gives_the_map_of_the_same_in_memory(rng):
    pixels = rng.integers(0, 256, (1799, 1001), dtype=np.uint8)

    def answer(tiles):
        return 3.0 + tiles.mean(axis=(1, 2)) / 100.0 + 2.0 * (np.abs(tiles[:, 1:] - 1.0 * tiles[:, :-1]).mean() < 60)

    regions = Regions(pixels.shape, lambda top, bottom: pixels[top:bottom])
    read, held = (predict_grade_map(one, FakePredictor(answer), 224) for one in (regions, GreyImage(pixels)))
    assert read.zoom == held.zoom == 0.5
    assert (read.tiles, read.doubts) == (held.tiles, pytest.approx(held.doubts, nan_ok=True))
    np.testing.assert_array_equal(read.g_seen, held.g_seen)


def in_a_circle(native, halved):
    """Return the map of a field of 1344 px across a black surround, read so at full size and at half the size."""
    row, col = np.indices((168, 168))  # cells of 8 px
    outside = np.hypot(row - 83.5, col - 83.5) > 84
    shown = Shown(outside, 8, FakePredictor(), 224)
    grids = [(shown.grid((side, side), zoom), zoom) for side, zoom in ((1344, 1.0), (672, 0.5))]
    counts = [np.count_nonzero(shown.usable(grid, zoom)) for grid, zoom in grids]
    assert counts[0] > counts[1] >= 3
    predictor = by_tiles(**dict(zip([f"t{count}" for count in counts], (native, halved), strict=True)))
    return predict_grade_map(blank(1344), predictor, 224, outside, 8)


@pytest.mark.parametrize(
    ("native", "halved", "by"),
    [
        (5.0, 6.7, -0.3), (5.34, 7.44, 0.1), (5.36, 7.06, np.nan),
        (4.99, 6.69, 0.3), (4.66, 6.76, -0.1), (4.64, 6.34, np.nan),
    ],
)  # fmt: skip
def test_a_part_of_a_field_near_the_limit_of_coarse_grains_says_what_the_other_size_would_have_given(
    native, halved, by
):
    grade_map = in_a_circle(native, halved)
    assert grade_map.zoom == (1.0 if native >= 5.0 else 0.5)
    assert grade_map.other_size_by == pytest.approx(by, abs=1e-5, nan_ok=True)


def test_a_whole_field_is_in_no_doubt_of_its_size():
    assert np.isnan(predict_grade_map(blank(1000), by_tiles(t25=5.1, t9=6.5), 224).other_size_by)
    banner = np.zeros((125, 125), bool)
    banner[115:] = True
    assert np.isnan(
        predict_grade_map(blank(1000), by_tiles(t25=5.1, t20=5.1, t9=6.5, t6=6.5), 224, banner, 8).other_size_by
    )
