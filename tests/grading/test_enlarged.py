from __future__ import annotations

import numpy as np
import pytest
from helpers.predictors import FakePredictor
from PIL import Image

from gdest.core.tiles import GreyImage
from gdest.grading.zooms import FEW_TILES, FINE_TILES, SURE_G, UNSURE_SHARE, predict_grade_map


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
    natural = UNSURE_SHARE * (11.0 - SURE_G[1])
    assert grade_map.doubts["zoom gap"] == pytest.approx(max(0.0, abs(enlarged + 2.0 - 11.0) - natural))


def test_a_picture_that_was_halved_is_not_enlarged():
    picture = checkered(500)
    predictor = FakePredictor(lambda tiles: np.full(len(tiles), 4.0 if len(tiles) > 4 else 12.0))
    assert predict_grade_map(GreyImage(picture), predictor, 224).g_seen == pytest.approx(10.0)


def test_of_many_tiles_a_part_is_enlarged_in_the_middle_and_compared_with_the_same_tiles(rng):
    picture = rng.integers(0, 256, (672, 672), dtype=np.uint8)
    seen = []
    covered = np.zeros((672, 672), bool)
    covered[:1, 100:] = True  # too little to matter

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
    predict_grade_map(GreyImage(np.zeros((672, 672), np.uint8)), predictor, 224, not_metal)
    assert predictor.shapes[-1][0] == 4 * 8
