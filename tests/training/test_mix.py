"""Real micrographs mixed into the training on synthetic ones, and the other way round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.small_training import QUICK

from gdest.core import grain_size
from gdest.core.errors import SettingsError
from gdest.model import network
from gdest.synth.dataset import write_tiff
from gdest.training import fit
from gdest.training.augment import cut_batch
from gdest.training.examples import load_examples
from gdest.training.feeding import cut_mixed
from gdest.training.labels import read_labels
from gdest.training.settings import TrainSettings

MIXING = replace(QUICK, epochs=1, batch=10, crops_per_micrograph=4, average=0.0)


def real_field(folder, um_per_px, g=6.0, side=500, grey=200):
    """Write a grey field and a table that names it, without a label map; return the table."""
    folder.mkdir()
    pixels = np.full((side, side), grey, np.uint8)
    pixels[::20] = 30
    write_tiff(folder / "field.tif", pixels, um_per_px)
    (folder / "labels.csv").write_text(f"file,g,um_per_px\nfield.tif,{g},{um_per_px}\n")
    return folder


def real_examples(folder, g):
    return load_examples(read_labels(real_field(folder, 1.0, g=g), None), 1.0, torch.device("cpu"))


def test_a_fixed_share_of_each_step_comes_from_what_is_mixed_in_and_has_no_dense_targets(
    decoded, tmp_path, monkeypatch
):
    seen = []

    def step(_trainer, batch):
        seen.append(batch)
        return torch.tensor(0.0)

    monkeypatch.setattr("gdest.training.trainer.Trainer.step", step)
    settings = replace(MIXING, mix=("real.csv",), mix_share=0.3, rescale=False, contrast=0.0)
    mixing = replace(decoded, mixed=real_examples(tmp_path / "real", g=4.0))
    card = fit.new_card([*decoded.training, *mixing.mixed], settings, "both", 9)
    fit.fit(card, mixing, tmp_path / "w.safetensors", settings)
    assert len(seen) == 8 * 4 // 7
    for batch in seen:
        assert batch.crops.shape[0] == 10
        assert batch.dense is not None
        assert len(batch.dense) == 7
        assert batch.g_seen[7:].tolist() == [4.0] * 3
        assert (batch.g_seen[:7] > 4.5).all()


def test_mixed_in_micrographs_train_the_network_and_widen_the_range_of_its_card(drawn, tmp_path):
    out, said = tmp_path / "w.safetensors", []
    settings = replace(MIXING, crops_per_micrograph=1, mix=(str(real_field(tmp_path / "real", 1.0, g=5.2)),))
    fit.train(drawn, out, replace(settings, rescale=False), said.append)
    assert any("1 mixed in" in line for line in said)
    assert network.load_model(out).card.g_min == pytest.approx(4.7, abs=0.01)


def test_a_field_too_coarse_for_the_tiles_is_halved_as_a_scan_halves_it(tmp_path):
    items = read_labels(real_field(tmp_path / "real", 0.25, g=6.0, side=1000), None)
    (as_it_is,) = load_examples(items, 1.0, torch.device("cpu"))
    assert as_it_is.pyramid[0].shape == (1, 1000, 1000)
    assert as_it_is.g_seen == pytest.approx(2.0)
    (halved,) = load_examples(items, 1.0, torch.device("cpu"), coarsest=3.0)
    assert halved.pyramid[0].shape == (1, 500, 500)
    assert halved.g_seen == pytest.approx(float(grain_size.g_seen(6.0, 0.5, 1.0)))
    (smallest,) = load_examples(items, 1.0, torch.device("cpu"), coarsest=9.0)
    assert smallest.pyramid[0].shape == (1, 250, 250)


def test_synthetic_micrographs_with_label_maps_stay_as_coarse_as_they_were_drawn(drawn):
    items = read_labels(drawn, None)
    assert load_examples(items, 1.0, torch.device("cpu"), coarsest=16.0)[0].pyramid[0].shape == (5, 224, 224)


def test_batches_of_both_kinds_join_in_order(decoded, tmp_path):
    (real,) = real_examples(tmp_path / "real", g=6.0)
    made = decoded.training
    rng = np.random.default_rng(0)
    card = fit.new_card([*made, real], MIXING, "both", 9)
    batch = cut_mixed(made[:3], [real], card, replace(MIXING, mix=("x",), mix_share=0.2), rng)
    alone = cut_batch(made[:3], MIXING, (card.g_min, card.g_max), np.random.default_rng(0))
    assert torch.equal(batch.crops[:3], alone.crops)
    assert len(batch.crops) == 3 + 2


def test_a_mix_of_whole_images_is_refused():
    with pytest.raises(SettingsError, match="--input crop"):
        TrainSettings(mix=("real.csv",), input="image")
    with pytest.raises(SettingsError, match="--mix-share"):
        TrainSettings(mix=("real.csv",), mix_share=1.0)
