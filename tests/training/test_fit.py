from __future__ import annotations

import csv
from dataclasses import replace

import pytest
import torch
from helpers.interruptions import interrupt_in_the_second_epoch
from helpers.small_training import QUICK
from PIL import Image

from gdest.core.errors import DataError, SettingsError
from gdest.model import network, weights_path
from gdest.synth.dataset import write_dataset
from gdest.synth.settings import SynthSettings
from gdest.training import fit as fitting
from gdest.training.examples import load_examples
from gdest.training.feeding import Decoded
from gdest.training.fit import fit, new_card, train
from gdest.training.labels import Split, read_labels
from gdest.training.run_files import unfinished_path
from gdest.training.settings import TrainSettings
from gdest.training.stages import no_stage
from gdest.training.trainer import Trainer


def state(path):
    return network.load_model(path).network.state_dict()


def test_an_interrupted_run_goes_on_and_ends_as_an_undisturbed_one(drawn, trained, tmp_path):
    whole, cut = trained.weights, tmp_path / "cut.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(drawn, cut, QUICK, stage=interrupt_in_the_second_epoch)
    assert cut.with_suffix(".checkpoint").exists()
    with pytest.raises(SettingsError, match="other settings"):
        train(drawn, cut, replace(QUICK, learning_rate=1e-4))
    resumed = []
    train(drawn, cut, QUICK, resumed.append)
    assert any("Resumed after epoch 1" in line for line in resumed)
    assert all(torch.equal(value, state(whole)[name]) for name, value in state(cut).items())
    assert cut.with_suffix(".csv").read_text() == whole.with_suffix(".csv").read_text()
    assert not whole.with_suffix(".checkpoint").exists()


@pytest.mark.parametrize("epochs", [0, 2])
def test_weights_get_their_name_when_they_are_finished_and_not_before(drawn, trained, tmp_path, monkeypatch, epochs):
    """Ctrl-C while they were calibrated left weights without an interval, which graded a photograph."""
    out = tmp_path / "w.safetensors"
    settings = replace(QUICK, epochs=epochs, init=str(trained.weights))

    def interrupted(*_):
        assert not out.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "calibrated_card", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(drawn, out, settings)
    assert not out.exists()
    monkeypatch.undo()
    said = []
    card = train(drawn, out, settings, said.append)
    assert any("Resumed" in line for line in said) is (epochs > 0)
    assert network.load_model(out).card == card
    assert card.missing_for_grading() == ""
    assert not list(tmp_path.glob("*.unfinished*"))


def test_pictures_that_must_not_be_graded_reach_the_judge_and_a_slip_is_told_before_the_training(
    drawn, trained, tmp_path, monkeypatch
):
    noise = torch.randint(0, 255, (300, 300), dtype=torch.uint8).numpy()
    for folder in ("right/fragments", "slip/rust"):
        (tmp_path / folder).mkdir(parents=True)
        Image.fromarray(noise).save(tmp_path / folder / "1.png")
    taught = []
    monkeypatch.setattr(fitting, "fit_judge", lambda *_, unfit, **__: taught.append(unfit))
    settings = replace(QUICK, epochs=0, init=str(trained.weights))
    train(drawn, tmp_path / "w.safetensors", replace(settings, unfit=(str(tmp_path / "right"),)))
    assert [(kind, [tiles.shape for tiles in each]) for kind, each in taught[0].items()] == [
        ("fragments", [(4, 224, 224)])
    ]
    monkeypatch.setattr(fitting, "_decode", lambda *_: pytest.fail("decoded before the slip was told"))
    with pytest.raises(DataError, match="rust is not named after a kind"):
        train(drawn, tmp_path / "v.safetensors", replace(settings, unfit=(str(tmp_path / "slip"),)))


def test_a_run_writes_its_curves_and_a_card_of_what_it_held_out(trained):
    with Image.open(trained.weights.with_suffix(".png")) as curve:
        assert curve.width > 500
    with trained.weights.with_suffix(".csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    card = network.load_model(trained.weights).card
    assert card == trained.card
    assert card.interval
    assert card.tile_scatter == () or card.tile_scatter[0][1] >= 0
    assert card.training["micrographs"] == "10"
    assert card.errors["validation_micrographs"] == 2
    assert sum("validation MAE" in line for line in trained.said) == 2


def test_no_epochs_calibrate_known_weights_on_other_micrographs(drawn, trained, tmp_path):
    first, other = trained.weights, tmp_path / "other"
    list(write_dataset(other, SynthSettings(count=6, g_min=7.0, g_max=11.0, rows=224, cols=224, seed=9)))
    again = tmp_path / "again.safetensors"
    settings = replace(QUICK, epochs=0, init=str(first), calibration=(str(other),))
    card = train(drawn, again, settings)
    assert torch.equal(state(again)["body.fc.weight"], state(first)["body.fc.weight"])
    assert card.errors["validation_micrographs"] == 6
    assert len(card.correction) == 1  # six know one number for every G, the two held out above none
    known = network.load_model(first).card
    assert known.correction == ()
    assert (card.g_min, card.g_max) == (known.g_min, known.g_max)
    assert card.interval != known.interval
    assert "validation_coverage" not in card.errors  # six of six say nothing of nine in ten
    assert {"no grains", "defocused", "fragments", "novelty"} <= set(card.limits)
    with pytest.raises(SettingsError, match="--init"):
        TrainSettings(epochs=0)


@pytest.mark.parametrize(("count", "known"), [(19, False), (20, True)])
def test_a_coverage_of_few_micrographs_is_not_kept(decoded, trained, count, known, monkeypatch):
    errors = {"validation_micrographs": float(count), "validation_coverage": 0.9, "validation_mae": 0.1}
    monkeypatch.setattr(fitting, "calibrated_card", lambda model, *_: replace(model.card, errors=errors))
    monkeypatch.setattr(fitting, "fit_judge", lambda *_, **__: None)
    best = network.load_model(trained.weights)
    card = fitting._finished_card(best, decoded, Split([], [], []), [], QUICK, no_stage)
    assert card.errors["validation_mae"] == 0.1
    assert ("validation_coverage" in card.errors) is known


def test_bundled_stands_for_the_weights_that_travel_with_gdest(decoded):
    settings = replace(QUICK, init="bundled")
    card = new_card(decoded.training, settings, "narrow", 2)
    bundled = network.load_model(weights_path(None))
    assert (card.g_min, card.g_max) == (bundled.card.g_min, bundled.card.g_max)
    known = Trainer(card, settings, 1, dense=True).network.state_dict()
    assert all(torch.equal(value, known[name]) for name, value in bundled.network.state_dict().items())
    assert card.training["init"] == "bundled"


def test_weights_trained_on_a_narrow_range_keep_the_range_they_come_from(decoded, trained):
    narrow = sorted(decoded.training, key=lambda example: example.g_seen)[3:5]
    known = trained.card
    assert known.g_min < narrow[0].g_seen - 0.5 < narrow[1].g_seen + 0.5 < known.g_max
    card = new_card(narrow, replace(QUICK, init=str(trained.weights)), "narrow", 2)
    assert (card.g_min, card.g_max) == (known.g_min, known.g_max)
    own = new_card(narrow, QUICK, "narrow", 2)
    assert own.g_min == pytest.approx(narrow[0].g_seen - 0.5, abs=0.01)
    assert own.g_max == pytest.approx(narrow[1].g_seen + 0.5, abs=0.01)


@pytest.mark.parametrize("kept", [True, False])
def test_batch_normalisation_is_left_as_the_initial_weights_have_it_where_that_is_asked(
    decoded, trained, tmp_path, kept
):
    out = tmp_path / "w.safetensors"
    settings = replace(QUICK, epochs=1, init=str(trained.weights), keep_norm=kept)
    fit(new_card(decoded.training, settings, "drawn", 8), decoded, out, settings)
    before, after = state(trained.weights), state(unfinished_path(out))
    measured = [name for name in before if "running_" in name]
    assert len(measured) == 2 * (20 + 5)  # of the ResNet18, and of the decoder
    assert all(torch.equal(before[name], after[name]) for name in measured) is kept
    assert not torch.equal(before["body.conv1.weight"], after["body.conv1.weight"])


def test_the_network_learns_to_tell_fine_from_coarse(two_grades, tmp_path):
    examples = load_examples(read_labels(two_grades, None), 1.0, torch.device("cpu"))
    settings = replace(
        QUICK, epochs=12, learning_rate=1e-3, average=0.0, rescale_g=0.0, contrast=0.1, crops_per_micrograph=4
    )
    decoded = Decoded(examples[:11], examples[11:])
    epochs = fit(new_card(examples, settings, "two grades", 12), decoded, tmp_path / "w.safetensors", settings)
    history = [epoch.train_loss for epoch in epochs]
    assert min(history[-3:]) < 0.35 * history[0]


def test_the_same_seed_trains_the_same_weights_and_another_does_not(decoded, tmp_path):
    found = []
    for seed in (3, 3, 4):
        settings = replace(QUICK, epochs=1, crops_per_micrograph=1, seed=seed)
        out = tmp_path / f"{len(found)}.safetensors"
        fit(new_card(decoded.training, settings, "drawn", 8), decoded, out, settings)
        found.append(state(unfinished_path(out))["body.conv1.weight"])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
