"""Greys under counted grains: lines between them are told from steps, and noise makes no line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.boundary_fields import field_of, voronoi
from helpers.grey_pictures import CELL_PX, placed_overlays, placed_picture

from gdest.core import Mark, Overlay, Regions, boundary_mask
from gdest.core.model_card import ModelCard
from gdest.grading.counting import count_grains
from gdest.grading.greys import grey_fields, line_share

LABELS = voronoi(np.random.default_rng(1), 200, 240, 90)
MOSAIC = np.random.default_rng(2).uniform(60, 200, LABELS.max() + 1)


@pytest.fixture(scope="module")
def counted():
    return placed_overlays(LABELS)


def share(counted, grey, line=None, noise=4.0):
    """Return the share of lines of a picture of grains with a grey each, with lines of `line` between them."""
    cells = np.broadcast_to(grey, LABELS.max() + 1)[LABELS].astype(float)
    if line is not None:
        cells = np.where(boundary_mask(LABELS), line, cells)
    return share_of_cells(counted, cells + noise * np.random.default_rng(3).standard_normal(cells.shape))


def share_of_cells(counted, cells):
    return line_share(grey_fields(placed_picture(cells), counted))


def test_lines_are_seen_whether_they_are_darker_or_brighter_and_whatever_the_grains(counted):
    assert share(counted, 180, line=60) > 0.7
    assert share(counted, 80, line=200) > 0.7
    assert share(counted, MOSAIC, line=10) > 0.6


def test_grains_of_unlike_grey_side_by_side_have_no_lines(counted):
    assert share(counted, MOSAIC) < 0.08


def test_noise_is_no_line(counted):
    assert share(counted, 128, noise=20.0) < 0.1
    assert share(counted, 180, line=60, noise=40.0) > 0.7


def test_dark_and_bright_places_count_against_each_other(counted):
    """A boundary in relief is bright on one side of each grain and dark on the other: that is a step, too."""
    half = np.where(np.arange(LABELS.shape[1]) < LABELS.shape[1] // 2, 20.0, 240.0)
    assert share(counted, 130, line=np.broadcast_to(half, LABELS.shape)) < 0.25


def test_where_no_grains_meet_nobody_can_tell():
    assert np.isnan(line_share([]))
    alone = Overlay(np.zeros((20, 20), np.uint8), CELL_PX)
    assert np.isnan(line_share(grey_fields(np.full((40, 40), 128, np.uint8), [alone])))


def test_a_black_frame_that_is_left_out_hides_no_faint_lines():
    usable = np.ones(LABELS.shape, bool)
    usable[:, :40] = False
    overlays = count_grains([replace(field_of(LABELS), usable=usable)], ModelCard()).overlays
    cells = np.where(boundary_mask(LABELS), 116.0, 124.0) + np.random.default_rng(3).standard_normal(LABELS.shape)
    assert line_share(grey_fields(np.where(usable, cells, 0.0).astype(np.uint8), overlays)) > 0.7


def test_what_differs_by_less_than_a_share_of_the_greys_is_no_line(counted):
    grey = np.full(LABELS.max() + 1, 128.0)
    assert share(counted, grey, line=124, noise=0.5) > 0.7
    grey[::12], grey[1::12] = 20.0, 240.0
    assert share(counted, grey, line=124, noise=0.5) < 0.25


def test_a_step_of_one_grey_is_no_line_however_little_else_is_seen(counted):
    assert share(counted, 128, line=127, noise=0.0) == 0.0
    assert share(counted, 128, line=124, noise=0.0) > 0.8


def by_regions(pixels, asked):
    """Return a picture that is read by rows, and notes which."""

    def read(top, bottom):
        asked.append((top, bottom))
        return pixels[top:bottom]

    return Regions(pixels.shape, read)


def test_a_picture_that_is_read_by_regions_shows_the_lines_of_one_in_memory(counted):
    """The rows are read a band at a time, and the cells of two bands are not mixed."""
    pixels = placed_picture(np.where(boundary_mask(LABELS), 40, MOSAIC[LABELS]))
    asked = []
    (there,), (here,) = grey_fields(by_regions(pixels, asked), counted), grey_fields(pixels, counted)
    assert np.array_equal(there.grey, here.grey) and np.array_equal(there.labels, here.labels)
    assert np.array_equal(there.greys, here.greys)
    assert len(asked) == 4 and max(bottom - top for top, bottom in asked) == 64 * CELL_PX
    assert [top for top, _ in asked[1:]] == [bottom for _, bottom in asked[:-1]]


def test_of_many_parts_some_all_over_the_picture_are_read_again():
    marks = np.zeros((10, 10), np.uint8)
    overlays = [Overlay(marks, 1.0, top=10.0 * at) for at in range(40)]
    asked = []
    assert len(grey_fields(by_regions(np.zeros((400, 10), np.uint8), asked), overlays)) == 6
    assert asked == [(0, 10), (80, 90), (160, 170), (230, 240), (310, 320), (390, 400)]
    assert len(grey_fields(np.zeros((400, 10), np.uint8), overlays)) == 40


def test_boundaries_at_the_rim_of_a_part_are_looked_at():
    """Eight cells are just enough to see a boundary in their middle."""
    marks, cells = np.zeros((40, 8), np.uint8), np.full((40, 8), 200, np.uint8)
    marks[:, 3], cells[:, 3] = Mark.GRAIN, 50
    assert line_share(grey_fields(cells, [Overlay(marks, 1.0)])) == 1.0


def test_a_cut_inside_a_grain_is_no_boundary(counted):
    marks = np.zeros_like(counted[0].marks)
    marks[100, 60:180] = Mark.GRAIN
    cells = np.full(marks.shape, 200.0)
    cells[100, 60:180] = 20.0
    assert np.isnan(share_of_cells([replace(counted[0], marks=marks)], cells))
