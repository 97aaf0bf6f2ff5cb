"""Lines drawn over a micrograph are found, and what is straight or coloured in metal is not."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.drawn_steel import steel
from PIL import Image, ImageDraw

from gdest.reading.not_metal import CELL_PX, find_not_metal


@pytest.fixture
def picture(rng):
    return steel(rng, 720, 960)


def crossed(look, picture):
    """Return which cells of a picture something was drawn over."""
    changed = np.argwhere((look != picture).any(axis=2)) // CELL_PX
    cells = np.zeros((90, 120), bool)
    cells[changed[:, 0], changed[:, 1]] = True
    return cells


def drawn(picture, draw_on):
    image = Image.fromarray(picture)
    draw_on(ImageDraw.Draw(image))
    return np.asarray(image)


@pytest.mark.parametrize("colour", ["black", "white", (255, 0, 0), (128, 128, 0)])
@pytest.mark.parametrize(("step", "width"), [(80, 2), (200, 1), (150, 4)])
def test_a_grid_is_found_and_the_fields_between_are_metal(picture, colour, step, width):
    def grid(draw):
        for at in range(step // 2, 960, step):
            draw.line((at, 0, at, 720), colour, width)
            draw.line((0, at, 960, at), colour, width)

    look = drawn(picture, grid)
    found, cells = find_not_metal(look), crossed(look, picture)
    assert found[cells].all()
    assert found[~cells].mean() < 0.35  # and the cells beside


def test_measuring_lines_from_side_to_side_are_found(picture):
    look = drawn(picture, lambda draw: [draw.line((0, at, 960, at), "black", 2) for at in range(75, 720, 150)])
    found = find_not_metal(look)
    assert found[crossed(look, picture)].all()
    assert found.mean() < 0.15


@pytest.mark.parametrize("colour", ["black", "white"])
def test_the_rings_round_the_cross_of_a_reticle_are_found(picture, colour):
    def reticle(draw):
        draw.line((0, 350, 960, 350), colour, 2)
        draw.line((500, 0, 500, 720), colour, 2)
        for radius in (100, 200, 300):
            draw.ellipse((500 - radius, 350 - radius, 500 + radius, 350 + radius), outline=colour, width=2)

    look = drawn(picture, reticle)
    found = find_not_metal(look)
    assert found[crossed(look, picture)].mean() > 0.95
    assert found.mean() < 0.2


def test_rings_and_slanting_lines_in_a_vivid_colour_are_found(picture):
    def rings(draw):
        for radius in (100, 200, 300):
            draw.ellipse((480 - radius, 360 - radius, 480 + radius, 360 + radius), outline=(0, 230, 0), width=2)
        draw.line((0, 0, 960, 720), (255, 0, 255), 2)

    look = drawn(picture, rings)
    found = find_not_metal(look)
    assert found[crossed(look, picture)].mean() > 0.98
    assert found.mean() < 0.15


def test_straight_twins_bands_and_coloured_grains_are_metal(picture, rng):
    picture[300:304, 100:700] = 40  # a twin or a scratch across much of the field
    picture[:, 500:560] = (picture[:, 500:560] * 0.7).astype(np.uint8)  # a band
    picture[100:180, 200:300] = (200, 60, 60)  # a grain that the etchant made red
    at = rng.integers(0, 700, (400, 2))
    picture[at[:, 0], at[:, 1]] = (255, 20, 120)  # coloured fringes
    assert find_not_metal(picture) is None
