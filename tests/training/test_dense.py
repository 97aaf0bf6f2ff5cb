"""Every place of a crop learns from its label map: the local grains, and where boundaries run."""

from __future__ import annotations

import pytest
import torch

from gdest.core.errors import SettingsError
from gdest.core.model_card import ModelCard
from gdest.training.augment import Batch
from gdest.training.dense import DenseHeads, dense_targets
from gdest.training.settings import TrainSettings
from gdest.training.trainer import Trainer


def striped(count, width=1, column=20):
    """Return masks and codes (count, 2, 64, 64) with one boundary, a column `width` px wide."""
    maps = torch.full((count, 2, 64, 64), 135.0)
    maps[:, 0] = 0.0
    maps[:, 0, :, column : column + width] = 255.0
    return maps


def test_a_boundary_is_marked_in_the_squares_that_it_crosses_and_nowhere_else():
    targets = dense_targets(striped(3), torch.ones(3))
    assert len(targets) == 3
    eight, sixteen = targets.boundaries
    assert eight.shape == (3, 8, 8)
    assert sixteen.shape == (3, 4, 4)
    assert torch.equal(eight[0], torch.eye(8)[2].expand(8, 8))
    assert torch.equal(sixteen[0], torch.eye(4)[1].expand(4, 4))
    # 32 px of boundary in the left squares of 32 px, none in the right ones; the code 135 is -10 in log2
    assert torch.allclose(targets.local[0, 0], torch.tensor([[2.0, 1.0]] * 2).log())
    assert torch.allclose(targets.local[0, 1], torch.full((2, 2), -10.0))


def test_an_enlarged_line_is_the_same_boundary_and_grains_that_are_fewer_to_the_px():
    plain, enlarged = dense_targets(striped(1), torch.ones(1)), dense_targets(striped(1, 2), torch.full((1,), 2.0))
    assert torch.equal(plain.boundaries[0], enlarged.boundaries[0])
    assert torch.allclose(plain.local[0, 0], enlarged.local[0, 0])
    assert torch.allclose(plain.local[0, 1] - 2.0, enlarged.local[0, 1])


def test_the_heads_loss_falls_to_what_the_maps_can_tell_and_counts_only_crops_with_targets():
    torch.manual_seed(0)
    targets = dense_targets(striped(4), torch.ones(4))
    maps = [torch.zeros(6, channels, side, side) for channels, side in ((64, 16), (128, 8), (256, 4), (512, 2))]
    maps[1][:4, 0], maps[2][:4, 0] = targets.boundaries
    maps[3][:4, :2] = targets.local
    maps[1][4:], maps[3][4:] = 1e3, 1e3  # crops that are mixed in have no targets
    heads = DenseHeads()
    optimizer = torch.optim.Adam(heads.parameters(), lr=0.05)
    losses = []
    for _ in range(300):
        loss = heads.loss(maps, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.03 * losses[0]
    _, (eight, _) = heads(maps)
    assert torch.equal((eight[:4] > 0), targets.boundaries[0] > 0.5)


def trainer(*, dense):
    settings = TrainSettings(device="cpu", crop_px=64, learning_rate=1e-3)
    return Trainer(ModelCard(training={}, gdest_version="0", g_min=2.0, g_max=13.0), settings, 4, dense=dense)


def test_a_step_teaches_the_boundaries_to_the_middle_of_the_network_and_the_weights_stay_free_of_it():
    with_heads = trainer(dense=True)
    head = with_heads.dense_heads.boundaries[0].weight
    crops = torch.rand(4, 1, 64, 64) * 255
    batch = Batch(crops, torch.full((4,), 7.0), dense_targets(striped(4), torch.ones(4)))
    assert not head.any()
    with_heads.step(batch)
    assert head.any()
    assert set(with_heads.kept.state_dict()) == set(trainer(dense=False).kept.state_dict())
    with_heads.step(Batch(crops, torch.full((4,), 7.0), None))


def test_a_checkpoint_that_another_gdest_wrote_is_one_sentence(tmp_path):
    one = trainer(dense=True)
    state = one.state()
    torch.save(state, tmp_path / "a.checkpoint")
    one.resume(tmp_path / "a.checkpoint")
    torch.save({key: value for key, value in state.items() if key != "dense_heads"}, tmp_path / "a.checkpoint")
    with pytest.raises(SettingsError, match="another gdest"):
        one.resume(tmp_path / "a.checkpoint")
