from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gdest.core.grid import (
    COVERED_SHARE,
    area_by_half_grade,
    covered_px,
    cut_tiles,
    metal_grid,
    metal_tiles,
    spread_tiles,
    tile_areas,
    tile_grid,
    usable_tiles,
)
from gdest.core.records import GradeMap, TileGrid
from gdest.core.tiles import GreyImage, Regions


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
    for starts, size in ((grid.tops, rows), (grid.lefts, cols)):
        assert list(starts) == sorted(set(starts))
        assert all(start == number * stride for number, start in enumerate(starts[:-1]))
        assert starts[-1] == size - 16
        assert len(starts) == -(-(size - 16) // stride) + 1  # no more than are needed


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
    for rows, cols in ((15, 40), (40, 15)):
        with pytest.raises(ValueError, match=f"no tile of 16 px fits into {cols}x{rows} px"):
            tile_grid(rows, cols, 16, 16)
    assert tile_grid(16, 16, 16, 16).shape == (1, 1)


def test_covered_area_counts_overlaps_once(rng):
    grid = tile_grid(500, 640, 224, 208)
    shown = rng.random(grid.shape) < 0.5
    spread = spread_tiles(np.where(shown, 1, np.nan).astype(np.float32), grid, 500, 640)
    assert covered_px(grid, shown) == np.isfinite(spread).sum()
    assert covered_px(grid, np.ones(grid.shape, bool)) == 500 * 640
    assert covered_px(grid, np.zeros(grid.shape, bool)) == 0


GRIDS = st.builds(tile_grid, st.integers(16, 60), st.integers(16, 60), st.just(16), st.integers(3, 16))
QUICK = settings(max_examples=40, deadline=None)


def size_of(grid):
    return grid.tops[-1] + grid.tile_px, grid.lefts[-1] + grid.tile_px


def boxes(grid):
    """Yield each tile's place in the grid and its pixels."""
    for row, top in enumerate(grid.tops):
        for col, left in enumerate(grid.lefts):
            yield (row, col), (slice(top, top + grid.tile_px), slice(left, left + grid.tile_px))


@QUICK
@given(GRIDS, st.integers(0, 99), st.integers(0, 9), st.integers(0, 9))
def test_spreading_and_covering_agree_with_a_count_pixel_by_pixel(grid, seed, more_rows, more_cols):
    """The picture may reach beyond the tiles; there is nothing."""
    values = np.random.default_rng(seed).normal(6, 2, grid.shape).astype(np.float32)
    values[values < 5] = np.nan
    rows, cols = size_of(grid)
    total, count = np.zeros((rows + more_rows, cols + more_cols)), np.zeros((rows + more_rows, cols + more_cols))
    for at, box in boxes(grid):
        if np.isfinite(values[at]):
            total[box] += values[at]
            count[box] += 1
    expected = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    found = spread_tiles(values, grid, *total.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found.dtype == np.float32
    assert covered_px(grid, np.isfinite(values)) == np.count_nonzero(count)


def test_a_picture_shown_smaller_has_its_tiles_edges_where_they_belong():
    grid = tile_grid(16, 40, 16, 12)  # edges at 0, 12, 16, 24, 28 and 40
    values = np.array([[1, 3, np.nan]], np.float32)
    half = spread_tiles(values, grid, 16, 40, (8, 20))
    assert half.shape == (8, 20)
    assert half[0].tolist() == [1] * 6 + [2] * 2 + [3] * 6 + [pytest.approx(np.nan, nan_ok=True)] * 6
    third = spread_tiles(values, grid, 16, 40, (5, 13))  # edges at 3.9, 5.2, 7.8 and 9.1
    assert third[0, :9].tolist() == [1] * 4 + [2] + [3] * 4
    assert np.isnan(third[:, 9:]).all()
    assert (spread_tiles(values, grid, 16, 40, (16, 40))[::2, ::2][:, :14] == half[:, :14]).all()


def test_the_means_are_painted_before_they_are_spread():
    grid = tile_grid(16, 32, 16, 16)
    sizes = []

    def paint(means):
        sizes.append(means.size)
        return np.stack([means, means + 1], axis=-1)

    drawn = spread_tiles(np.array([[4, 8]], np.float32), grid, 16, 32, paint=paint)
    assert drawn.shape == (16, 32, 2)
    assert drawn[0, 0].tolist() == [4, 5]
    assert drawn[15, 31].tolist() == [8, 9]
    assert max(sizes) < 10


@QUICK
@given(GRIDS)
def test_tiles_share_the_area_they_overlap_in_alike_and_all_have_the_whole(grid):
    count = np.zeros(size_of(grid))
    for _, box in boxes(grid):
        count[box] += 1
    expected = np.zeros(grid.shape)
    for at, box in boxes(grid):
        expected[at] = (1 / count[box]).sum()
    areas = tile_areas(grid)
    np.testing.assert_allclose(areas, expected)
    assert areas.sum() == pytest.approx(np.prod(size_of(grid)))


def test_areas_are_told_by_the_nearest_half_grade_coarsest_first():
    grid = tile_grid(16, 16 * 6, 16, 16)
    seen = np.array([[7.75, 5.24, 5.25, np.nan, 5.5, 7.74]], np.float32)
    grade_map = GradeMap(seen, grid, 1.0, 5)
    assert area_by_half_grade(grade_map) == [(5.0, 0.2), (5.5, 0.4), (7.5, 0.2), (8.0, 0.2)]
    assert [g for g, _ in area_by_half_grade(grade_map, -2.0)] == [3.0, 3.5, 5.5, 6.0]
    overlapping = GradeMap(np.array([[2, 4, 4]], np.float32), tile_grid(16, 40, 16, 12), 1.0, 3)
    shares = dict(area_by_half_grade(overlapping))
    assert shares[2.0] == pytest.approx((12 + 4 / 2) / 40)
    assert sum(shares.values()) == pytest.approx(1)


def test_a_tile_is_left_out_when_more_than_one_percent_of_it_is_covered():
    grid = tile_grid(20, 40, 20, 20)
    not_metal = np.zeros((10, 20), bool)
    assert usable_tiles(grid, None, 2).tolist() == usable_tiles(grid, not_metal, 2).tolist() == [[True, True]]
    not_metal[3, 4] = True  # 4 of 400 px
    assert COVERED_SHARE == 0.01
    assert usable_tiles(grid, not_metal, 2).tolist() == [[True, True]]
    not_metal[9, 9] = True
    assert usable_tiles(grid, not_metal, 2).tolist() == [[False, True]]


@QUICK
@given(st.integers(32, 90), st.integers(32, 90), st.integers(5, 32), st.sampled_from([1, 2, 4, 8]), st.integers(0, 99))
def test_the_covered_part_of_a_tile_is_counted_as_pixel_by_pixel(rows, cols, stride, cell_px, seed):
    not_metal = np.random.default_rng(seed).random((-(-rows // cell_px), -(-cols // cell_px))) < 0.02
    pixels = not_metal.repeat(cell_px, axis=0).repeat(cell_px, axis=1)
    grid = tile_grid(rows, cols, 32, stride)
    usable = usable_tiles(grid, not_metal, cell_px)
    for at, box in boxes(grid):
        assert usable[at] == (np.count_nonzero(pixels[box]) <= 10), "10 of 1024 px are 1 %"


def test_where_a_cell_is_cut_by_a_tile_or_is_no_whole_pixel_its_part_counts():
    not_metal = np.zeros((20, 20), bool)
    not_metal[0, 0] = True
    grid = tile_grid(30, 30, 20, 1)  # 1 % is 4 px
    by_three = usable_tiles(grid, not_metal, 3)  # 9 px, then 6 from the second row or column on, then 3
    assert by_three[0, :3].tolist() == by_three[:3, 0].tolist() == [False, False, True]
    assert usable_tiles(tile_grid(30, 30, 20, 10), not_metal, 1.99)[0, 0]
    assert not usable_tiles(tile_grid(30, 30, 20, 10), not_metal, 2.01)[0, 0]


def test_usable_tiles_are_the_same_from_an_image_and_read_by_rows_of_tiles(rng):
    pixels = rng.integers(0, 256, (60, 50), dtype=np.uint8)
    grid = tile_grid(60, 50, 16, 16)
    usable = rng.random(grid.shape) < 0.6
    usable[1] = False
    usable[0, 1] = usable[3, 3] = True
    read = []

    def rows(top, bottom):
        read.append((top, bottom))
        return pixels[top:bottom]

    expected = cut_tiles(pixels, grid)[usable.ravel()]
    (at_once,) = metal_tiles(GreyImage(pixels), grid, usable)
    np.testing.assert_array_equal(at_once.cut(), expected)
    by_rows = list(metal_tiles(Regions((60, 50), rows), grid, usable))
    np.testing.assert_array_equal(np.concatenate([part.cut() for part in by_rows]), expected)
    assert read == [(top, top + 16) for top, some in zip(grid.tops, usable, strict=True) if some.any()]
    assert (16, 32) not in read


@pytest.mark.parametrize("cell_px", [8, 4, 2.5])
def test_tiles_are_laid_over_the_rectangle_in_which_there_is_metal(rng, cell_px):
    frame = np.ones((40, 50), bool)
    frame[6:30, 9:41] = rng.random((24, 32)) < 0.3
    frame[[6, 29], [9, 40]] = False
    shape = (int(40 * cell_px), int(50 * cell_px))
    grid = metal_grid(shape, 16, 16, frame, cell_px)
    ends = (grid.tops[0], grid.tops[-1] + 16, grid.lefts[0], grid.lefts[-1] + 16)
    assert ends == (math.ceil(6 * cell_px), 30 * cell_px // 1, math.ceil(9 * cell_px), math.floor(41 * cell_px))
    inside = tile_grid(ends[1] - ends[0], ends[3] - ends[2], 16, 16)
    assert grid.tops == tuple(ends[0] + top for top in inside.tops)
    assert grid.lefts == tuple(ends[2] + left for left in inside.lefts)


def test_a_rectangle_too_narrow_for_a_tile_has_tiles_that_are_not_usable():
    frame = np.ones((40, 50), bool)
    frame[:, 48:] = False
    grid = metal_grid((320, 400), 32, 32, frame, 8)
    assert grid.lefts == (368,)
    assert not usable_tiles(grid, frame, 8).any()
    assert metal_grid((320, 400), 32, 32, np.ones((40, 50), bool), 8) == tile_grid(320, 400, 32, 32)
    assert metal_grid((320, 400), 32, 32, None, 8) == tile_grid(320, 400, 32, 32)


def test_what_lies_before_the_first_tile_stays_empty():
    grid = TileGrid((8, 20), (12,), 16)
    values = np.array([[1.0], [3.0]], np.float32)
    spread = spread_tiles(values, grid, 40, 50)
    expected = np.full((40, 50), np.nan)
    expected[8:20, 12:28], expected[20:24, 12:28], expected[24:36, 12:28] = 1.0, 2.0, 3.0
    assert np.array_equal(spread, expected, equal_nan=True)
    assert covered_px(grid, np.isfinite(values)) == 28 * 16
