"""A plain surround of any colour is found to the cell, and metal is never taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.boundary_fields import voronoi
from helpers.drawn_steel import steel
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from gdest.reading.not_metal import CELL_PX, find_not_metal
from gdest.reading.surround import find_surround


@pytest.fixture
def picture(rng):
    return steel(rng, 720, 960)


def cells_of(mask):
    """Return the cells that lie wholly in a mask (rows, cols) of pixels."""
    rows, cols = mask.shape[0] // CELL_PX, mask.shape[1] // CELL_PX
    return mask[: rows * CELL_PX, : cols * CELL_PX].reshape(rows, CELL_PX, cols, CELL_PX).all(axis=(1, 3))


def assert_found(look, outside, lost=0.01):
    """Check that a surround is found, and that of the metal no more than the cells that its edge cuts."""
    found = find_not_metal(look)
    assert found is not None
    rows, cols = (side // CELL_PX for side in look.shape[:2])
    found = found[:rows, :cols]
    assert found[cells_of(outside)].mean() > 0.98
    inside = cells_of(~ndimage.binary_dilation(outside, np.ones((2 * CELL_PX + 1, 2 * CELL_PX + 1))))
    assert found[inside].mean() < lost


def framed(rng, picture, colour, noise, margins=(90, 90, 90, 90)):
    top, bottom, left, right = margins
    whole = np.empty((picture.shape[0] + top + bottom, picture.shape[1] + left + right, 3))
    whole[...] = colour
    whole += rng.normal(0, noise, whole.shape) if noise else 0
    look = np.clip(np.round(whole), 0, 255).astype(np.uint8)
    outside = np.ones(look.shape[:2], bool)
    field = np.s_[top : top + picture.shape[0], left : left + picture.shape[1]]
    look[field], outside[field] = picture, False
    return look, outside


@pytest.mark.parametrize(
    ("colour", "noise"),
    [(245, 3), (190, 0), (128, 0), (60, 1), (255, 0), (0, 0), ((40, 70, 150), 2), ((210, 180, 140), 3)],
)
def test_a_frame_of_any_colour_is_found(rng, picture, colour, noise):
    assert_found(*framed(rng, picture, colour, noise))


@pytest.mark.parametrize("margins", [(0, 720, 0, 0), (300, 0, 0, 0), (0, 0, 0, 500), (40, 220, 40, 40), (0, 0, 60, 0)])
def test_a_page_or_a_strip_at_some_sides_is_found(rng, picture, margins):
    assert_found(*framed(rng, picture, 250, 2, margins))


def test_a_caption_belongs_to_the_frame(rng, picture):
    look, outside = framed(rng, picture, 245, 2, (40, 220, 40, 40))
    image = Image.fromarray(look)
    ImageDraw.Draw(image).text((60, 820), "Probe 12, Nital 3 %", "black", ImageFont.load_default(60))
    assert_found(np.asarray(image), outside)


def in_an_eyepiece(picture, colour):
    row, col = np.indices(picture.shape[:2])
    outside = np.hypot(row - 360, col - 480) > 400
    look = picture.copy()
    look[outside] = colour
    return look, outside


@pytest.mark.parametrize("colour", [0, 80, 255])
def test_the_corners_round_a_field_of_an_eyepiece_are_found(picture, colour):
    assert_found(*in_an_eyepiece(picture, colour))


def turned(picture, colour, degrees=7.0):
    look = Image.fromarray(picture).rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=(colour,) * 3)
    outside = Image.new("L", (960, 720), 0).rotate(degrees, expand=True, fillcolor=255)
    return np.asarray(look), np.asarray(outside) > 0


@pytest.mark.parametrize(("colour", "degrees"), [(0, 7.0), (240, 7.0), (0, 2.5), (240, 25.0)])
def test_the_corners_of_a_turned_scan_are_found(picture, colour, degrees):
    assert_found(*turned(picture, colour, degrees))


def test_corners_in_the_colour_of_the_grains_leave_nothing_to_grade(picture, rng):
    alike = np.where(picture < 100, picture, np.uint8(200))
    alike = np.clip(alike + rng.normal(0, 2, alike.shape), 0, 255).astype(np.uint8)
    assert find_not_metal(turned(alike, 200)[0]).mean() > 0.99


def test_flat_grains_of_a_picture_without_noise_are_no_surround(rng):
    rows, cols = np.mgrid[0:720, 0:960]
    grains = rows // 360 * 5 + cols // 192
    line = ndimage.morphological_gradient(grains, 4) > 0
    look = np.where(line, 90, 140 + rng.integers(0, 20, 10)[grains]).astype(np.uint8)
    assert not find_surround(look, CELL_PX).any()


def test_the_program_round_a_picture_is_found_with_its_buttons(picture):
    rows, cols = picture.shape[:2]
    image = Image.new("RGB", (cols + 300, rows + 150), (240, 240, 240))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    draw.rectangle((0, 0, cols + 300, 32), (31, 78, 121))
    for at in range(8, cols, 42):
        draw.rectangle((at, 42, at + 30, 72), (225, 225, 225), (150, 150, 150))
        draw.line((at + 6, 66, at + 24, 48), (at % 200, 90, 160), 3)
    for at in range(100, rows + 80, 26):
        draw.text((cols + 30, at), f"field {at}: {at * 0.37:.2f} um", "black", font)
    image.paste(Image.fromarray(picture), (12, 86))
    outside = np.ones((rows + 150, cols + 300), bool)
    outside[86 : 86 + rows, 12 : 12 + cols] = False
    assert_found(np.asarray(image), outside)


def test_grains_in_the_colour_of_a_straight_frame_are_metal(rng, picture):
    for colour in (150, 190):
        look, outside = framed(rng, picture, colour, 0, (88, 96, 120, 120))
        assert_found(look, outside, lost=0.001)


def test_plain_grains_that_reach_the_rim_are_metal(rng):
    """Few large grains, each plain, some at two corners and along most of a side."""
    large = np.repeat(np.repeat(steel(rng, 240, 320)[:, :, 0], 4, axis=0), 4, axis=1)
    alike = np.where(large < 100, large, np.uint8(200))
    for grains in (large, alike):
        noisy = np.clip(grains + rng.normal(0, 2, grains.shape), 0, 255).astype(np.uint8)
        assert find_not_metal(noisy) is None


def test_a_saturated_picture_of_grains_is_metal(picture):
    assert find_not_metal(np.where(picture > 110, np.uint8(250), picture)) is None


def test_smooth_coarse_grains_that_hang_together_by_gaps_are_no_surround(rng):
    row, col = np.mgrid[:480, :640]
    look = 150.0 + 80.0 * col / 640 + rng.normal(0, 1.0, row.shape)
    for at in range(60, 640, 190):
        look[:, at : at + 3] = 60  # boundaries, gone in places, through which one grain joins the next
        look[200:240, at : at + 3] = look[200:240, at - 3 : at]
    assert not find_surround(np.clip(look, 0, 255).astype(np.uint8), CELL_PX).any()


@pytest.mark.parametrize("ground", [20, 160, 255])
def test_clean_coarse_grains_on_an_even_ground_are_no_surround(rng, ground):
    """Boundaries have gaps, so that the ground hangs together, from one corner of the picture to another."""
    labels = voronoi(rng, 240, 320, 40).repeat(3, axis=0).repeat(3, axis=1)
    lines = ndimage.morphological_gradient(labels, 3) > 0
    gaps = rng.random((30, 40)).repeat(24, axis=0).repeat(24, axis=1) < 0.3
    look = np.where(lines & ~gaps, 230.0 if ground < 128 else 60.0, ground) + rng.normal(0, 1.0, labels.shape)
    assert not find_surround(np.clip(look, 0, 255).astype(np.uint8), CELL_PX).any()


def test_mounting_with_specks_above_and_below_a_strip_of_metal_is_found(rng):
    """The specks, some at the rim, reach round the metal as boundaries would."""
    strip = steel(rng, 400, 960)
    mounting = np.clip(rng.normal(90, 2, (160, 960, 3)), 0, 255).astype(np.uint8)
    look = np.concatenate([mounting, strip, mounting[::-1]])
    for row, col in [(6, 40), (6, 300), (6, 600), (6, 930), (60, 200), (660, 700), (710, 90), (710, 480), (710, 940)]:
        look[row : row + 6, col : col + 6] = 0
    outside = np.ones(look.shape[:2], bool)
    outside[160:560] = False
    assert_found(look, outside)
