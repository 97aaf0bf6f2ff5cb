"""The judge learns to tell what must not be graded from steel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD
from safetensors.torch import load_file, save_file

from gdest.core.model_card import UNFIT, Doubt
from gdest.model import network
from gdest.model.judge import describe
from gdest.model.weights_file import CARD_KEY, weights_path
from gdest.training.examples import Example
from gdest.training.judge import _as_often, fit_judge, gradeable_pictures
from gdest.training.settings import TrainSettings


@pytest.fixture(scope="module")
def judged():
    torch.manual_seed(0)
    net = network.build_network(CARD)
    before = net.body.fc.weight.clone()
    fit_judge(net, net.judge, [], TrainSettings(unfit_pictures=8))
    assert torch.equal(net.body.fc.weight, before)
    return net


def test_a_fitted_judge_tells_steel_from_what_is_none(judged):
    steel = np.concatenate(list(gradeable_pictures(TrainSettings(), 6))).reshape(6, 1, 500, 500)[:, :, :224, :224]
    blank = np.stack([np.full((1, 224, 224), grey, np.uint8) for grey in (20, 90, 128, 160, 200, 240)])
    with torch.inference_mode():
        _, odds, novelty = judged.answer(torch.from_numpy(steel))
        _, odds_blank, novelty_blank = judged.answer(torch.from_numpy(blank))
    assert (odds.max(dim=1).values < odds_blank.max(dim=1).values.min()).float().mean() >= 0.8
    assert novelty_blank.min() > novelty.median()
    assert novelty.max() < 8.0  # no deviation counts more: steel like that of the training is no novelty


def test_micrographs_that_are_mixed_in_are_no_novelty(rng):
    net = network.load_model(weights_path(None)).network  # a random one's axes miss the stripes
    settings = TrainSettings(unfit_pictures=3, batch=10, mix=("some.csv",), mix_share=0.3)
    steel = [Example((torch.from_numpy(pixels[None].copy()),), 7.0) for pixels in gradeable_pictures(settings, 8)]
    stripes = (rng.integers(0, 2, (500, 1)) * 200 + np.arange(500) % 50).astype(np.uint8)
    odd = Example((torch.from_numpy(stripes[None]),), 7.0)
    tiles = torch.from_numpy(stripes[None, None, :224, :224])
    novelty = []
    for mixed in ([], [odd]):
        fit_judge(net, net.judge, steel, settings, mixed=mixed)
        with torch.inference_mode():
            novelty.append(float(net.answer(tiles)[2]))
    assert novelty[1] < 0.75 * novelty[0]


def test_the_judge_travels_in_the_weights_file(judged, tmp_path):
    network.save_model(judged, CARD, tmp_path / "a.safetensors")
    loaded = network.load_model(tmp_path / "a.safetensors").network
    tiles = torch.randint(0, 256, (2, 1, 224, 224), dtype=torch.uint8)
    with torch.inference_mode():
        for mine, its in zip(judged.answer(tiles), loaded.answer(tiles), strict=True):
            assert torch.allclose(mine, its, rtol=0.1, atol=0.1)


def test_novelty_is_about_one_among_the_tiles_it_was_fitted_on_and_large_far_away(judged):
    pictures = list(gradeable_pictures(replace(TrainSettings(), seed=5), 4))
    with torch.inference_mode():
        known = describe(judged.stages(torch.from_numpy(np.stack([p[None, :224, :224] for p in pictures]))))
        _, novelty = judged.judge(known)
        _, far = judged.judge(known + 50 * judged.judge.sd)
    assert far.min() > 2 * novelty.median()


def test_weights_from_before_a_kind_was_known_read_and_never_tell_it(judged, tmp_path):
    network.save_model(judged, CARD, tmp_path / "new.safetensors")
    state = load_file(tmp_path / "new.safetensors")
    for name in ("weight", "bias"):
        state[f"judge.odds.{name}"] = state[f"judge.odds.{name}"][:4].clone()
    save_file(state, tmp_path / "old.safetensors", {CARD_KEY: CARD.to_json()})
    new, old = (network.load_model(tmp_path / f"{name}.safetensors").network for name in ("new", "old"))
    tiles = torch.randint(0, 256, (2, 1, 224, 224), dtype=torch.uint8)
    with torch.inference_mode():
        mine, its = new.answer(tiles)[1], old.answer(tiles)[1]
    assert torch.equal(mine[:, :3], its[:, :3])
    assert (its[:, UNFIT.index(Doubt.STRUCTURE)] < -1000).all()


def test_real_pictures_that_must_not_be_graded_teach_their_kind(rng):
    """Stripes, which no drawn picture has, are fragments as soon as one picture of them is given as such."""
    stripes = np.tile((np.arange(224) // 6 % 2 * 180 + 30).astype(np.uint8), (3, 224, 1))
    shown = np.clip(stripes + rng.normal(0, 6, stripes.shape), 0, 255).astype(np.uint8)
    odds = []
    for unfit in ({}, {"fragments": [shown]}):
        torch.manual_seed(0)
        net = network.build_network(CARD)
        fit_judge(net, net.judge, [], TrainSettings(unfit_pictures=3), unfit=unfit)
        with torch.inference_mode():
            odds.append(float(net.answer(torch.from_numpy(shown[:1, None]))[1][0, UNFIT.index(Doubt.FRAGMENTS)]))
    assert odds[1] > max(0.0, odds[0] + 1.0)


@pytest.mark.parametrize(("real", "copies"), [([], 0), ([10], 4), ([4, 6], 4), ([60], 1)])
def test_real_tiles_count_for_a_share_of_their_kind_and_each_at_least_once(real, copies):
    tiles = [torch.zeros(count, 5) for count in real]
    found = _as_often(tiles, [torch.zeros(10, 5)] * 11)
    assert len(found) == copies * len(real)
