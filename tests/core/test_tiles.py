from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from gdest.core.tiles import GreyImage, Regions, Tiles, cut_parts, halve, some_of, tiles_of

SIZES = st.integers(1, 40)


def noise(rows, cols, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (rows, cols), dtype=np.uint8)


@given(SIZES, SIZES)
def test_halving_takes_the_mean_of_four_pixels_or_of_those_there_are_at_an_odd_rim(rows, cols):
    pixels = noise(rows, cols)
    half = halve(pixels)
    assert half.shape == (-(-rows // 2), -(-cols // 2)) == GreyImage(None, GreyImage(pixels)).shape
    means = [
        [pixels[2 * r : 2 * r + 2, 2 * c : 2 * c + 2].mean() for c in range(half.shape[1])] for r in range(len(half))
    ]
    assert np.abs(half - np.array(means)).max() <= 0.5


def test_an_image_is_halved_at_once_unless_a_device_has_a_copy_to_halve():
    image = GreyImage(noise(9, 12))
    assert image.whole is None
    assert image.device_copy is None
    assert image.halved()._pixels is not None
    image.device_copy = "there"
    later = image.halved()
    assert later._pixels is None
    assert later.whole is image
    np.testing.assert_array_equal(later.pixels, halve(image.pixels))
    assert later.pixels is later.pixels  # halved once


def test_an_image_without_pixels_and_without_a_whole_is_refused():
    with pytest.raises(ValueError, match="half of another"):
        GreyImage(None)


def test_tiles_are_cut_at_their_row_and_column():
    pixels = noise(50, 70)
    tiles = Tiles(GreyImage(pixels), np.array([(0, 0), (3, 40), (34, 54)]), 16)
    assert len(tiles) == 3
    assert tiles.source_px == 16
    found = tiles.cut()
    assert found.shape == (3, 16, 16)
    for tile, (top, left) in zip(found, tiles.corners, strict=True):
        np.testing.assert_array_equal(tile, pixels[top : top + 16, left : left + 16])
    np.testing.assert_array_equal(tiles[1:].cut(), found[1:])


def test_enlarged_tiles_show_half_the_side_twice_as_large():
    flat = np.zeros((40, 40), np.uint8)
    flat[:, 20:] = 200
    tiles = Tiles(GreyImage(flat), np.array([(4, 12), (4, 0)]), 16, enlarged=True)
    assert tiles.source_px == 8
    across, dark = tiles.cut()
    assert across.shape == (16, 16)
    assert not dark.any()
    assert not across.any()  # columns 12..19
    (edge,) = Tiles(GreyImage(flat), np.array([(4, 16)]), 16, enlarged=True).cut()
    assert (edge[:, :7] == 0).all()
    assert (edge[:, 9:] == 200).all()
    assert (np.diff(edge[0].astype(int)) >= 0).all()


@example([3, 5, 4], 1, 5)
@example([3, 5, 4], 4, 10)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), st.integers(0, 30), st.integers(0, 30))
def test_some_of_several_parts_are_those_of_all_in_a_row(sizes, start, stop):
    every = noise(sum(sizes) + 1, 9).reshape(-1, 3, 3)
    ends = np.cumsum(sizes)
    parts = [tiles_of(every[end - size : end]) for size, end in zip(sizes, ends, strict=True)]
    chosen = some_of(parts, start, stop)
    expected = every[: ends[-1]][start:stop]
    assert sum(map(len, chosen)) == len(expected)
    assert all(len(part) for part in chosen)
    if len(expected):
        np.testing.assert_array_equal(cut_parts(chosen), expected)


def test_tiles_that_are_cut_already_come_back_as_they_are():
    pixels = noise(30, 10).reshape(3, 10, 10)
    np.testing.assert_array_equal(tiles_of(pixels).cut(), pixels)
    assert tiles_of(pixels).corners.dtype == np.int64


def test_regions_read_the_rows_that_a_slice_names():
    pixels, asked = noise(30, 8), []

    def read(top, bottom):
        asked.append((top, bottom))
        return pixels[top:bottom]

    regions = Regions((30, 8), read)
    for rows in (slice(3, 9), slice(None), slice(25, 99), slice(-4, None)):
        np.testing.assert_array_equal(regions[rows], pixels[rows])
    assert asked == [(3, 9), (0, 30), (25, 30), (26, 30)]
    assert regions.source is None
