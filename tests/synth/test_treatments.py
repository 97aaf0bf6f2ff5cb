from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from gdest.synth import dataset, treatments

EVERY = {**treatments.GENTLE, **treatments.HARSH}


def lattice(period=30, rows=240, cols=240):
    image = np.full((rows, cols), 0.8, np.float32)
    image[period // 2 :: period] = image[:, period // 2 :: period] = 0.2
    return ndimage.gaussian_filter(image, 0.8)


@pytest.mark.parametrize("name", EVERY)
def test_a_treatment_moves_no_line(name):
    """The lines of a lattice stay where they were: the picture's strongest wave keeps its period and its phase."""
    before = lattice()
    after = np.clip(EVERY[name](np.random.default_rng(1), before), 0, 1)
    assert after.shape == before.shape
    assert np.abs(after - before).max() > 0.02
    waves = [np.fft.rfft(np.abs(ndimage.gaussian_laplace(one, 1.5)).mean(axis=0)) for one in (before, after)]
    turned = np.angle(waves[1][8] / waves[0][8]) * 30 / (2 * np.pi)
    assert abs(turned) < 1.5


def test_none_to_two_things_are_done_to_a_picture_and_named():
    image = lattice()
    names = [treatments.treated(np.random.default_rng(seed), image, 2.0, 60.0)[1] for seed in range(150)]
    number = np.bincount([len(one) for one in names], minlength=3) / 150
    assert number == pytest.approx(treatments.NUMBER_SHARES, abs=0.12)
    assert {name for one in names for name in one} == set(EVERY)
    untouched = next(seed for seed, one in enumerate(names) if not one)
    assert np.array_equal(treatments.treated(np.random.default_rng(untouched), image, 2.0, 60.0)[0], image)


def test_faint_and_fine_lines_are_spared_what_would_eat_them():
    image = lattice()
    for line_px, diameter_px in ((0.5, 60.0), (2.0, 12.0)):
        names = {
            name
            for seed in range(150)
            for name in treatments.treated(np.random.default_rng(seed), image, line_px, diameter_px)[1]
        }
        assert names == set(treatments.GENTLE)


def test_an_enlarged_picture_is_blocky_and_so_are_its_maps():
    seeds = (np.random.default_rng([3, seed]) for seed in range(200))
    made = (dataset.make_micrograph(rng, 4.0, 230, 240, 1.0) for rng in seeds)
    one = next(one for one in made if one.drawn["enlarged"] > 1.6 and one.features.any())
    zoom = one.drawn["enlarged"]
    same_row = np.diff(np.floor(np.arange(230) / zoom)) == 0
    for plane in (one.labels, one.features):
        change = (np.diff(plane.astype(int), axis=0) != 0).any(axis=1)
        assert change.any()
        assert not (change & same_row).any()
    assert set(np.unique(one.labels)) == set(range(one.labels.max() + 1))
