"""The boundary maps of tiles become fields: each cell where it lies in the picture, whatever the tiles."""

from __future__ import annotations

import numpy as np
import pytest

from gdest.core.grid import tile_grid
from gdest.core.tiles import GreyImage, Tiles
from gdest.grading.tracing import MOST_TILES, blocks_of, enlarged_fields, laid_together


def picture_of_cells(rows, cols):
    """Return a map in which every cell of a picture has a value of its own, three times with an offset."""
    values = (np.arange(rows * cols).reshape(rows, cols) * 37) % 251
    return np.stack([values, (values + 1) % 251, (values + 2) % 251]).astype(np.uint8)


def maps_of(cells, grid, usable):
    side = grid.tile_px // 2
    corners = [(top // 2, left // 2) for top in grid.tops for left in grid.lefts]
    kept = [corner for corner, shown in zip(corners, usable.ravel(), strict=True) if shown]
    return np.stack([cells[:, top : top + side, left : left + side] for top, left in kept])


@pytest.mark.parametrize(
    ("rows", "cols", "stride"), [(448, 672, 224), (500, 620, 224), (500, 620, 112), (224, 224, 224)]
)
def test_a_picture_comes_back_as_one_field_whatever_the_tiles(rows, cols, stride):
    grid = tile_grid(rows, cols, 224, stride)
    usable = np.ones(grid.shape, bool)
    cells = picture_of_cells(rows // 2, cols // 2)
    (field,) = laid_together(maps_of(cells, grid, usable), grid, usable, 0.5, (rows, cols))
    assert np.array_equal(np.stack([field.grain, field.twin, field.particle]), cells)
    assert (field.cell_px, field.top, field.left, field.usable) == (4.0, 0.0, 0.0, None)


def test_tiles_without_metal_are_empty_and_marked():
    grid = tile_grid(448, 448, 224, 224)
    usable = np.array([[True, True], [False, True]])
    cells = picture_of_cells(224, 224) | np.uint8(1)
    (field,) = laid_together(maps_of(cells, grid, usable), grid, usable, 1.0, (448, 448))
    assert not field.usable[112:, :112].any()
    assert not field.grain[112:, :112].any()
    assert field.usable.sum() == 3 * 112 * 112
    assert np.array_equal(field.grain[112:, 112:], cells[0, 112:, 112:])


def test_a_large_picture_is_several_fields_that_cover_it_once():
    side = 224 * (MOST_TILES + 1)
    grid = tile_grid(224, side, 224, 224)
    usable = np.ones(grid.shape, bool)
    cells = picture_of_cells(112, side // 2)
    first, second = laid_together(maps_of(cells, grid, usable), grid, usable, 1.0, (224, side))
    assert np.array_equal(np.hstack([first.grain, second.grain]), cells[0])
    assert second.left == 2.0 * first.grain.shape[1]


def test_blocks_are_nearly_of_one_size_and_none_is_too_large():
    for count in range(1, 60):
        sizes = [block.stop - block.start for block in blocks_of(count)]
        assert sum(sizes) == count
        assert max(sizes) <= MOST_TILES
        assert max(sizes) - min(sizes) <= 1


def test_a_tile_that_was_enlarged_is_a_field_of_its_own_whose_cells_are_px_of_the_file():
    tiles = Tiles(GreyImage(np.zeros((448, 448), np.uint8)), np.array([[56, 56], [56, 280]]), 224, enlarged=True)
    maps = np.stack([picture_of_cells(112, 112), picture_of_cells(112, 112)[::-1]])
    first, second = enlarged_fields(maps, tiles, top=1000.0)
    assert (first.cell_px, first.top, first.left, second.left) == (1.0, 1056.0, 56.0, 280.0)
    assert np.array_equal(second.grain, maps[1][0])
    assert enlarged_fields(None, tiles) == []
