"""Every place of a crop learns from its label map: where boundaries run, and the local grains."""

from __future__ import annotations

import pytest
import torch

from gdest.core.errors import SettingsError
from gdest.core.model_card import ModelCard
from gdest.training.augment import Batch
from gdest.training.dense import DenseHead, boundary_loss, dense_targets
from gdest.training.settings import TrainSettings
from gdest.training.trainer import Trainer

CODE = 135
"""Grains of 1024 px: -10 in log2 of the grains per px."""


def two_grains(count=1, column=20):
    """Return numbers (count, 64, 64) of two grains that meet at a column, whose last pixel is the left one's."""
    numbers = torch.ones(count, 64, 64)
    numbers[:, :, column:] = 7.0
    return numbers


def targets(count=1, *, features=None, known=None):
    codes = torch.full((count, 64, 64), float(CODE))
    shown = torch.zeros(count, 2, 64, 64) if features is None else features
    return dense_targets(two_grains(count), codes, shown, torch.ones(count) if known is None else known)


def test_a_boundary_is_a_line_of_three_px_where_two_grains_meet_and_nothing_elsewhere():
    grain = targets(3).boundaries[:, 0]
    assert grain.shape == (3, 32, 32)
    # the edge is px 19, widened to 18..20: cell 9 whole and half of cell 10
    expected = torch.zeros(32)
    expected[9], expected[10] = 1.0, 0.5
    assert torch.equal(grain[0], expected.expand(32, 32))


def test_the_local_targets_say_how_much_boundary_and_how_fine_the_grains_are():
    local = targets().local[0]
    # 32 px of boundary in the left squares of 32 px, none in the right ones
    assert torch.allclose(local[0], torch.tensor([[2.0, 1.0]] * 2).log())
    assert torch.allclose(local[1], torch.full((2, 2), -10.0))


def test_twins_are_lines_and_particles_are_filled_each_in_its_own_map():
    features = torch.zeros(1, 2, 64, 64)
    features[0, 0, 40], features[0, 1, 8:16, 8:16] = 255.0, 255.0
    _, twin, particle = targets(features=features).boundaries[0]
    assert (twin[19:21].sum(), twin.sum()) == (1.5 * 32, 1.5 * 32)
    assert (particle[4:8, 4:8].sum(), particle.sum()) == (16.0, 16.0)


def test_where_nobody_drew_twins_nothing_is_said_of_them_and_they_cost_nothing():
    wanted = targets(2, known=torch.tensor([1.0, 0.0])).boundaries
    assert wanted[0].isfinite().all()
    assert wanted[1, 0].isfinite().all()
    assert wanted[1, 1:].isnan().all()
    wrong = torch.zeros(2, 3, 32, 32)
    wrong[1, 1:] = 50.0
    assert float(boundary_loss(wrong, wanted)) == pytest.approx(
        float(boundary_loss(torch.zeros_like(wrong), wanted)), rel=0.3
    )
    wrong[0, 1:] = 50.0
    assert float(boundary_loss(wrong, wanted)) > 10.0


def test_the_local_head_learns_and_counts_only_crops_with_targets():
    torch.manual_seed(0)
    wanted = targets(4)
    maps = [torch.zeros(6, 512, 2, 2)]
    maps[0][:4, :2] = wanted.local
    maps[0][4:] = 1e3  # crops that are mixed in have no targets
    right = torch.logit(torch.cat([wanted.boundaries, wanted.boundaries[:2]]).clamp(1e-4, 1 - 1e-4))
    head, entropy = DenseHead(), float(boundary_loss(right[:4], wanted.boundaries))
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    losses = []
    for _ in range(600):
        loss = head.loss(maps, right, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    # what is left is the entropy of half a cell, which no answer takes away
    assert losses[-1] - entropy < 0.03 * (losses[0] - entropy)


def trainer(*, dense):
    settings = TrainSettings(device="cpu", crop_px=64, learning_rate=1e-3)
    card = ModelCard(training={}, gdest_version="0", g_min=2.0, g_max=13.0, boundaries=dense)
    return Trainer(card, settings, 4, dense=dense)


def test_a_step_teaches_the_decoder_and_the_head_of_the_local_grains_stays_out_of_the_weights():
    learning = trainer(dense=True)
    weight = learning.network.decoder.out.weight
    before = weight.detach().clone()
    crops = torch.rand(4, 1, 64, 64) * 255
    learning.step(Batch(crops, torch.full((4,), 7.0), targets(4)))
    assert not torch.equal(weight, before)
    assert not any("local" in name for name in learning.kept.state_dict())
    learning.step(Batch(crops, torch.full((4,), 7.0), None))


def test_a_checkpoint_that_another_gdest_wrote_is_one_sentence(tmp_path):
    one = trainer(dense=True)
    state = one.state()
    torch.save(state, tmp_path / "a.checkpoint")
    one.resume(tmp_path / "a.checkpoint")
    torch.save({key: value for key, value in state.items() if key != "dense_head"}, tmp_path / "a.checkpoint")
    with pytest.raises(SettingsError, match="another gdest"):
        one.resume(tmp_path / "a.checkpoint")
