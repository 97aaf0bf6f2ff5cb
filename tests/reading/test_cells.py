from __future__ import annotations

import numpy as np
import pytest

from gdest.reading.cells import cell_colours, per_cell
from gdest.reading.drawn_lines import medians


@pytest.mark.parametrize("colours", [(), (3,)])
@pytest.mark.parametrize("reduce", [np.add, np.maximum, np.minimum])
def test_a_cell_is_reduced_as_numpy_reduces_it_alone(rng, reduce, colours):
    picture = rng.integers(0, 256, (24, 40, *colours), dtype=np.uint8)
    found = per_cell(reduce, picture, 8, np.uint16)
    assert found.shape == (3, 5, *colours)
    for row, col in np.ndindex(3, 5):
        cell = picture[8 * row : 8 * row + 8, 8 * col : 8 * col + 8].astype(np.uint16)
        assert np.array_equal(found[row, col], reduce.reduce(cell.reshape(64, *colours), axis=0))


@pytest.mark.parametrize("bright", [0, 200])
def test_colours_of_cells_are_their_means_and_the_largest_of_their_deviations(rng, bright):
    picture = rng.integers(bright, 256, (24, 40, 3), dtype=np.uint8)
    found = cell_colours(picture, 8)
    cell = picture[8:16, 32:40].reshape(64, 3).astype(np.float64)
    assert found.mean[1, 4] == pytest.approx(cell.mean(axis=0), abs=1e-4)
    assert found.std[1, 4] == pytest.approx(cell.std(axis=0).max(), abs=1e-2)
    white = cell_colours(np.full((8, 8), 255, np.uint8), 8)
    assert white.mean.ravel().tolist() == [255.0] and white.std.ravel().tolist() == [0.0]


@pytest.mark.parametrize("count", [1, 2, 3, 128, 255, 256, 257, 70_000])
@pytest.mark.parametrize("most", [2, 7, 256])
def test_medians_are_those_of_numpy(rng, count, most):
    greys = rng.integers(0, most, (count, 9), dtype=np.uint8)
    greys[:, 0], greys[:, 1] = 0, 255
    greys[: count // 2, 2] = 255
    assert np.array_equal(medians(greys), np.median(greys, axis=0))
