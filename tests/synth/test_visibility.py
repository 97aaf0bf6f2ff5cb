from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from gdest.synth.visibility import visible_grains


@pytest.fixture
def labels():
    """Nine square grains of 60 px."""
    rows, cols = np.indices((180, 180)) // 60
    return (3 * rows + cols).astype(np.int32)


def picture(labels, line=0.3, edges=None, noise=0.0):
    """Return a bright ground with lines so much darker, along all `edges` (pairs of grains) or those given."""
    rng = np.random.default_rng(0)
    image = np.full(labels.shape, 0.8, np.float32)
    for along in (0, 1):
        for at in (60, 120):
            sides = [np.take(labels, at + side, axis=along) for side in (-1, 0)]
            pairs = list(zip(sides[0].tolist(), sides[1].tolist(), strict=True))
            dark = np.array([edges is None or pair in edges for pair in pairs]) * line
            for near in (at - 1, at):
                index = (near, slice(None)) if along == 0 else (slice(None), near)
                image[index] -= dark
    return np.clip(image + noise * rng.standard_normal(labels.shape), 0, 1).astype(np.float32)


def test_grains_with_a_line_between_them_stay_apart_and_keep_their_numbers(labels):
    assert np.array_equal(visible_grains(picture(labels), labels), labels)
    assert np.array_equal(visible_grains(1.0 - picture(labels), labels), labels)


def test_grains_between_which_nothing_is_seen_are_one(labels):
    every = {(a, a + 1) for a in (0, 1, 3, 4, 6, 7)} | {(a, a + 3) for a in range(6)}
    seen = visible_grains(picture(labels, edges=every - {(0, 1), (4, 7)}), labels)
    assert seen.max() == 6
    assert sorted(np.unique(seen)) == list(range(7))
    assert seen[30, 30] == seen[30, 90]
    assert seen[90, 90] == seen[150, 90]
    assert seen[30, 30] != seen[90, 30]


def test_grains_of_another_grey_need_no_line(labels):
    image = picture(labels, line=0.0)
    image[labels == 4] -= 0.15
    seen = visible_grains(image, labels)
    assert seen.max() == 1
    assert np.array_equal(seen == seen[90, 90], labels == 4)


@pytest.mark.parametrize(
    ("step", "without_lines", "grains"), [(0.03, True, 2), (0.005, True, 1), (0.03, False, 1), (0.08, False, 2)]
)
def test_a_faint_grey_of_its_own_is_seen_where_no_lines_are(labels, step, without_lines, grains):
    image = picture(labels, line=0.0, noise=0.01)
    image[labels == 4] -= step
    image[:20] = 0.0  # black and white set what is faint
    halves = np.where(labels == 4, 1, 0).astype(np.int32)
    assert visible_grains(image, halves, without_lines=without_lines).max() + 1 == grains


def test_texture_parts_few_grains_by_chance():
    rows, cols = np.indices((300, 300)) // 60
    left = []
    for seed in range(6):
        texture = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(rows.shape), 1.0)
        image = (0.6 + 0.05 * texture / texture.std()).astype(np.float32)
        left.append(visible_grains(image, (5 * rows + cols).astype(np.int32)).max() + 1)
    assert np.mean(left) < 19  # of 25; where all that differs somewhere counts, 24


def test_places_where_the_one_and_where_the_other_grain_is_brighter_are_no_step():
    halves = (np.indices((180, 180))[1] // 90).astype(np.int32)
    image = np.full(halves.shape, 0.5, np.float32)
    image[:90, :90] += 0.1
    image[90:, 90:] += 0.1
    assert visible_grains(image, halves).max() == 0
    image[90:, 90:] -= 0.1
    assert visible_grains(image, halves).max() == 1


def test_a_line_that_the_noise_hides_is_not_seen(labels):
    assert visible_grains(picture(labels, line=0.12, noise=0.02), labels).max() == 8
    assert visible_grains(picture(labels, line=0.12, noise=0.25), labels).max() < 8


def test_a_line_with_gaps_is_closed_and_a_stump_is_not(labels):
    halves = np.where(labels % 3 == 2, 1, 0).astype(np.int32)
    for share, grains in ((0.7, 2), (0.2, 1)):
        image = np.full(labels.shape, 0.8, np.float32)
        image[: round(180 * share), 119:121] = 0.2
        assert visible_grains(image, halves).max() + 1 == grains


def test_a_picture_of_one_grain_stays_as_it_is():
    whole = np.zeros((50, 50), np.int32)
    assert np.array_equal(visible_grains(np.full((50, 50), 0.5, np.float32), whole), whole)
