from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.predictors import CARD
from helpers.small_study import KILLABLE, SETTINGS, TRAINING

from gdest.core.errors import DataError, SettingsError
from gdest.model import network
from gdest.synth.dataset import write_dataset
from gdest.synth.settings import SynthSettings
from gdest.training.paper_scores import Answers
from gdest.training.settings import TrainSettings
from gdest.training.stages import no_stage
from gdest.training.study import figures, making, tables, time_given
from gdest.training.study.grid import all_configurations, chosen, run_settings
from gdest.training.study.making import make_study
from gdest.training.study.schemes import StudySettings
from gdest.training.study.time_given import Cost, epochs_that_fit
from gdest.training.study.training_runs import read_runs
from gdest.training.trainer import Trainer


def test_the_grid_is_the_papers():
    names = [one.name for one in all_configurations()]
    assert len(names) == len(set(names)) == 34
    assert sum(name.startswith("reg-") for name in names) == 16
    assert [name for name in names if "azimi" in name] == ["cls-azimi-fc-crop-rescale", "cls-azimi-fc-crop-plain"]
    with pytest.raises(SettingsError, match="matches none"):
        chosen(["reg-vgg16-*"])


def test_each_configuration_trains_what_its_name_says(tmp_path):
    init = tmp_path / "w.safetensors"
    network.save_model(network.build_network(CARD), CARD, init)
    study = StudySettings(TrainSettings(init=str(init), batch=32), image_batch=5)
    by_name = {one.name: run_settings(one, study, 7) for one in all_configurations()}
    azimi = by_name["cls-azimi-fc-crop-rescale"]
    assert (azimi.backbone, azimi.optimizer, azimi.rescale, azimi.init) == ("vgg16", "sgd", True, "none")
    image = by_name["reg-resnet18-ext-image-plain"]
    assert (image.input, image.batch, image.rescale, image.head, image.seed) == ("image", 5, False, "ext", 7)
    assert (image.init, image.optimizer, image.learning_rate) == (str(init), "adam", 3e-4)
    assert by_name["reg-alexnet-fc-crop-plain"].init == "none"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    size = {"rows": 224, "cols": 224}
    list(write_dataset(folder / "seen", SynthSettings(count=12, grades=(6.0, 7.0, 8.0, 9.0), **size)))
    list(write_dataset(folder / "unseen", SynthSettings(count=2, grades=(6.5, 8.5), seed=3, **size)))
    return folder


@dataclass(frozen=True)
class Finished:
    """Hold a study that was interrupted after its first run and went on."""

    out: Path
    first: dict[str, Any]
    said: list[str]
    findings: list[tables.Finding]


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "study"
    arguments = (data / "seen", out, SETTINGS, data / "unseen", "gdest study seen --out study")

    def interrupt(line):
        if line.startswith("1 of 4 runs made, about"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_study(*arguments, say=interrupt)
    (first,) = read_runs(out)
    said = []
    return Finished(out, first, said, make_study(*arguments, said.append))


def test_an_interrupted_study_goes_on_and_ends_with_every_figure_and_table(finished, data):
    out = finished.out
    assert "4 runs, 1 of them done before." in finished.said
    rows = read_runs(out)
    assert rows[0] == finished.first
    assert [row["config"] for row in rows] == [
        "cls-resnet18-fc-crop-rescale",
        "cls-resnet18-fc-crop-plain",
        "cls-resnet18-fc-image-plain",
        "reg-resnet18-fc-crop-rescale",
    ]
    for row in rows:
        assert 0 <= row["test_top1"] <= 1
        assert row["unseen_mae"] > 0
        assert np.isnan(row["test_crop_mae"]) == (row["input"] == "image")
    made = {path.name for path in out.iterdir()}
    assert {f"fig{number}.{kind}" for number in (4, 5, 6, 7, 8) for kind in ("png", "csv")} <= made
    assert {"table1.csv", "table2.csv", "study.md"} <= made
    assert len(pd.read_csv(out / "fig7.csv")) == 2 * 2
    crops = pd.DataFrame(rows[:2])
    best_of_crops = tables.best_configuration(crops, "classification")
    assert pd.read_csv(out / "fig8.csv")["config"].tolist() == [rows[2]["config"], best_of_crops]
    page = (out / "study.md").read_text()
    assert f"{rows[3]['unseen_mae']:.3f}" in page
    assert "| regressors beat classifiers on unseen half grades (MAE) | 0.646 against 1.038 |" in page
    assert "| crops beat whole images in regression | 91.9 % against 87.0 % (fc) | not run | not run |" in page
    assert "1 of each, 2 epochs" in page
    assert "Not run, 30 of the paper's configurations: cls-resnet18-fc-image-rescale, " in page
    assert len(finished.findings) == 10
    assert not list((out / "runs").glob("*.checkpoint"))
    other = StudySettings(TrainSettings(epochs=3, device="cpu"), seeds=1)
    with pytest.raises(SettingsError, match="another"):
        make_study(data / "seen", out, other, data / "unseen", "")


def test_as_many_epochs_are_run_as_fit_into_the_time_and_a_study_that_goes_on_keeps_them(data, tmp_path, monkeypatch):
    minutes, out, said = replace(KILLABLE, minutes=0.25), tmp_path / "study", []
    arguments = (data / "seen", out, minutes, data / "unseen", "gdest study")

    def interrupt(line):
        said.append(line)
        if line.startswith("1 of 2 runs made"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_study(*arguments, say=interrupt)
    ((fitting,),) = [line.split()[:1] for line in said if "fit into 0.25 minutes" in line]
    monkeypatch.setattr(making, "with_epochs_that_fit", None)  # not measured again
    make_study(*arguments)
    assert [row["epochs"] for row in read_runs(out)] == [int(fitting)] * 2
    (out / "settings.json").write_text("{}")
    with pytest.raises(DataError, match=r"settings\.json of this study cannot be read"):
        make_study(*arguments)


def test_a_slow_run_leaves_fewer_epochs_to_all_and_there_is_always_one():
    quick, slow = Cost(0.5, 2.0), Cost(5.0, 10.0)
    assert epochs_that_fit([quick], 1, 113.0) == 201
    assert epochs_that_fit([quick], 2, 113.0) == 99
    assert epochs_that_fit([quick, slow], 1, 113.0) == 16
    assert epochs_that_fit([quick, slow], 1, 1.0) == 1


def test_the_cost_of_a_run_is_that_of_its_last_epoch_and_what_is_left_of_a_short_one(monkeypatch):
    now = [50.0]

    def run(_study, _one, _seed, _rows, _say, stage):
        now[0] += 4.0  # the network is built
        with stage("training", 6) as advance:
            for seconds in (9.0, 1.0, 1.0, 3.0, 1.0, 1.0):  # the first epoch prepares, the second writes a checkpoint
                now[0] += seconds
                advance(1)
        with stage("measuring", 0):
            now[0] += 5.0

    monkeypatch.setattr(time_given, "make_run", run)
    monkeypatch.setattr(time_given.time, "monotonic", lambda: now[0])
    assert time_given._cost(None, chosen(["reg-resnet18-fc-crop-rescale"])[0], no_stage) == Cost(2.0, 25.0 - 3 * 2.0)


KILLED = """
import os, signal, sys
from pathlib import Path
from gdest.training.checkpoints import Keeper
from gdest.training.study.making import make_study
from helpers.small_study import KILLABLE

real, kept = Keeper.keep, []

def keep(self, *, last):
    real(self, last=last)
    kept.append(last)
    if len(kept) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

Keeper.keep = keep
seen, unseen, out = map(Path, sys.argv[1:])
make_study(seen, out, KILLABLE, unseen, "gdest study")
"""


def undisturbed(rows):
    """Rows by configuration without what differs from run to run, NaN as a word."""
    return {
        row["config"]: {key: str(value) for key, value in row.items() if key not in ("config", "seconds")}
        for row in rows
    }


def test_a_study_killed_in_the_middle_of_a_run_ends_with_the_rows_of_an_undisturbed_one(
    finished, data, tmp_path, monkeypatch
):
    """Killed (SIGKILL) in the second run, after its first epoch of two."""
    cut, sets = tmp_path / "cut", (data / "seen", data / "unseen")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as in this process, since sums in other orders round differently
    killed = subprocess.run([sys.executable, "-c", KILLED, *map(str, sets), str(cut)], check=False)
    assert killed.returncode == -signal.SIGKILL
    (first,) = read_runs(cut)
    (half,) = (cut / "runs").glob("*.checkpoint")
    assert half.stem == "reg-resnet18-fc-crop-rescale-0"
    trained = []
    step = Trainer.step
    monkeypatch.setattr(Trainer, "step", lambda self, batch: trained.append(1) or step(self, batch))
    make_study(sets[0], cut, KILLABLE, sets[1], "gdest study")
    rows = read_runs(cut)
    assert rows[0] == first
    whole = undisturbed(read_runs(finished.out))
    assert undisturbed(rows) == {row["config"]: whole[row["config"]] for row in rows}
    assert [row["config"] for row in rows] == ["cls-resnet18-fc-crop-rescale", "reg-resnet18-fc-crop-rescale"]
    assert len(trained) == 1 * (6 // TRAINING.batch)


def test_lost_weights_that_a_figure_needs_are_trained_again_and_no_others(finished, data, tmp_path):
    out = tmp_path / "study"
    shutil.copytree(finished.out, out)
    rows = pd.DataFrame(read_runs(out))
    crops = rows[rows["input"] == "crop"]
    still_there = f"{tables.best_configuration(crops, 'classification')}.safetensors"
    needed = {"cls-resnet18-fc-image-plain", "reg-resnet18-fc-crop-rescale"}
    for path in (out / "weights").iterdir():
        if path.name != still_there:
            path.unlink()
    (out / "fig6.png").unlink()
    said = []
    later = replace(SETTINGS, configs=("cls-resnet18-fc-crop-plain",))
    make_study(data / "seen", out, later, data / "unseen", "gdest study --second", said.append)
    again = {line.split(" are gone")[0].split()[-1] for line in said if "trained again" in line}
    assert again == needed
    assert {path.name for path in (out / "weights").iterdir()} == {
        still_there,
        *(f"{one}.safetensors" for one in needed),
    }
    assert undisturbed(read_runs(out)) == undisturbed(read_runs(finished.out))
    assert (out / "fig6.png").is_file()
    page = (out / "study.md").read_text()
    assert "gdest study seen --out study\ngdest study --second\n" in page


def runs(*lines):
    """Rows of (config, seed, share right in validation and test, unseen MAE)."""
    by_name = {one.name: one for one in all_configurations()}
    rows = []
    for name, seed, right, unseen in lines:
        one = by_name[name]
        shares = {f"{which}_{word}": right for which in ("validation", "test") for word in ("top1", "within_half")}
        maes = {"training_mae": 0.1, "validation_mae": 0.2, "test_mae": 0.3, "unseen_mae": unseen}
        fields = {key: getattr(one, key) for key in ("task", "backbone", "head", "input", "rescale", "preset")}
        rows.append({"config": name, "seed": seed, **fields, **shares, **maes})
    return pd.DataFrame(rows)


def test_table_1_and_the_findings_are_those_of_a_hand_calculation():
    made = runs(
        ("cls-resnet18-fc-crop-rescale", 0, 0.90, 1.0), ("cls-resnet18-fc-crop-rescale", 1, 0.94, 1.2),
        ("cls-resnet18-fc-crop-plain", 0, 0.80, 1.5), ("reg-resnet18-fc-crop-rescale", 0, 0.85, 0.6),
        ("reg-resnet18-fc-image-rescale", 0, 0.95, 0.7),
    )  # fmt: skip
    table = tables.table_1(made)
    assert table.loc["ResNet18, fc", "classification, crop"] == "92.00 ± 2.83"
    assert table.loc["ResNet18, fc", "regression, image"] == "95.00"
    assert table.loc["ResNet18, ext", "regression, image"] == "not run"
    spliced = {"image": tables.Spliced("i", 0.668), "crop": tables.Spliced("c", 0.915)}
    found = {one.statement: one for one in tables.findings(made, {"classification": 0.5, "regression": 0.95}, spliced)}
    assert found["rescaling helps ResNet18"].ours == "+12.0 % on average, 1 of 1 pairs"
    assert found["rescaling helps ResNet18"].holds
    assert found["crops beat whole images in regression"].holds is False
    assert found["classifiers beat regressors on seen grades"].holds is False
    unseen = found["regressors beat classifiers on unseen half grades (MAE)"]
    assert (unseen.holds, unseen.ours) == (True, "0.700 G against 1.100 G")
    assert found["whole images beat crops in classification"].holds is None
    assert found["the regressor's embedding has a grain-size axis, the classifier's has not"].holds
    fig_8 = found["the arg-max GradCAM of crops tells spliced grades better than that of whole images"]
    assert (fig_8.holds, fig_8.ours) == (True, "91.5% against 66.8% of the pixels within 1 G")
    assert tables.table_2(made).loc[:, "Unseen grades"].tolist() == ["1.100 ± 0.141", "0.700"]


def test_the_plane_finds_the_two_directions_that_were_planted(rng):
    first, second = np.eye(20)[3], np.eye(20)[11]
    g = rng.uniform(3, 12, 200)
    side = rng.normal(0, 0.5, 200)
    embedding = (5 + g[:, None] * first + side[:, None] * second + rng.normal(0, 0.01, (200, 20))).astype(np.float32)
    plane = figures.fit_plane(embedding)
    assert abs(plane.axes[0] @ first) == pytest.approx(1, abs=1e-3)
    assert abs(plane.axes[1] @ second) == pytest.approx(1, abs=1e-3)
    assert figures.axis_r2(Answers(g, g, embedding, g, g)) > 0.99
    assert figures.axis_r2(Answers(rng.permutation(g), g, embedding, g, g)) < 0.1
