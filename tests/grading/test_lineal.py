import numpy as np
import pytest
from helpers.boundary_fields import field_of, squares, voronoi

from gdest.core import grain_size
from gdest.grading.grains import Grains, close_grains, saltikov_shares
from gdest.grading.lineal import Hits, TestLine, count_lineal, meet, test_lines as lines_on


def grains_of(labels, edge=1.0):
    """Return grains as they are, each boundary as sure as is said."""
    labels = np.asarray(labels, np.int32)
    edge = np.full(labels.shape, edge, np.float32)
    return Grains(labels, np.bincount(labels.ravel()), saltikov_shares(labels), labels, edge, 0.0, 0.0)


def hits_of(sequence, edge=1.0, around=None):
    """Return what one straight test line counts that runs through these grains."""
    row = np.asarray(sequence, np.int32)
    labels = np.stack([row, row if around is None else np.asarray(around, np.int32)])
    line = TestLine(0, np.arange(len(row)), 1.0)
    return float(meet(grains_of(labels, edge), [line], 1.0)[0].hits[0])


def test_each_boundary_crossed_is_one():
    assert hits_of([1, 1, 1, 2, 2, 2, 2, 3, 3, 3]) == 2.0


def test_a_triple_point_is_one_and_a_half():
    assert hits_of([1, 1, 1, 1, 2, 2, 2, 2], around=[1, 1, 1, 3, 3, 3, 2, 2]) == 1.5
    assert hits_of([1, 1, 1, 3, 2, 2, 2, 2], around=[1, 1, 1, 3, 3, 2, 2, 2]) == 1.5


def test_a_boundary_that_is_only_touched_is_one():
    assert hits_of([1, 1, 1, 2, 1, 1, 1, 1]) == 1.0
    assert hits_of([1, 1, 1, 2, 2, 1, 1, 1]) == 2.0  # two cells deep it is crossed twice


def test_a_line_that_ends_on_a_boundary_counts_half():
    assert hits_of([1, 2, 2, 2, 2, 2, 3, 3]) == 1.5
    assert hits_of([2, 2, 2, 2, 2, 2, 2, 3]) == 0.5


def test_a_boundary_counts_as_much_as_it_is_sure():
    assert hits_of([1, 1, 1, 2, 2, 2, 3, 3, 3], edge=0.25) == 0.5


def test_lines_end_where_cells_are_left_out():
    labels = np.array([[1, 1, 1, 2, 2, 0, 0, 0, 3, 3, 3, 4, 4, 4]], np.int32)
    line = TestLine(0, np.arange(14), 1.0)

    hits, _ = meet(grains_of(labels), [line], 2.0)

    assert hits.length_um[0] == 11 * 2.0
    assert hits.hits[0] == 2.0


def test_squares_have_their_side_as_mean_intercept_along_rows_and_columns():
    labels = squares(400, 400, 20) + 1
    clear = [line for line in lines_on(labels.shape, 20.0) if line.direction in (0, 2)]  # 10 cells from any corner

    hits, _ = meet(grains_of(labels), clear, 0.5)
    along = count_lineal([hits]).by_direction_um

    assert along[0] == along[2] == pytest.approx(0.5 * 400 / 19)  # 19 boundaries on 400 cells


def test_stretched_grains_have_the_anisotropy_of_their_stretch():
    labels = voronoi(np.random.default_rng(1), 200, 600, 500)
    stretched = np.repeat(labels, 3, axis=0)

    hits, _ = meet(grains_of(stretched), lines_on(stretched.shape, 7.0), 1.0)
    counted = count_lineal([hits])

    assert counted.by_direction_um[2] / counted.by_direction_um[0] == pytest.approx(3.0, rel=0.08)
    assert counted.anisotropy == pytest.approx(3.0, rel=0.08)


def test_slanted_boundaries_are_longest_along_their_own_direction():
    rows, cols = np.mgrid[:300, :300]
    rising = (rows + cols) // 20 + 1  # boundaries rise to the right, as a line at 45 degrees does

    hits, _ = meet(grains_of(rising), lines_on(rising.shape, 7.0), 1.0)
    along = count_lineal([hits]).by_direction_um

    assert along[3] == pytest.approx(20 / np.sqrt(2.0), rel=0.05)
    assert along[0] == pytest.approx(20.0, rel=0.1)
    assert not np.isfinite(along[1]) or along[1] > 5 * along[3]


def test_mean_intercept_is_that_of_the_boundary_length():
    labels = voronoi(np.random.default_rng(0), 600, 600, 2000)

    hits, _ = meet(grains_of(labels), lines_on(labels.shape, 6.0), 1.0)

    # a Poisson-Voronoi tessellation has 2 sqrt(density) of boundary per area, and l = (pi / 2) / that
    assert count_lineal([hits]).mean_um == pytest.approx(np.pi / 4 / np.sqrt(2000 / 600**2), rel=0.03)


def test_circles_of_abrams_are_500_mm_in_three():
    circles = [line for line in lines_on((300, 400), 20.0) if line.direction < 0]

    lengths = [(len(line.cells) - 1) * line.step for line in circles]

    assert len(circles) == 3
    assert np.array(lengths) / sum(lengths) * 500 == pytest.approx([250, 166.7, 83.3], abs=0.1)
    assert all(line.cells[0] == line.cells[-1] for line in circles)


def test_a_circle_has_no_ends():
    labels = np.ones((101, 101), np.int32)
    labels[:, 51:] = 2  # the circles begin in the middle of the right side
    turned = np.where(np.arange(101)[:, None] <= 50, 1, 2) * np.ones((1, 101), np.int32)
    circles = [line for line in lines_on((101, 101), 20.0) if line.direction < 0]

    for halves in labels, turned:
        hits, _ = meet(grains_of(halves), circles, 1.0)

        assert list(hits.hits) == [2.0, 2.0, 2.0]


def test_interval_is_students_over_the_lines_of_a_direction():
    hits = Hits(np.repeat([0, 1, 2, 3], 5), np.full(20, 100.0), np.tile([8.0, 9.0, 10.0, 11.0, 12.0], 4))

    counted = count_lineal([hits])

    deviation = np.tile([8.0, 9.0, 10.0, 11.0, 12.0], 4).std(ddof=1) / 10.0
    assert counted.deviation == pytest.approx(deviation)
    assert counted.relative_accuracy == pytest.approx(2.776 * deviation / np.sqrt(5), rel=1e-3)


def test_g_is_that_of_the_mean_intercept():
    hits = Hits(np.repeat([0, 1, 2, 3], 5), np.full(20, 100.0), np.full(20, 5.0))

    assert count_lineal([hits]).g == pytest.approx(float(grain_size.g_from_mean_intercept_um(20.0)))


def test_boundaries_in_doubt_count_in_part_on_a_map():
    true = voronoi(np.random.default_rng(3), 300, 300, 200)
    counts = []
    for sure in (1.0, 0.6, 0.4):
        field = field_of(true, sure=sure)
        hits, _ = meet(close_grains(field), lines_on(true.shape, 10.0), 1.0)
        counts.append(count_lineal([hits]).count)

    assert counts[0] > counts[1] > counts[2]
    assert 0.2 < counts[1] / counts[0] < 0.8
