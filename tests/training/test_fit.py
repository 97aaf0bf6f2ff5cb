from __future__ import annotations

import csv
from dataclasses import replace

import pytest
import torch
from helpers.predictors import CARD
from PIL import Image

from gdest.core.errors import SettingsError
from gdest.model import network
from gdest.synth.dataset import write_dataset
from gdest.synth.settings import SynthSettings
from gdest.training.fit import train
from gdest.training.settings import TrainSettings

QUICK = TrainSettings(
    epochs=2,
    batch=8,
    crop_px=64,
    crops_per_micrograph=2,
    validation_share=0.2,
    device="cpu",
    average=0.5,
    unfit_pictures=2,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    list(write_dataset(folder, SynthSettings(count=10, g_min=5.0, g_max=11.0, rows=224, cols=224, label_maps=True)))
    return folder


def ignore(*_args):
    pass


def state(path):
    return network.load_model(path).network.state_dict()


def test_an_interrupted_run_goes_on_and_ends_as_an_undisturbed_one(data, tmp_path):
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    lines = []
    train(data, whole, QUICK, lines.append, ignore)

    def interrupt(done, steps):
        if done == steps // 2 + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, cut, QUICK, ignore, interrupt)
    assert cut.with_suffix(".checkpoint").exists()
    resumed = []
    train(data, cut, QUICK, resumed.append, ignore)
    assert any("Resumed after epoch 1" in line for line in resumed)
    assert all(torch.equal(value, state(whole)[name]) for name, value in state(cut).items())
    assert cut.with_suffix(".csv").read_text() == whole.with_suffix(".csv").read_text()
    assert not whole.with_suffix(".checkpoint").exists()
    with Image.open(whole.with_suffix(".png")) as curve:
        assert curve.width > 500
    with whole.with_suffix(".csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    card = network.load_model(whole).card
    assert card.interval
    assert card.tile_scatter == () or card.tile_scatter[0][1] >= 0
    assert card.training["micrographs"] == "10"
    assert card.errors["validation_micrographs"] == 2


def test_no_epochs_calibrate_known_weights_on_other_micrographs(data, tmp_path):
    first, other = tmp_path / "first.safetensors", tmp_path / "other"
    train(data, first, replace(QUICK, epochs=1, average=0.0), ignore, ignore)
    list(write_dataset(other, SynthSettings(count=6, g_min=5.0, g_max=11.0, rows=224, cols=224, seed=9)))
    again = tmp_path / "again.safetensors"
    settings = replace(QUICK, epochs=0, init=str(first), calibration=(str(other),))
    card = train(data, again, settings, ignore, ignore)
    assert torch.equal(state(again)["body.fc.weight"], state(first)["body.fc.weight"])
    assert card.errors["validation_micrographs"] == 6
    assert len(card.correction) == 1  # six know one number for every G, the two held out above none
    assert network.load_model(first).card.correction == ()
    known = network.load_model(first).card
    assert (card.g_min, card.g_max) == (known.g_min, known.g_max)
    assert card.interval != network.load_model(first).card.interval
    assert 0 <= card.errors["validation_coverage"] <= 1
    assert {"no grains", "defocused", "fragments", "novelty"} <= set(card.limits)
    with pytest.raises(SettingsError, match="--init"):
        TrainSettings(epochs=0)


def test_weights_trained_on_a_narrow_range_keep_the_range_they_come_from(data, tmp_path):
    first, narrow = tmp_path / "first.safetensors", tmp_path / "narrow"
    train(data, first, replace(QUICK, epochs=1, average=0.0), ignore, ignore)
    list(write_dataset(narrow, SynthSettings(count=4, g_min=7.0, g_max=7.1, rows=224, cols=224, seed=9)))
    settings = replace(QUICK, epochs=1, init=str(first))
    card = train(narrow, tmp_path / "w.safetensors", settings, ignore, ignore)
    known = network.load_model(first).card
    assert (card.g_min, card.g_max) == (known.g_min, known.g_max)


@pytest.mark.parametrize("kept", [True, False])
def test_batch_normalisation_is_left_as_the_initial_weights_have_it_where_that_is_asked(data, tmp_path, kept):
    first, out = tmp_path / "first.safetensors", tmp_path / "w.safetensors"
    network.save_model(network.build_network(CARD), CARD, first)
    train(data, out, replace(QUICK, epochs=1, init=str(first), keep_norm=kept), ignore, ignore)
    before, after = state(first), state(out)
    measured = [name for name in before if "running_" in name]
    assert len(measured) == 40
    assert all(torch.equal(before[name], after[name]) for name in measured) is kept
    assert not torch.equal(before["body.conv1.weight"], after["body.conv1.weight"])


def test_the_network_learns_to_tell_fine_from_coarse(tmp_path):
    list(write_dataset(tmp_path / "c", SynthSettings(count=6, g_min=6.0, g_max=6.2, rows=224, cols=224, seed=1)))
    list(write_dataset(tmp_path / "f", SynthSettings(count=6, g_min=10.0, g_max=10.2, rows=224, cols=224, seed=2)))
    rows = ["file,g,um_per_px"]
    for folder in ("c", "f"):
        lines = (tmp_path / folder / "labels.csv").read_text().splitlines()[1:]
        rows += [f"{folder}/{line.split(',')[0]},{line.split(',')[1]},1.0" for line in lines]
    (tmp_path / "both.csv").write_text("\n".join(rows))
    losses = []
    settings = replace(
        QUICK, epochs=12, learning_rate=1e-3, average=0.0, rescale_g=0.0, contrast=0.1, crops_per_micrograph=4
    )
    train(tmp_path / "both.csv", tmp_path / "w.safetensors", settings, losses.append, ignore)
    with (tmp_path / "w.csv").open() as file:
        history = [float(row["train_loss"]) for row in csv.DictReader(file)]
    assert min(history[-3:]) < 0.35 * history[0]


def test_a_checkpoint_of_other_settings_is_refused(data, tmp_path):
    out = tmp_path / "w.safetensors"

    def interrupt(done, steps):
        if done == steps:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, out, QUICK, ignore, interrupt)
    with pytest.raises(SettingsError, match="other settings"):
        train(data, out, replace(QUICK, learning_rate=1e-4), ignore, ignore)
