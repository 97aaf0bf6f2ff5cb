from dataclasses import replace

import numpy as np
from helpers.boundary_fields import field_of, squares, voronoi

from gdest.grading.grains import close_grains


def same_partition(found, true, share):
    """Return whether nearly all pairs (found grain, true grain) match one to one, by their common area."""
    pairs, counts = np.unique(found.astype(np.int64) * 10**6 + true, return_counts=True)
    order = np.argsort(-counts)
    first = np.unique((pairs[order]) // 10**6, return_index=True)[1]
    return counts[order][first].sum() >= share * true.size and len(first) == len(np.unique(true))


def test_each_square_is_one_grain():
    true = squares(120, 160, 20)

    grains = close_grains(field_of(true))

    assert same_partition(grains.labels, true, 0.9)
    assert len(grains.areas) == 1 + 6 * 8


def test_a_line_with_gaps_is_closed():
    true = squares(120, 160, 20)
    field = field_of(true)
    gaps = field.grain.copy()
    for col in (6, 7):  # a tenth of each boundary between rows of squares
        gaps[:, col::20] = 0

    assert same_partition(close_grains(replace(field, grain=gaps)).labels, true, 0.9)


def test_a_loose_line_inside_a_grain_splits_nothing():
    true = squares(120, 160, 40)
    field = field_of(true)
    grain = field.grain.copy()
    grain[10:22, 20:22] = 255  # less than a third of the way across

    assert same_partition(close_grains(replace(field, grain=grain)).labels, true, 0.9)


def test_a_faint_line_across_a_grain_is_no_boundary_and_a_strong_one_is():
    true = squares(120, 160, 40)
    field = field_of(true)
    for probability, more in (60, 0), (250, 3):
        grain = field.grain.copy()
        grain[0:120, 60:62] = probability

        assert len(close_grains(replace(field, grain=np.maximum(grain, field.grain))).areas) == 1 + 12 + more


def test_twins_split_no_grain():
    true = squares(120, 160, 40)
    field = field_of(true)
    twin = field.twin.copy()
    twin[:, 60:62] = 255

    assert len(close_grains(replace(field, twin=twin)).areas) == 1 + 12


def test_a_particle_with_its_own_outline_is_no_grain():
    true = squares(120, 160, 40)
    field = field_of(true)
    grain, particle = field.grain.copy(), field.particle.copy()
    grain[10:30, 10:30] = 255
    grain[12:28, 12:28] = 0
    particle[12:28, 12:28] = 255

    grains = close_grains(replace(field, grain=grain, particle=particle))

    assert len(grains.areas) == 1 + 12
    assert grains.labels[20, 20] == grains.labels[5, 5]


def test_specks_are_given_to_a_neighbour():
    true = squares(160, 160, 40)
    true[60:63, 60:63] = 77

    assert len(close_grains(field_of(true)).areas) == 1 + 16


def test_grains_at_what_is_left_out_count_as_cut():
    true = squares(120, 120, 40)
    usable = np.ones(true.shape, bool)
    usable[:, 70:] = False

    grains = close_grains(replace(field_of(true), usable=usable))

    assert (grains.labels == 0).sum() == 120 * 50
    assert sorted(grains.shares[1:]) == [0.25] * 2 + [0.5] * 4


def test_more_boundaries_are_possible_than_sure():
    true = voronoi(np.random.default_rng(3), 200, 200, 120)

    clear, doubtful = close_grains(field_of(true)), close_grains(field_of(true, sure=0.62))

    assert clear.most / clear.fewest < 1.1
    assert doubtful.most / doubtful.fewest > 1.5


def test_a_line_that_stops_short_splits_nothing_though_it_is_as_strong_along_its_edge():
    true = squares(120, 120, 60)
    field = field_of(true)
    scratch, faint = field.grain.copy(), field.grain.copy()
    scratch[0:42, 30:32] = 255  # leaves 18 of 60 cells open
    faint[0:60, 30:32] = np.maximum(faint[0:60, 30:32], 255 * 42 // 60)  # the same strength on the whole way

    assert len(close_grains(replace(field, grain=scratch)).areas) == 1 + 4
    assert len(close_grains(replace(field, grain=faint)).areas) == 1 + 5


def test_a_line_that_is_as_likely_a_twin_splits_nothing():
    true = squares(120, 120, 60)
    field = field_of(true)
    grain, twin = field.grain.copy(), field.twin.copy()
    grain[0:60, 30:32] = np.maximum(grain[0:60, 30:32], 180)
    twin[0:58, 30:32] = 180

    assert len(close_grains(replace(field, grain=grain)).areas) == 1 + 5
    assert len(close_grains(replace(field, grain=grain, twin=twin)).areas) == 1 + 4
