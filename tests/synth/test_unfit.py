"""What must not be graded is drawn as described, and a judge learns to tell it from steel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD
from scipy import ndimage

from gdest.core.model_card import UNFIT
from gdest.model import network
from gdest.model.network import describe
from gdest.synth import etching
from gdest.synth.label_maps import boundary_mask
from gdest.synth.tessellation import GrainShape, section
from gdest.synth.unfit import draw_unfit
from gdest.training import judge as refuse
from gdest.training.examples import Example
from gdest.training.settings import TrainSettings


@pytest.mark.parametrize("kind", UNFIT)
def test_each_kind_is_drawn_alike_from_the_same_seed_and_differently_from_another(kind):
    first, again, other = (draw_unfit(np.random.default_rng(seed), kind, 240, 260) for seed in (1, 1, 2))
    assert first.shape == (240, 260)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_another_kind_is_refused():
    with pytest.raises(KeyError):
        draw_unfit(np.random.default_rng(0), "cat", 240, 240)


def test_fragments_show_only_a_part_of_the_boundaries():
    labels = section(np.random.default_rng(0), 300, 300, 4e-4, GrainShape())
    shares = []
    for visible in (1.0, 0.5):
        frame = etching.make_frame(np.random.default_rng(1), labels)
        bounds = etching.make_boundaries(frame)
        line = etching.boundary_darkness(frame, bounds, 1.5, "boundary") * etching.pieces(frame, bounds, visible)
        shares.append((line[bounds.distance < 1] > 0.3).mean())
    assert shares[1] < 0.65 * shares[0]
    assert shares[1] > 0.25 * shares[0]


def test_fragments_leave_whole_boundaries_out_and_keep_others_from_end_to_end():
    labels = section(np.random.default_rng(0), 400, 400, 4e-4, GrainShape())
    missing = []
    for seed in range(6):
        frame = etching.make_frame(np.random.default_rng(seed), labels)
        bounds = etching.make_boundaries(frame)
        there = etching.pieces(frame, bounds, 0.6)[bounds.distance < 1]
        which = bounds.strength[bounds.distance < 1]
        share = np.array([there[which == one].mean() for one in np.unique(which)])
        missing.append((share < 0.02).mean())
    assert max(missing) > 0.15
    assert max(missing) < 0.7


def test_traces_darken_the_boundaries_that_a_fragment_leaves_out():
    labels = section(np.random.default_rng(0), 300, 300, 4e-4, GrainShape())
    none, faint = (etching.etch(np.random.default_rng(3), labels, visible=0.5, traces=t).image for t in (0.0, 0.35))
    at_boundary = boundary_mask(labels)
    darker = none - faint
    assert (darker[at_boundary] > 0.02).mean() > 0.2
    assert darker[at_boundary].mean() > 5 * abs(darker[~ndimage.binary_dilation(at_boundary, iterations=6)].mean())


@pytest.fixture(scope="module")
def judged():
    torch.manual_seed(0)
    net = network.build(CARD)
    before = net.body.fc.weight.clone()
    refuse.fit_judge(net, net.judge, [], TrainSettings(unfit_pictures=8))
    assert torch.equal(net.body.fc.weight, before)
    return net


def test_a_fitted_judge_tells_steel_from_what_is_none(judged):
    steel = np.concatenate(list(refuse.gradeable_pictures(TrainSettings(), 6))).reshape(6, 1, 500, 500)[
        :, :, :224, :224
    ]
    blank = np.stack([np.full((1, 224, 224), grey, np.uint8) for grey in (20, 90, 128, 160, 200, 240)])
    with torch.inference_mode():
        _, odds, novelty = judged.answer(torch.from_numpy(steel))
        _, odds_blank, novelty_blank = judged.answer(torch.from_numpy(blank))
    assert (odds.max(dim=1).values < odds_blank.max(dim=1).values.min()).float().mean() >= 0.8
    assert novelty_blank.min() > novelty.median()


def test_micrographs_that_are_mixed_in_are_no_novelty(rng):
    torch.manual_seed(0)
    net = network.build(CARD)
    settings = TrainSettings(unfit_pictures=6, batch=10, mix=("some.csv",), mix_share=0.3)
    steel = [Example((torch.from_numpy(pixels[None]),), 7.0) for pixels in refuse.gradeable_pictures(settings, 12)]
    stripes = (rng.integers(0, 2, (500, 1)) * 200 + np.arange(500) % 50).astype(np.uint8)
    odd = Example((torch.from_numpy(stripes[None]),), 7.0)
    tiles = torch.from_numpy(stripes[None, None, :224, :224])
    novelty = []
    for mixed in ([], [odd]):
        refuse.fit_judge(net, net.judge, steel, settings, mixed=mixed)
        with torch.inference_mode():
            novelty.append(float(net.answer(tiles)[2]))
    assert novelty[1] < 0.75 * novelty[0]


def test_the_judge_travels_in_the_weights_file(judged, tmp_path):
    network.save(judged, CARD, tmp_path / "a.safetensors")
    loaded = network.load(tmp_path / "a.safetensors").network
    tiles = torch.randint(0, 256, (2, 1, 224, 224), dtype=torch.uint8)
    with torch.inference_mode():
        for mine, its in zip(judged.answer(tiles), loaded.answer(tiles), strict=True):
            assert torch.allclose(mine, its, rtol=0.1, atol=0.1)


def test_novelty_is_about_one_among_the_tiles_it_was_fitted_on_and_large_far_away(judged):
    pictures = list(refuse.gradeable_pictures(replace(TrainSettings(), seed=5), 4))
    with torch.inference_mode():
        known = describe(judged.stages(torch.from_numpy(np.stack([p[None, :224, :224] for p in pictures]))))
        _, novelty = judged.judge(known)
        _, far = judged.judge(known + 50 * judged.judge.sd)
    assert far.min() > 2 * novelty.median()
