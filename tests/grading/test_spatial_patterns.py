"""The parts of the search for patterns, each against a second way to compute it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from gdest.grading import spatial_patterns as patterns
from gdest.grading.spatial_patterns import Mixture, cells_of, is_coherent, shared_variance, suggest


def share_between(values, group):
    """Return the share of variance between a group and the rest: sums of squares, one by one."""
    means = np.where(group, values[group].mean(), values[~group].mean())
    return ((means - values.mean()) ** 2).sum() / ((values - values.mean()) ** 2).sum()


def rectangles(shape, smallest):
    for top, left in product(range(shape[0]), range(shape[1])):
        for bottom, right in product(range(top + 1, shape[0] + 1), range(left + 1, shape[1] + 1)):
            inside = np.zeros(shape, bool)
            inside[top:bottom, left:right] = True
            if smallest <= inside.sum() <= inside.size - smallest:
                yield inside


@pytest.mark.parametrize(("shape", "smallest"), [((4, 5), 2), ((7, 9), 4)])  # a twentieth of 63 is more than 3
def test_the_best_rectangle_is_the_best_of_all(rng, shape, smallest):
    maps = rng.normal(7.0, 1.0, (3, *shape))
    maps[1, 0, 0] -= 9.0  # one odd tile alone is no region
    expected = [max(share_between(one, inside) for inside in rectangles(shape, smallest)) for one in maps]
    assert patterns._region_shares(maps) == pytest.approx(expected)


def test_rows_or_columns_share_the_variance_of_their_means(rng):
    values = rng.normal(7.0, 1.0, (5, 6))
    rows, cols = values.mean(axis=1), values.mean(axis=0)
    expected = max(((rows - rows.mean()) ** 2).mean(), ((cols - cols.mean()) ** 2).mean()) / values.var()
    assert patterns._line_shares(np.stack([values, 2 * values])) == pytest.approx([expected, expected])
    assert patterns._line_shares(values.T[None]) == pytest.approx([expected])
    assert patterns._line_shares(np.full((1, 3, 3), 7.0)).tolist() == [0.0]


def test_neighbours_are_alike_by_the_products_of_their_deviations(rng):
    values = rng.normal(7.0, 1.0, (4, 5))
    off = values - values.mean()
    products = [off[r, c] * off[r + 1, c] for r in range(3) for c in range(5)]
    products += [off[r, c] * off[r, c + 1] for r in range(4) for c in range(4)]
    assert patterns._neighbour_shares(values[None]) == pytest.approx([sum(products) / (off**2).sum()])


def test_a_plane_explains_what_least_squares_explain(rng):
    values = rng.normal(7.0, 1.0, (4, 6)) + np.linspace(-2, 2, 6)
    y, x = np.indices(values.shape)
    columns = np.stack([np.ones(24), y.ravel(), x.ravel()], axis=1)
    rest = values.ravel() - columns @ np.linalg.lstsq(columns, values.ravel(), rcond=None)[0]
    assert patterns._slope_shares(values[None]) == pytest.approx([1 - (rest**2).sum() / (24 * values.var())])
    assert patterns._slope_shares(np.array([[[1.0, 2.0, 3.0]]])) == pytest.approx([1.0])


def test_two_groups_are_split_where_they_are_furthest_apart(rng):
    values = np.concatenate([rng.normal(5.0, 0.3, 7), rng.normal(8.0, 0.3, 12)])
    ordered = np.sort(values)
    shares = [share_between(ordered, np.arange(19) < cut) for cut in range(1, 19)]
    assert patterns._otsu(rng.permutation(values)) == ordered[int(np.argmax(shares))] == ordered[6]


def test_a_group_explains_its_share_and_all_or_none_explain_nothing(rng):
    values = rng.normal(7.0, 1.0, (4, 5))
    group = values < 6.8
    assert patterns._explained(values, group) == pytest.approx(share_between(values, group))
    assert patterns._explained(values, values < 99) == patterns._explained(values, values > 99) == 0.0


@pytest.mark.parametrize(
    ("profile", "turns"),
    [([1, 2, 3], 1), ([3, 1, 3], 2), ([1, 3, 1, 3], 3), ([5, 5, 5], 0), ([1, 3, 2.1, 3], 1), ([1, 3, 2, 3], 3)],
)
def test_a_profile_turns_where_it_crosses_the_middle_between_its_ends(profile, turns):
    assert patterns._turns(np.array(profile, float)) == turns


def test_a_slope_leaves_what_a_straight_line_does_not_fit():
    # the line of 0, 1, 0, 1, 0 is level at 0.4: 3 x 0.16 + 2 x 0.36, over 5 - 2
    assert patterns._rest_of_slope(np.array([0.0, 1.0, 0.0, 1.0, 0.0])) == pytest.approx(0.4)
    assert patterns._rest_of_slope(np.arange(6.0)) == pytest.approx(0.0, abs=1e-9)


def test_a_step_leaves_what_two_levels_do_not_fit_with_one_line_between_left_out():
    assert patterns._rest_of_step(np.array([1.0, 1, 2, 3, 3, 3])) == pytest.approx(0.0)
    # 0 to 5: without 2, (0, 1) and (3, 4, 5) leave 0.5 + 2; over 6 - 4
    assert patterns._rest_of_step(np.arange(6.0)) == pytest.approx(1.25)
    assert patterns._rest_of_step(np.arange(5.0)) == pytest.approx(1.0)  # (0, 1) and (3, 4), over 5 - 4
    assert patterns._rest_of_step(np.array([0.0, 0, 0, 4])) == pytest.approx(0.0)
    assert patterns._rest_of_step(np.array([0.0, 2, 3])) == pytest.approx(0.0)


def test_cells_are_means_and_what_is_not_known_is_the_mean_of_the_rest(rng):
    grades = rng.normal(7.0, 1.0, (12, 5))
    np.testing.assert_array_equal(cells_of(grades), grades)
    gaps = grades.copy()
    gaps[3, 2] = np.nan
    assert cells_of(gaps)[3, 2] == pytest.approx(gaps[np.isfinite(gaps)].mean())
    large = rng.normal(7.0, 1.0, (24, 36))
    np.testing.assert_allclose(cells_of(large), large.reshape(12, 2, 12, 3).mean(axis=(1, 3)))
    assert cells_of(rng.normal(7.0, 1.0, (13, 3))).shape == (12, 3)


def test_the_shared_variance_of_two_levels_is_all_their_variance():
    values = np.full((4, 6), 8.0)
    values[:, :2] = 5.0
    assert shared_variance(values) == pytest.approx(values.var()) == pytest.approx(9 * 2 / 9)


def test_fifteen_cells_are_always_coherent_and_sixteen_only_with_a_pattern():
    board = np.where(np.indices((4, 4)).sum(axis=0) % 2, 6.0, 8.0)
    assert not is_coherent(board)
    assert is_coherent(board[:3])
    rows = np.repeat([5.0, 6.0, 7.0, 8.0], 4).reshape(4, 4)
    assert is_coherent(rows)


def test_of_maps_shuffled_at_random_about_one_in_ten_is_coherent(rng):
    """Two tests at one in twenty each."""
    found = [is_coherent(rng.normal(7.0, 1.0, (5, 6))) for _ in range(150)]
    assert 3 <= sum(found) <= 26


def kind_of(values, noise=0.0):
    values = np.asarray(values, float)
    return suggest(values, np.ones_like(values), noise).kind


def test_one_coarse_region_is_isolated_up_to_a_fifth_of_the_area():
    for width, kind in ((4, Mixture.ISOLATED_COARSE), (5, Mixture.BIMODAL)):
        values = np.full((10, 10), 8.0)
        values[2:7, 3 : 3 + width] = 5.0
        assert kind_of(values) == kind, width
    apart = np.full((10, 10), 8.0)
    apart[1:3, 1:3] = apart[6:8, 6:8] = 5.0
    assert kind_of(apart) == Mixture.BIMODAL
    touching = np.full((10, 10), 8.0)
    touching[1:3, 1:3] = touching[3:5, 3:5] = 5.0  # corner to corner is one region
    assert kind_of(touching) == Mixture.ISOLATED_COARSE


def test_a_tile_between_two_levels_counts_in_part_and_by_its_area():
    values = np.array([[5.0, 5.0, 6.5, 8.0, 8.0, 8.0, 8.0, 8.0]] * 4)
    areas = np.ones_like(values)
    assert suggest(values, areas, 0.0).words == "31% of the area is 3.0 G coarser than the rest"  # 2.5 of 8
    areas[:, :2] = 4.0
    assert suggest(values, areas, 0.0).words == "61% of the area is 3.0 G coarser than the rest"  # 8.5 of 14


def test_patterns_tell_from_which_to_which_grade():
    slope = np.tile(np.linspace(5.0, 8.0, 6), (5, 1))
    found = suggest(slope, np.ones_like(slope), 0.0)
    assert (found.kind, found.words) == (Mixture.GRADIENT, "a slope from 5.0 to 8.0 G as seen")
    aslant = slope + np.linspace(0.0, 3.0, 5)[:, None]
    found = suggest(aslant, np.ones_like(aslant), 0.0)
    assert (found.kind, found.words) == (Mixture.GRADIENT, "a slope from 5.0 to 11.0 G as seen")
    patches = np.kron(np.array([[5, 9, 6.5], [7.5, 5.5, 8.5], [8, 6, 7]]), np.ones((3, 3)))
    found = suggest(patches, np.ones_like(patches), 0.0)
    assert (found.kind, found.words) == (Mixture.WIDE_RANGE, "patches from 5.0 to 9.0 G as seen")


def test_bands_need_two_turns():
    band = np.full((8, 8), 8.0)
    band[3:5] = 5.0
    assert kind_of(band) == Mixture.BANDING_HORIZONTAL
    assert kind_of(band.T) == Mixture.BANDING_VERTICAL
    edge = np.full((8, 8), 8.0)
    edge[:2] = 5.0
    assert kind_of(edge) == Mixture.BIMODAL


def test_what_uniform_steel_scatters_by_is_no_part_of_the_pattern(rng):
    """Bands that explain seven tenths of what is beyond the noise, but less of the whole."""
    values = rng.normal(8.0, 0.8, (8, 8))
    values[2:4] -= 1.6
    values[6:] -= 1.6
    profile = values.mean(axis=1).var()
    assert profile < 0.7 * values.var()
    assert kind_of(values, noise=0.64) == Mixture.BANDING_HORIZONTAL
    assert kind_of(values, noise=0.0) != Mixture.BANDING_HORIZONTAL
