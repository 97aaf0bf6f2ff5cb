from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.predictors import CARD, FakePredictor
from PIL import Image

from gdest.core.errors import MicrographError
from gdest.core.tiles import GreyImage, Regions
from gdest.grading.zooms import FEW_TILES, FINE_TILES, predict_grade_map


def checkered(side):
    """Return a picture whose every tile has pixels as fine as can be: enlarged, neighbours become alike."""
    rows, cols = np.indices((side, side))
    return ((rows + cols) % 2 * 200 + rows * 50 // side).astype(np.uint8)


def reads(native, enlarged):
    """Return a predictor that tells enlarged tiles by their smoothness, and adds what their rows' grey level says."""

    def answer(tiles):
        steps = np.abs(np.diff(tiles.astype(np.int16), axis=2)).mean(axis=(1, 2))
        return np.where(steps > 150, native + tiles.mean(axis=(1, 2)) / 100.0, enlarged + tiles.mean(axis=(1, 2)) / 100)

    return FakePredictor(answer)


def test_fine_grains_are_seen_enlarged_and_the_whole_map_moves():
    picture = checkered(700)
    as_read = predict_grade_map(GreyImage(picture), reads(8.0, 0.0), 224)  # 8 and 1.25: not fine
    map_of = predict_grade_map(GreyImage(picture), reads(10.0, 7.6), 224)
    assert map_of.zoom == 1.0
    assert map_of.g_seen.mean() == pytest.approx(7.6 + 1.25 + 2.0, abs=0.08)
    # how the tiles differ is what the whole picture showed
    np.testing.assert_allclose(np.ptp(map_of.g_seen), np.ptp(as_read.g_seen), atol=1e-4)


@pytest.mark.parametrize(("side", "looked_at"), [(300, 4 * 4), (448, 4 * 4), (672, 9), (224 * FEW_TILES, FINE_TILES)])
def test_a_part_of_the_tiles_is_enlarged(side, looked_at):
    predictor = FakePredictor(12.5)
    grade_map = predict_grade_map(GreyImage(checkered(side)), predictor, 224)
    assert predictor.shapes[-1] == (looked_at, 224, 224)
    assert grade_map.tiles == grade_map.g_seen.size + looked_at


def test_what_is_enlarged_is_what_enlarging_the_whole_picture_gives(rng):
    picture = rng.integers(0, 256, (224, 224), dtype=np.uint8)
    seen = []
    predict_grade_map(
        GreyImage(picture), FakePredictor(lambda tiles: seen.append(tiles) or np.full(len(tiles), 12.0)), 224
    )
    whole = np.asarray(Image.fromarray(picture).resize((448, 448), Image.Resampling.BILINEAR))
    upper_left, upper_right, lower_left, lower_right = seen[1]
    assert (upper_right[:-1, 1:] == whole[:223, 225:]).all()
    assert (lower_left[1:, :-1] == whole[225:, :223]).all()
    assert (upper_left[:-1, :-1] == whole[:223, :223]).all()
    assert (lower_right[1:, 1:] == whole[225:, 225:]).all()


def test_tiles_without_metal_are_not_enlarged():
    not_metal = np.zeros((700, 700), bool)
    not_metal[:, :350] = True
    predictor = FakePredictor(12.0)
    grade_map = predict_grade_map(GreyImage(checkered(700)), predictor, 224, not_metal)
    usable = int(np.isfinite(grade_map.g_seen).sum())
    assert 0 < usable < FEW_TILES
    assert predictor.shapes[-1][0] == 4 * usable
    assert np.nanmean(grade_map.g_seen) == pytest.approx(12.75)  # it says 12 of any size, and moves no further


@pytest.mark.parametrize(("enlarged", "g"), [(9.0, 11.0), (9.6, 11.6), (12.5, 11.75), (6.0, 10.25)])
def test_what_the_enlarged_tiles_contradict_is_moved_only_so_far_and_is_a_doubt(enlarged, g, rng):
    picture = rng.integers(0, 256, (224, 224), dtype=np.uint8)
    answers = iter([11.0, enlarged])
    grade_map = predict_grade_map(
        GreyImage(picture), FakePredictor(lambda tiles: np.full(len(tiles), next(answers))), 224
    )
    assert grade_map.g_seen == pytest.approx(g)
    assert grade_map.doubts["zoom gap"] == pytest.approx(abs(enlarged + 2.0 - 11.0))


def test_a_picture_that_was_halved_is_not_enlarged():
    picture = checkered(500)
    predictor = FakePredictor(lambda tiles: np.full(len(tiles), 4.0 if len(tiles) > 4 else 12.0))
    assert predict_grade_map(GreyImage(picture), predictor, 224).g_seen == pytest.approx(10.0)


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
    [(9.0, 1.0 - 0.5 * MIXED_SD), (7.0, 1.0 - 0.5 * MIXED_SD), (8.4, 0.0), (8.5, 0.5 - 0.5 * MIXED_SD)],
)
def test_in_a_mixed_field_two_zooms_may_differ_by_half_the_scatter_of_its_tiles(halved, gap):
    grade_map = predict_grade_map(blank(500), by_tiles(t9=MIXED, t4=halved), 224)
    assert grade_map.doubts["zoom gap"] == pytest.approx(gap, abs=1e-6)
    assert grade_map.g_seen.ravel().tolist() == MIXED


def test_a_uniform_field_has_no_such_allowance():
    assert predict_grade_map(blank(500), by_tiles(t9=6.0, t4=8.4), 224).doubts["zoom gap"] == pytest.approx(0.4)


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


def test_of_many_tiles_a_part_is_enlarged_in_the_middle_and_compared_with_the_same_tiles(rng):
    picture = rng.integers(0, 256, (672, 672), dtype=np.uint8)
    seen = []
    covered = np.zeros((672, 672), bool)
    covered[:1] = True  # too little to matter

    def answer(tiles):
        seen.append(tiles)
        return np.arange(len(tiles)) + 7.0 if len(seen) == 1 else np.full(len(tiles), 8.5)

    grade_map = predict_grade_map(GreyImage(picture), FakePredictor(answer), 224, covered)
    middle = picture[224 + 56 : 224 + 168, 56:168]
    whole = np.asarray(Image.fromarray(middle).resize((224, 224), Image.Resampling.BILINEAR))
    assert len(seen[-1]) == 9
    assert (seen[-1][3] == whole).all()
    assert np.mean(grade_map.g_seen) == pytest.approx(11.0 - 0.5)  # 8.5 + 2 of the same nine, whose mean was 11


def test_enlarged_tiles_are_spread_over_the_picture_and_compared_with_what_these_were_read():
    side = 224 * 10
    rows = np.repeat(np.arange(10), 224)
    picture = np.repeat((rows * 20)[:, None], side, axis=1).astype(np.uint8)
    enlarged = []

    def answer(tiles):
        levels = tiles[:, 100, 100] / 20.0
        if len(tiles) == 64:
            enlarged.extend(levels)
            return 8.0 + levels * 0.2 + 0.25
        return 10.0 + levels * 0.2

    grade_map = predict_grade_map(GreyImage(picture), FakePredictor(answer), 224)
    assert sorted(set(enlarged)) == list(range(10))
    # each is 0.25 finer than it was read, whichever were picked
    assert grade_map.g_seen[:, 0] == pytest.approx(10.25 + 0.2 * np.arange(10), abs=1e-5)


def test_fewer_than_nine_tiles_show_all_their_quarters():
    not_metal = np.zeros((672, 672), bool)
    not_metal[:224, :224] = True
    predictor = FakePredictor(12.0)
    predict_grade_map(blank(672), predictor, 224, not_metal)
    assert predictor.shapes[-1][0] == 4 * 8


def test_what_is_no_metal_is_left_out_at_every_zoom():
    not_metal = np.zeros((90, 90), bool)  # cells of 10 px
    not_metal[:, :45] = True
    grade_map = predict_grade_map(
        blank(900), FakePredictor(lambda tiles: np.full(len(tiles), 3.0 + 3.0 * (len(tiles) < 10))), 224, not_metal, 10
    )
    assert grade_map.zoom == 0.5
    assert grade_map.grid.lefts == (0, 224, 226)
    assert np.isfinite(grade_map.g_seen).tolist() == [[False, True, True]] * 3
    with pytest.raises(MicrographError, match="no tile shows metal only"):
        predict_grade_map(blank(900), FakePredictor(), 224, np.ones((90, 90), bool), 10)


@pytest.mark.parametrize(("first_col", "zoom"), [(452, 0.5), (0, 1.0)])
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
