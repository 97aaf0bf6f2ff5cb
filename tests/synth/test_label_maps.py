from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from gdest.core.label_maps import boundary_mask, rim_shares
from gdest.synth.label_maps import (
    count_grains,
    mean_diameter_px,
    true_g,
    whole_areas,
)
from gdest.synth.tessellation import GrainShape, section


def squares(cells_down, cells_right, side):
    rows, cols = np.indices((cells_down * side, cells_right * side)) // side
    return (rows * cells_right + cols).astype(np.int32)


def test_a_square_weighs_one_half_at_the_rim_and_a_quarter_at_a_corner():
    """A weight is a product: each of the two directions in which the rim cuts a square halves it."""
    down, right = np.ones(5), np.ones(6)
    down[[0, -1]] = right[[0, -1]] = 0.5
    assert np.array_equal(rim_shares(squares(5, 6, 10)).reshape(5, 6), np.outer(down, right))


def test_count_of_a_chequered_field_is_known():
    # 5 x 6 squares: 3 x 4 inside, 14 on the rim without the corners, 4 corners at a quarter each
    assert count_grains(squares(5, 6, 10)) == 12 + 14 / 2 + 1


def test_grains_are_counted_as_an_independent_count_of_their_bounding_boxes_counts_them():
    """ASTM E112 for a rectangle (Saltikov): those inside, half of those cut; four corners are one grain."""
    labels = section(np.random.default_rng(6), 300, 340, 1e-3, GrainShape())
    boxes = ndimage.find_objects(labels + 1)
    cut = [down.start == 0 or down.stop == 300 or right.start == 0 or right.stop == 340 for down, right in boxes]
    corners = {labels[row, col] for row in (0, -1) for col in (0, -1)}
    assert len(corners) == 4
    inside, rim = cut.count(False), cut.count(True) - 4
    assert count_grains(labels) == pytest.approx(inside + rim / 2 + 1)
    area_mm2 = 300 * 340 * 0.5e-3**2
    assert true_g(labels, 0.5) == pytest.approx(np.log2((inside + rim / 2 + 1) / area_mm2 / 15.5) + 1, abs=0.01)


def test_a_field_that_cuts_its_rim_grains_in_half_knows_their_whole_area():
    """A field of squares of 20 px, moved by half a square: halves at the rim and quarters at the corners."""
    labels = np.unique(squares(7, 8, 20)[10:-10, 10:-10], return_inverse=True)[1].reshape(120, 140)
    assert np.bincount(labels.ravel()).min() == 100
    assert np.array_equal(whole_areas(labels), np.full(56, 400.0))


def test_the_mean_diameter_is_the_side_of_squares():
    assert mean_diameter_px(squares(5, 6, 10)) == 10.0


def test_true_g_follows_the_pixel_size():
    labels = squares(20, 20, 8)
    assert true_g(labels, 0.5) - true_g(labels, 1.0) == pytest.approx(2.0)


def test_boundary_mask_marks_where_grains_meet_and_nothing_else():
    labels = np.zeros((6, 8), np.int32)
    labels[:, 5:] = 1
    mask = boundary_mask(labels)
    assert mask[:, 4].all()
    assert mask.sum() == 6
