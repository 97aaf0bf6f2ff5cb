from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.predictors import CARD

from gdest.core.grid import area_by_half_grade, tile_areas, tile_grid
from gdest.core.model_card import interpolate
from gdest.core.records import GradeMap
from gdest.grading.homogeneity import assess, uniform_scatter


def grade_map(values, zoom=1.0):
    values = np.asarray(values, np.float32)
    grid = tile_grid(224 * values.shape[0], 224 * values.shape[1], 224, 224)
    return GradeMap(values, grid, zoom, values.size)


def uniform(rng, g=7.0, shape=(6, 8)):
    return rng.normal(g, interpolate(CARD.tile_scatter, g), shape)


def said(values, zoom=1.0):
    return assess(grade_map(values, zoom), CARD).verdict


@pytest.mark.parametrize("g", [2.0, 3.0, 5.0, 8.0, 12.0])
def test_uniform_steel_of_any_g_is_not_called_mixed(rng, g):
    verdicts = [said(uniform(rng, g, (5, 6))) for _ in range(200)]
    assert sum(verdict.startswith("duplex") for verdict in verdicts) <= 4
    if g >= 8.0:
        assert verdicts.count("uniform") >= 196


@pytest.mark.parametrize("g", [2.0, 3.0])
def test_what_tiles_of_few_grains_cannot_tell_is_unknown(rng, g):
    # tiles of uniform steel of G 3 scatter by 0.7 G here, a variance of 0.5: two grades 2 G apart could hide in it
    found = [assess(grade_map(uniform(rng, g, (5, 6))), CARD) for _ in range(50)]
    assert {one.verdict for one in found} == {"unknown"}


@pytest.mark.parametrize(("deviation", "verdict"), [(0.44, "uniform"), (0.47, "unknown")])
def test_a_map_is_uniform_only_where_a_mixture_of_two_grades_cannot_hide(deviation, verdict):
    # 30 tiles: the variance is sure to be below 29 / 17.708 (chi squared) times what they show, 0.36 / 1.638 = 0.2198
    board = 5.0 + deviation * np.sqrt(29 / 30) * np.where(np.indices((5, 6)).sum(axis=0) % 2, 1.0, -1.0)
    found = assess(grade_map(board), replace(CARD, tile_scatter=((5.0, 0.45),)))
    assert found.verdict == verdict
    assert (verdict == "uniform") is (found.note == "no more scatter than uniform steel shows")


@pytest.mark.parametrize(("g", "verdict"), [(4.0, "uniform"), (3.7, "unknown")])
def test_a_field_of_fewer_than_fifty_grains_is_unknown(g, verdict):
    # nine tiles of 0.0502 mm2: 50 grains are 110.7 per mm2, G 3.84
    found = assess(grade_map(np.full((3, 3), g)), CARD)
    assert found.verdict == verdict
    assert ("too few grains to tell: about 45 in all tiles, 50 are needed" in found.note) is (verdict == "unknown")
    finer_pixels = replace(CARD, um_per_px=0.5)
    assert "about 14 in all" in assess(grade_map(np.full((3, 3), 4.0)), finer_pixels).note


def test_two_grades_side_by_side_are_bimodal(rng):
    values = uniform(rng)
    values[:, :4] -= 3.0
    found = assess(grade_map(values), CARD)
    assert found.verdict == "duplex:bimodal"
    assert found.note.startswith("50% of the area is 3.")


def test_a_checkerboard_of_quadrants_is_bimodal(rng):
    values = uniform(rng)
    values[:3, :4] -= 2.5
    values[3:, 4:] -= 2.5
    assert said(values) == "duplex:bimodal"


@pytest.mark.parametrize(("turn", "name"), [(0, "horizontal"), (1, "vertical")])
def test_bands_have_a_direction(rng, turn, name):
    values = uniform(rng, shape=(8, 8))
    values[1:3] -= 2.5
    values[5:7] -= 2.5
    assert said(np.rot90(values, turn)) == f"duplex:banding-{name}"


def test_a_slope_across_the_section_is_a_gradient(rng):
    values = uniform(rng) + np.linspace(-1.5, 1.5, 8)
    assert said(values) == "duplex:gradient"


def test_one_coarse_patch_is_isolated(rng):
    values = uniform(rng, shape=(8, 10))
    values[2:5, 3:6] -= 3.0
    assert said(values) == "duplex:isolated-coarse"


def test_many_grades_in_patches_are_a_wide_range(rng):
    values = uniform(rng, shape=(9, 9))
    values += np.kron(rng.permutation(np.linspace(-2.5, 2.5, 9)).reshape(3, 3), np.ones((3, 3)))
    assert said(values) == "duplex:wide-range"


def test_odd_tiles_without_a_pattern_are_not_duplex(rng):
    values = uniform(rng, shape=(8, 10))
    values[3, 4] -= 6.0
    found = assess(grade_map(values), CARD)
    assert found.verdict == "unknown"
    assert "without a spatial pattern" in found.note
    shuffled = [said(rng.permuted(rng.normal(7.0, 0.7, 80)).reshape(8, 10)) for _ in range(60)]
    assert shuffled.count("unknown") >= 45


def test_a_map_too_small_for_patterns_is_judged_by_its_scatter(rng):
    values = uniform(rng, shape=(3, 3))
    values[0, 0] -= 3.0
    assert said(values).startswith("duplex")


def test_scatter_is_looked_up_at_the_size_the_network_saw(rng):
    values = rng.normal(2.0, 0.8, (5, 8)) + np.linspace(-0.8, 0.8, 8)
    assert said(values) == "unknown"
    assert said(values, 0.25).startswith("duplex")


def test_too_few_tiles_say_nothing():
    assert said([[3.0, 9.0]]) == "unknown"


def test_the_grains_in_a_tile_are_those_of_the_map_that_is_looked_at_by_the_g_that_is_given(rng):
    halved = grade_map(np.full((2, 2), 4.0), 0.25)
    rough = rng.permuted(4.0 + np.linspace(-1.5, 1.5, 30)).reshape(5, 6)
    found = assess(replace(halved, closer=grade_map(rough, 0.5)), replace(CARD, tile_scatter=((1.0, 0.8),)))
    # 124 grains per mm2 of G 4 on a tile that is 448 px of the file wide, 0.2007 mm2
    assert found.note == "30 tiles of about 25 grains scatter by 0.9 G, too much to tell"


def test_tiles_without_a_grade_are_left_out(rng):
    values = uniform(rng)
    values[0, :4] = np.nan
    assert said(values) == "uniform"
    values[:, 4:] -= 3.0
    assert said(values) == "duplex:bimodal"


def test_overlapping_tiles_share_their_area():
    # 500 px: tiles at 0, 224 and, shifted inwards, 276; the last two share 172 px
    areas = tile_areas(tile_grid(224, 500, 224, 224))
    assert areas.sum() == pytest.approx(224 * 500)
    assert list(areas[0] / 224) == pytest.approx([224, 52 + 86, 52 + 86])


def test_areas_per_half_grade_add_up_to_one_and_move_with_calibration():
    found = area_by_half_grade(grade_map([[5.2, 5.3], [7.0, np.nan]]), shift=2.0)
    assert found == [(7.0, pytest.approx(1 / 3)), (7.5, pytest.approx(1 / 3)), (9.0, pytest.approx(1 / 3))]


def test_a_gap_in_the_cards_curve_is_bridged():
    # a masked micrograph among those that calibrated stage 7 left a NaN, and uniform steel near it was called mixed
    assert interpolate(((5.0, 0.3), (6.0, float("nan")), (7.0, 0.2)), 6.0) == pytest.approx(0.25)
    assert np.isnan(interpolate(((6.0, float("nan")),), 6.0))


def test_coarser_than_the_card_knows_the_scatter_grows_with_fewer_grains_but_at_most_twofold():
    card = replace(CARD, tile_scatter=((5.0, 0.3), (9.0, 0.1)))
    assert uniform_scatter(card, 7.0) == pytest.approx(0.2)
    assert uniform_scatter(card, 4.0) == pytest.approx(0.3 * np.sqrt(2.0))  # half the grains
    assert uniform_scatter(card, 1.0) == pytest.approx(0.6)


def test_few_tiles_of_a_halved_picture_give_way_to_those_of_the_larger_one(rng):
    halved = grade_map(np.full((2, 2), 4.0), 0.25)
    assert assess(halved, CARD).verdict == "uniform"
    larger = uniform(rng, 3.0, (5, 6))
    larger[:, :3] += 2.5
    found = assess(replace(halved, closer=grade_map(larger)), CARD)
    assert found.verdict == "duplex:bimodal"


@pytest.mark.parametrize("shape", [(5, 6), (9, 12), (30, 40)])
def test_steel_that_is_mixed_in_a_tenth_of_its_area_is_found(rng, shape):
    verdicts = []
    for _ in range(20):
        values = uniform(rng, 8.0, shape)
        rows, cols = (round(side * 0.33) for side in shape)
        top, left = rng.integers(0, shape[0] - rows), rng.integers(0, shape[1] - cols)
        values[top : top + rows, left : left + cols] -= 2.0
        verdicts.append(said(values))
    assert sum(verdict.startswith("duplex") for verdict in verdicts) >= 19
    assert verdicts.count("duplex:isolated-coarse") >= 18


def test_two_parts_side_by_side_are_no_slope_even_with_a_line_between(rng):
    values = uniform(rng, 8.0, (5, 6))
    values[:, 3] -= 1.2
    values[:, 4:] -= 2.5
    assert said(values) == "duplex:bimodal"


def test_a_slope_in_five_steps_is_no_step(rng):
    values = uniform(rng, 8.0, (5, 6)) + np.linspace(-1.2, 1.2, 5)[:, None]
    assert said(values) == "duplex:gradient"


def halves(middle, step, shape):
    """Return a map whose left half is `step` coarser than its right half, without any noise."""
    values = np.full(shape, middle + step / 2)
    values[:, : shape[1] // 2] -= step
    return values


@pytest.mark.parametrize(
    ("middle", "shape", "least"),
    [
        (9.0, (6, 8), 2 * np.sqrt(0.10)),  # uniform steel scatters by 0.25 there: what is notable decides
        (5.0, (6, 8), 2 * np.sqrt(1.2 * 0.16)),  # 0.4 there: 1.2 variances of single tiles
        (5.0, (2, 4), 2 * np.sqrt(20 / 8 * 0.16)),  # 8 tiles: what chance arranges
    ],
)
def test_a_step_is_mixed_from_the_least_variance_that_counts(middle, shape, least):
    # of two levels of equal areas the variance is a quarter of the step squared
    assert not said(halves(middle, 0.98 * least, shape)).startswith("duplex")
    assert said(halves(middle, 1.02 * least, shape)) == "duplex:bimodal"


def test_the_scatter_beyond_uniform_steel_is_told_in_g():
    found = assess(grade_map(halves(9.0, 2.0, (6, 8))), CARD)
    # variance of the sample 48 / 47, less 0.25 squared
    assert f"tiles scatter by {np.sqrt(48 / 47 - 0.0625):.1f} G beyond uniform steel" in found.note
    assert found.note.startswith("50% of the area is 2.0 G coarser than the rest; ")


@pytest.mark.parametrize(("deviation", "told"), [(0.41, False), (0.45, True)])
def test_scatter_without_a_place_is_told_from_twice_what_uniform_steel_shows(deviation, told):
    board = 9.0 + deviation * np.where(np.indices((8, 8)).sum(axis=0) % 2, 1.0, -1.0)
    found = assess(grade_map(board), CARD)  # 64 / 63 of the deviation squared, less 0.0625, against 0.125
    assert found.verdict == ("unknown" if told else "uniform")
    assert ("tiles scatter by 0.4 G beyond uniform steel, without a spatial pattern" in found.note) is told
    assert ("no more scatter than uniform steel shows" in found.note) is not told


def test_three_tiles_are_too_few_and_four_are_not():
    assert assess(grade_map([[6.0, 6.0, 6.0]]), CARD).note == "fewer than 4 tiles"
    assert said([[6.0, 6.0, 6.0, np.nan]]) == "unknown"
    assert said([[6.0, 6.0, 6.0, 6.0]]) == "uniform"


def test_a_card_without_the_scatter_of_uniform_steel_says_nothing():
    found = assess(grade_map(np.full((4, 4), 6.0)), replace(CARD, tile_scatter=()))
    assert (found.verdict, found.note) == ("unknown", "")
