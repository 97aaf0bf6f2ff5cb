from __future__ import annotations

import csv
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD
from PIL import Image

from gdest.core.errors import DataError, SettingsError
from gdest.core.records import GradeMap, TileGrid
from gdest.model import network
from gdest.synth.dataset import write_dataset
from gdest.synth.settings import SynthSettings
from gdest.training import calibrating
from gdest.training.examples import load_examples
from gdest.training.fit import train
from gdest.training.labels import read_labels, split_by_specimen
from gdest.training.measuring import Errors, Measured, errors_of
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
    return network.load(path).network.state_dict()


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
    card = network.load(whole).card
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
    assert network.load(first).card.correction == ()
    known = network.load(first).card
    assert (card.g_min, card.g_max) == (known.g_min, known.g_max)
    assert card.interval != network.load(first).card.interval
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
    known = network.load(first).card
    assert (card.g_min, card.g_max) == (known.g_min, known.g_max)


@pytest.mark.parametrize("kept", [True, False])
def test_batch_normalisation_is_left_as_the_initial_weights_have_it_where_that_is_asked(data, tmp_path, kept):
    first, out = tmp_path / "first.safetensors", tmp_path / "w.safetensors"
    network.save(network.build(CARD), CARD, first)
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


def test_all_fields_of_a_specimen_stay_on_one_side(tmp_path):
    rows = [f"{i}.tif,{5 + i % 4},1.0,heat-{i // 3}" for i in range(30)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,g,um_per_px,specimen", *rows]))
    rest, held = split_by_specimen(read_labels(tmp_path, None), 0.3, 1)
    assert not {item.specimen for item in rest} & {item.specimen for item in held}
    assert len(rest) + len(held) == 30
    assert len({item.specimen for item in held}) == 3


def test_the_split_covers_the_range_of_g(tmp_path):
    rows = [f"{i}.tif,{2 + i / 10},1.0" for i in range(100)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,g,um_per_px", *rows]))
    _, held = split_by_specimen(read_labels(tmp_path, None), 0.1, 3)
    assert len(held) == 10
    assert np.ptp([item.g for item in held]) > 8


def test_grade_folders_are_labels_and_need_a_pixel_size(tmp_path, grey):
    for folder in ("4.0", "4,5"):
        (tmp_path / folder).mkdir()
        Image.fromarray(grey).save(tmp_path / folder / "1.png")
    labelled = read_labels(tmp_path, 0.5)
    assert [(item.file.name, item.g, item.um_per_px) for item in labelled] == [
        ("4,5/1.png", 4.5, 0.5),
        ("4.0/1.png", 4.0, 0.5),
    ]
    with pytest.raises(DataError, match="--um-per-px"):
        load_examples(read_labels(tmp_path, None), 1.0, torch.device("cpu"))
    # at half the pixel size of the model the grains look 2 G coarser
    assert load_examples(labelled, 1.0, torch.device("cpu"))[0].g_seen == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("table", "word"),
    [("name,grade\na.tif,5\n", "columns"), ("file,g\na.tif,five\n", "five"), ("file,g\n", "no labelled")],
)
def test_wrong_tables_are_one_sentence(tmp_path, table, word):
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(DataError, match=word):
        read_labels(tmp_path, None)


def test_errors_are_those_of_a_hand_calculation():
    class One:
        def __init__(self, error, inside):
            self.error = error
            self.item = type("Item", (), {"g": 5.0})
            self.statistics = type("S", (), {"g_low": 4.0, "g_high": 6.0 if inside else 4.5})

    found = errors_of([One(0.2, True), One(-0.6, True), One(0.1, False), One(0.5, True)])
    assert found == Errors(4, pytest.approx(0.35), pytest.approx(0.05), 0.75, 0.75)


def test_the_correction_is_the_middle_of_the_errors_near_each_grade():
    class One:
        g_in_picture = Measured.g_in_picture

        def __init__(self, g):
            self.error = 0.3 if g < 6 else -0.1
            self.row = type("Row", (), {"g_seen": g - 2.0, "grade_map": type("Map", (), {"zoom": 0.5})})

    curve = dict(calibrating.correction_curve([One(g) for g in np.linspace(3, 9, 200)] + [One(4.0)]))
    assert min(curve) < 4
    assert curve[min(curve)] == pytest.approx(0.3)
    assert curve[max(curve)] == pytest.approx(-0.1)


def test_the_tile_scatter_is_that_of_the_tiles_homogeneity_looks_at_gaps_left_out():
    def map_of(values, zoom, closer=None):
        values = np.asarray(values, np.float32)
        return GradeMap(values, TileGrid((0,), (0,), 224), zoom, values.size, closer=closer)

    # G 5 as the file shows it, masked in one tile; variance of 4.7 and 5.3 is 0.18
    plain = map_of([[4.7, 5.3, np.nan]], 1.0)
    # G 3, graded at a quarter where four tiles overlap and all say the same, but looked at in full size
    halved = map_of([[3.0, 3.0]], 0.25, map_of([[2.5, 3.5]], 1.0))
    measured = [SimpleNamespace(row=SimpleNamespace(grade_map=one)) for one in (plain, halved)]
    curve = dict(calibrating.tile_scatter_curve(measured))
    assert curve == {3.0: pytest.approx(0.7071, abs=1e-3), 5.0: pytest.approx(0.4243, abs=1e-3)}


def test_what_may_be_chance_is_not_corrected():
    rng = np.random.default_rng(0)

    class One:
        g_in_picture = Measured.g_in_picture

        def __init__(self, g, bias):
            self.error = bias + rng.normal(0, 0.2)
            self.row = type("Row", (), {"g_seen": g, "grade_map": type("Map", (), {"zoom": 1.0})})

    def corrected(bias):
        return [value for _, value in calibrating.correction_curve([One(g, bias) for g in np.linspace(3, 9, 400)])]

    few = calibrating.correction_curve([One(6.3, 0.3) for _ in range(9)])
    assert [value for _, value in few] == [pytest.approx(0.27, abs=0.1)]
    assert np.mean(np.array(corrected(0.0)) == 0.0) > 0.7
    assert np.mean(corrected(0.3)) == pytest.approx(0.28, abs=0.04)
