"""The boundary maps of tiles become fields: each cell where it lies in the picture, whatever the tiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.predictors import CARD, FakePredictor

from gdest.core.grid import metal_grid, tile_grid
from gdest.core.tiles import GreyImage, Regions, Tiles, cut_parts
from gdest.grading.tracing import MOST_TILES, blocks_of, enlarged_fields, laid_together
from gdest.grading.zooms import draw_boundaries, predict_grade_map


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
    (field,) = laid_together(maps_of(cells, grid, usable), grid, usable, 0.5)
    assert np.array_equal(np.stack([field.grain, field.twin, field.particle]), cells)
    assert (field.cell_px, field.top, field.left, field.usable) == (4.0, 0.0, 0.0, None)


def test_a_field_in_a_frame_comes_back_where_it_lies():
    frame = np.ones((70, 90), bool)
    frame[5:65, 11:80] = False
    grid = metal_grid((560, 720), 224, 224, frame, 8)
    assert (grid.tops, grid.lefts) == ((40, 264, 296), (88, 312, 416))
    usable = np.ones(grid.shape, bool)
    cells = picture_of_cells(280, 360)
    (field,) = laid_together(maps_of(cells, grid, usable), grid, usable, 1.0)
    assert np.array_equal(field.grain, cells[0, 20:260, 44:320])
    assert (field.top, field.left, field.usable) == (40.0, 88.0, None)


def test_tiles_without_metal_are_empty_and_marked():
    grid = tile_grid(448, 448, 224, 224)
    usable = np.array([[True, True], [False, True]])
    cells = picture_of_cells(224, 224) | np.uint8(1)
    (field,) = laid_together(maps_of(cells, grid, usable), grid, usable, 1.0)
    assert not field.usable[112:, :112].any()
    assert not field.grain[112:, :112].any()
    assert field.usable.sum() == 3 * 112 * 112
    assert np.array_equal(field.grain[112:, 112:], cells[0, 112:, 112:])


def test_a_large_picture_is_several_fields_that_cover_it_once():
    side = 224 * (MOST_TILES + 1)
    grid = tile_grid(224, side, 224, 224)
    usable = np.ones(grid.shape, bool)
    cells = picture_of_cells(112, side // 2)
    first, second = laid_together(maps_of(cells, grid, usable), grid, usable, 1.0)
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


class Tracing(FakePredictor):
    """Draw what the tiles themselves show: a cell is a boundary where its px are bright."""

    card = replace(CARD, boundaries=True)

    def predict(self, parts):
        tiles = cut_parts(parts)
        shown = tiles.reshape(len(tiles), 112, 2, 112, 2).mean(axis=(2, 4)).astype(np.uint8)
        return replace(super().predict(parts), boundaries=np.stack([shown, 255 - shown, shown // 2], axis=1))


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("grain", "twin", "particle")) and (
        one.cell_px,
        one.top,
        one.left,
    ) == (other.cell_px, other.top, other.left)


@pytest.mark.parametrize("g", [6.0, 4.0, 11.0])
def test_a_picture_read_by_regions_has_the_fields_of_one_in_memory(g):
    """At G 6 the picture is kept, at G 4 it is halved, at G 11 parts of it are enlarged."""
    rows, cols = 900, 224 * (MOST_TILES + 2)
    pixels = np.random.default_rng(0).integers(0, 256, (rows, cols), dtype=np.uint8)
    predictor = Tracing(lambda tiles: np.full(len(tiles), g))
    whole = GreyImage(pixels)
    grade_map = predict_grade_map(whole, predictor, 224)
    by_regions = list(draw_boundaries(Regions((rows, cols), lambda a, b: pixels[a:b]), grade_map, predictor, 224))
    assert len(by_regions) == len(grade_map.boundaries) == {6.0: 2, 4.0: 1, 11.0: 64}[g]
    assert all(same(*pair) for pair in zip(grade_map.boundaries, by_regions, strict=True))
    # meanwhile the memory holds no map of the whole picture
    kept = predict_grade_map(Regions((rows, cols), lambda a, b: pixels[a:b]), predictor, 224).boundaries
    assert sum(field.grain.size for field in kept) <= 64 * 112 * 112


def test_the_picture_at_half_the_size_is_drawn_too_and_the_same_when_drawn_again():
    pixels = np.random.default_rng(0).integers(0, 256, (960, 1280), dtype=np.uint8)
    predictor = Tracing(lambda tiles: np.full(len(tiles), 6.0))
    grade_map = predict_grade_map(GreyImage(pixels), predictor, 224)
    (field,) = grade_map.boundaries_at_half
    assert (field.cell_px, field.grain.shape) == (4.0, (240, 320))
    (again,) = draw_boundaries(GreyImage(pixels), grade_map, predictor, 224, at_half=True)
    assert same(field, again)
