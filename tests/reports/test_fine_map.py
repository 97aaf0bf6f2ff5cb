"""G finer than tiles: a boundary within a tile shows, tile edges do not, and coarse grains are left to the tiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.predictors import CARD

from gdest.core.grid import tile_grid
from gdest.core.records import GradeMap, ImageFile, Micrograph
from gdest.grading.pipeline import graded_row
from gdest.reports.few_greys import shrunk
from gdest.reports.fine_map import fine_grades, place_px
from gdest.reports.heatmap import PANEL_PX, draw_both_scales

ROWS, COLS = 448, 672
COL = np.arange(7)


def graded(places, g=8.0, zoom=1.0, stride=224, um_per_px=1.0, values=None):
    """Return a row of a micrograph whose graded picture has ROWS x COLS px; each tile has the same `places`."""
    grid = tile_grid(ROWS, COLS, 224, stride)
    values = np.full(grid.shape, g, np.float32) if values is None else values
    told = None if places is None else np.broadcast_to(places, (*grid.shape, 7, 7)).astype(np.float16)
    pixels = np.full((int(ROWS / zoom), int(COLS / zoom)), 128, np.uint8)
    micrograph = Micrograph(ImageFile(None, "a.tif"), pixels, um_per_px, "command-line", "0" * 64)
    return graded_row(micrograph, GradeMap(values, grid, zoom, values.size, places=told), CARD)


def test_a_flat_map_stays_flat_and_keeps_its_g():
    fine = fine_grades(graded(np.zeros((7, 7))), (COLS, ROWS))
    assert fine.shape == (ROWS, COLS)
    assert fine == pytest.approx(8.0, abs=1e-3)


@pytest.mark.parametrize("stride", [224, 150, 112])
@pytest.mark.parametrize("at", [300, 336, 400])
def test_a_boundary_within_tiles_is_found_where_it_is_however_tiles_overlap(at, stride):
    grid = tile_grid(ROWS, COLS, 224, stride)
    middles = np.add.outer(grid.lefts, 16 + 32 * COL)
    g = np.where(middles < at, 7.0, 9.0)
    values = np.broadcast_to(g.mean(axis=1), grid.shape).astype(np.float32)
    places = np.broadcast_to((g - g.mean(axis=1, keepdims=True))[None, :, None, :], (*grid.shape, 7, 7))
    row = graded(places, stride=stride, values=values)
    profile = fine_grades(row, (COLS, ROWS)).mean(axis=0)
    found = int(np.argmax(profile > 8.0))
    assert abs(found - at) <= 20  # the places are 32 px apart
    assert profile[:100] == pytest.approx(7.0, abs=0.05)
    assert profile[-100:] == pytest.approx(9.0, abs=0.05)


def test_what_the_rim_of_each_tile_reads_finer_leaves_no_edges():
    rim = np.full((7, 7), -0.3)
    rim[[0, -1]] = rim[:, [0, -1]] = 0.3
    fine = fine_grades(graded(rim - rim.mean()), (COLS, ROWS))[64:-64, 64:-64]
    assert np.ptp(fine) < 0.2  # a third of the 0.6 that stands in the places
    beside, inside = np.abs(np.diff(fine[:, 150 - 64 : 154 - 64])).max(), np.abs(np.diff(fine)).max()
    assert beside <= inside < 0.01  # no step from one px to the next


def test_where_no_tile_was_graded_nothing_is_drawn():
    values = np.full((2, 3), 8.0, np.float32)
    values[0, 0] = np.nan
    fine = fine_grades(graded(np.zeros((7, 7)), values=values), (COLS, ROWS))
    assert np.isnan(fine[:224, :224]).all()
    assert fine[224:] == pytest.approx(8.0, abs=1e-3)
    assert fine[:, 224:] == pytest.approx(8.0, abs=1e-3)


def test_a_halved_picture_has_places_twice_as_far_apart_and_the_size_that_is_asked_for():
    row = graded(np.zeros((7, 7)), g=8.0, zoom=0.5)
    assert place_px(row.grade_map) == 64
    assert fine_grades(row, (150, 100)) == pytest.approx(8.0 + row.shift, abs=1e-3)


@pytest.mark.parametrize(
    ("g", "zoom", "finer"), [(5.49, 1.0, None), (5.5, 1.0, 32), (3.49, 0.5, None), (3.51, 0.5, 64)]
)
def test_of_coarse_grains_single_places_are_not_drawn(g, zoom, finer):
    assert place_px(graded(np.zeros((7, 7)), g=g, zoom=zoom).grade_map) == finer


def test_without_places_the_map_is_that_of_the_tiles():
    row = graded(None)
    assert place_px(row.grade_map) is None
    same = replace(row, grade_map=replace(row.grade_map, places=np.zeros((2, 3, 7, 7), np.float16)))
    shown = shrunk(row.micrograph.pixels, PANEL_PX)
    tiles, fine = (draw_both_scales(one, shown).astype(np.int16) for one in (row, same))
    panels = slice(80, -80)  # without the titles, which say what is drawn
    assert np.abs(tiles[panels] - fine[panels]).max() <= 3
    assert (tiles[:80] != fine[:80]).any()
