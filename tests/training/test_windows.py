"""Pyramids and windows are made of whole pieces, which must be what pixel for pixel would be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from gdest.training import augment
from gdest.training.augment import cut_batch
from gdest.training.channels import NUMBERS, log2_densities, pyramid, pyramid_shapes, with_label_map
from gdest.training.examples import Example, log2_density
from gdest.training.settings import TrainSettings
from gdest.training.windows import mirrored


@pytest.mark.parametrize("size", [5, 40, 100, 101])
def test_what_lacks_is_mirrored_as_often_as_it_takes(size, rng):
    pixels = rng.integers(0, 256, (3, size, 2 * size), dtype=np.uint8)
    wanted = 100
    padded = np.pad(pixels, [(0, 0), (0, max(wanted - size, 0)), (0, max(wanted - 2 * size, 0))], mode="symmetric")
    assert np.array_equal(mirrored(torch.from_numpy(pixels), wanted, wanted).numpy(), padded)


@pytest.mark.parametrize("shape", [(256, 301), (127, 400), (960, 1280)])
def test_a_level_is_the_mean_of_fours_their_first_number_and_their_widest_line(shape, rng):
    labels = rng.integers(0, 900, shape).astype(np.int32)
    features = rng.integers(0, 3, shape).astype(np.uint8)
    levels = pyramid(with_label_map(rng.integers(0, 256, shape, dtype=np.uint8), labels, features))
    assert [level.shape for level in levels] == pyramid_shapes(5, *shape)
    for large, small in pairwise(levels):
        whole = torch.from_numpy(large).float()
        assert np.array_equal(small[0], functional.avg_pool2d(whole[:1], 2)[0].round().numpy())
        assert np.array_equal(small[3:], functional.max_pool2d(whole[3:], 2).numpy())
        rows, cols = small.shape[1:]
        assert np.array_equal(small[NUMBERS], large[NUMBERS, : 2 * rows : 2, : 2 * cols : 2])
    by_pixel = [float(log2_density(torch.from_numpy(level[2:3]))) for level in levels]
    assert log2_densities(levels) == pytest.approx(by_pixel, abs=1e-4)
    assert log2_densities([level[:1] for level in levels]) == ()


def test_how_many_crops_are_sampled_at_a_time_changes_none_of_them(rng, monkeypatch):
    levels = pyramid(rng.integers(0, 256, (5, 260, 240), dtype=np.uint8))
    source = Example(tuple(map(torch.from_numpy, levels)), 7.0, log2_densities(levels), shows_features=True)
    found = []
    for some in (3, 100):
        monkeypatch.setattr(augment, "AT_A_TIME", some)
        settings = TrainSettings(rescale_g=2.0, crop_px=64)
        found.append(cut_batch([source] * 10, settings, (0.0, 16.0), np.random.default_rng(4)))
    assert torch.equal(found[0].crops, found[1].crops)
    assert torch.equal(found[0].g_seen, found[1].g_seen)
    assert torch.equal(found[0].dense.boundaries, found[1].dense.boundaries)
