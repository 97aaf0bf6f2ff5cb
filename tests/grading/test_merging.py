import numpy as np
import pytest

from gdest.grading.merging import FLOOR_SHARE, NECK_SHARE, Partition, find_edges, merge_weak


def row_of(strengths, *, length=10.0, neck=0.0, floor=0.0, radius=5.0):
    """Return regions in a row, each with an edge to the next."""
    n = len(strengths) + 1
    first = np.arange(n - 1)
    full = np.full(n - 1, length)
    return Partition(
        first,
        first + 1,
        np.array(strengths) * full,
        full,
        np.full(n - 1, neck),
        np.full(n, floor),
        np.full(n, radius),
        np.arange(n),
    )


def test_regions_are_merged_across_edges_below_the_threshold_only():
    merged = merge_weak(row_of([0.9, 0.2, 0.9, 0.5, 0.4]), 0.5)

    assert list(merged.root) == [0, 1, 1, 3, 4, 4]


def test_two_edges_to_one_neighbour_become_one_with_their_mean():
    triangle = Partition(
        np.array([0, 0, 1]),
        np.array([1, 2, 2]),
        np.array([0.1 * 10, 0.4 * 10, 0.7 * 30]),
        np.array([10.0, 10.0, 30.0]),
        np.zeros(3),
        np.zeros(3),
        np.ones(3),
        np.arange(3),
    )

    merged = merge_weak(triangle, 0.5)  # 0 and 1 are one; their edge to 2 has (4 + 21) / 40

    assert list(merged.root) == [0, 0, 2]
    assert merged.contrast == pytest.approx([0.625])


def test_what_a_region_shows_inside_and_gaps_are_taken_off():
    assert row_of([0.9], floor=0.5).contrast == pytest.approx([0.9 - FLOOR_SHARE * 0.5])
    assert row_of([0.9], neck=2.0, radius=5.0).contrast == pytest.approx([0.9 - NECK_SHARE * 0.4])


def test_the_worse_inside_and_the_smaller_region_count():
    pair = row_of([0.9], neck=2.0)
    pair.floor[1], pair.radius[0] = 0.5, 4.0

    assert pair.contrast == pytest.approx([0.9 - FLOOR_SHARE * 0.5 - NECK_SHARE * 2.0 / 4.0])


def test_a_merged_region_is_as_clear_and_as_wide_as_its_best_part():
    three = row_of([0.1, 0.9], neck=2.0)
    three.floor[:], three.radius[:] = (0.4, 0.1, 0.0), (8.0, 3.0, 9.0)

    merged = merge_weak(three, 0.3)

    assert merged.contrast == pytest.approx([0.9 - FLOOR_SHARE * 0.1 - NECK_SHARE * 2.0 / 8.0])


def test_edges_are_measured_on_the_cells_at_them():
    labels = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.int32)
    probability = np.array([[0.0, 0.2, 0.6, 0.0], [0.0, 0.4, 0.1, 0.0]], np.float32)
    weight = np.array([[1, 1, 1, 1], [1, 1, 0.5, 1]], np.float32)
    away = np.array([[9, 1, 2, 9], [9, 4, 3, 9]], np.float32)

    edges = find_edges(labels, probability, weight, away, np.zeros(2), np.ones(2))

    assert (list(edges.first), list(edges.second)) == ([0], [1])
    assert edges.strength == pytest.approx([0.6 + 0.5 * 0.4])
    assert edges.length == pytest.approx([1.5])
    assert edges.neck == pytest.approx([3.0])
