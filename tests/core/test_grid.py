from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gdest.core.grid import covered_px, cut_tiles, spread_tiles, tile_grid


@settings(max_examples=60, deadline=None)
@given(st.integers(16, 90), st.integers(16, 90), st.integers(1, 16))
def test_tiles_cover_every_pixel_and_none_leaves_the_image(rows, cols, stride):
    grid = tile_grid(rows, cols, 16, stride)
    covered = np.zeros((rows, cols), bool)
    for top in grid.tops:
        for left in grid.lefts:
            assert top + 16 <= rows
            assert left + 16 <= cols
            covered[top : top + 16, left : left + 16] = True
    assert covered.all()
    assert list(grid.tops) == sorted(set(grid.tops))


def test_tiles_are_cut_in_reading_order_where_the_grid_says(rng):
    pixels = rng.integers(0, 255, (50, 70), dtype=np.uint8)
    grid = tile_grid(50, 70, 16, 16)
    tiles = cut_tiles(pixels, grid)
    assert tiles.shape == (grid.shape[0] * grid.shape[1], 16, 16)
    for number, tile in enumerate(tiles):
        top, left = grid.tops[number // grid.shape[1]], grid.lefts[number % grid.shape[1]]
        assert np.array_equal(tile, pixels[top : top + 16, left : left + 16])
    assert grid.lefts == (0, 16, 32, 48, 54)


def test_spreading_tile_values_gives_each_pixel_its_tiles_mean():
    grid = tile_grid(16, 24, 16, 16)  # two tiles that overlap by 8 columns
    spread = spread_tiles(np.array([[2.0, 6.0]], np.float32), grid, 16, 24)
    assert (spread[:, :8] == 2.0).all()
    assert (spread[:, 8:16] == 4.0).all()
    assert (spread[:, 16:] == 6.0).all()


def test_a_tile_without_a_value_stays_empty():
    grid = tile_grid(16, 32, 16, 16)
    spread = spread_tiles(np.array([[np.nan, 5.0]], np.float32), grid, 16, 32)
    assert np.isnan(spread[:, :16]).all()
    assert (spread[:, 16:] == 5.0).all()


def test_an_image_smaller_than_a_tile_is_refused():
    with pytest.raises(ValueError, match="no tile"):
        tile_grid(15, 40, 16, 16)


def test_covered_area_counts_overlaps_once(rng):
    grid = tile_grid(500, 640, 224, 208)
    shown = rng.random(grid.shape) < 0.5
    spread = spread_tiles(np.where(shown, 1, np.nan).astype(np.float32), grid, 500, 640)
    assert covered_px(grid, shown) == np.isfinite(spread).sum()
    assert covered_px(grid, np.ones(grid.shape, bool)) == 500 * 640
    assert covered_px(grid, np.zeros(grid.shape, bool)) == 0
