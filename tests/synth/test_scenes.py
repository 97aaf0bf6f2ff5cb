from __future__ import annotations

import numpy as np
import pytest

from gdest.synth import scenes

DRAWS = {name: getattr(scenes, f"_{name}") for name in ("things", "wall", "fibres", "vessels", "discs", "weave")}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_scene_depends_on_its_seed_alone_and_shows_something(draw):
    pictures = [draw(np.random.default_rng(seed), 240, 300) for seed in (1, 1, 2)]
    assert pictures[0].shape == (240, 300)
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
    assert all(np.isfinite(picture).all() and picture.std() > 0.01 for picture in pictures)


def test_a_weave_repeats_where_noise_does_not():
    def strongest_wave(picture):
        power = np.abs(np.fft.rfft2(picture - picture.mean())) ** 2
        return power.max() / power.sum()

    weaves = [strongest_wave(scenes._weave(np.random.default_rng(seed), 256, 256)) for seed in range(8)]
    noise = strongest_wave(np.random.default_rng(0).standard_normal((256, 256)))
    assert np.median(weaves) > 10 * noise


def test_bricks_keep_their_grey_up_to_the_joint():
    """Along a course the grey changes in steps; in a picture of noise it changes everywhere."""
    wall = scenes._wall(np.random.default_rng(5), 300, 300)
    steps = np.abs(np.diff(wall, axis=1))
    assert np.quantile(steps, 0.5) < 0.2 * np.quantile(steps, 0.995)


def test_shades_lie_over_most_scenes():
    """Large shades make the brightness of distant parts differ, as in photographs."""
    spread = []
    for seed in range(12):
        image = scenes.draw_scene(np.random.default_rng(seed), 200, 200)
        spread.append(image.reshape(4, 50, 4, 50).mean(axis=(1, 3)).std())
    assert np.median(spread) > 0.03
