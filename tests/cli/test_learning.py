"""The commands that teach and measure, as a user types them."""

from __future__ import annotations

import csv
import math
import subprocess
import sys

import numpy as np
import pytest
from helpers.command_line import EXAMPLES, gdest

from gdest.cli import run_explain as explain
from gdest.core.errors import SettingsError, WeightsError
from gdest.training.opinion import Opinion
from gdest.training.study.schemes import GRADE_SETS


def test_a_preset_fills_what_the_user_does_not_state(typed):
    *_, plain = typed("train", "d", "--out", "w.safetensors", "--preset", "azimi")
    assert (plain.backbone, plain.task, plain.rescale, plain.optimizer) == ("vgg16", "classification", False, "sgd")
    assert plain.learning_rate == 1e-3
    *_, other = typed(
        "train", "d", "--out", "w.safetensors", "--preset", "azimi", "--rescale", "--lr", "0.01", "--input", "image"
    )
    assert (other.rescale, other.learning_rate, other.input, other.optimizer) == (True, 0.01, "image", "sgd")


def test_without_options_training_is_the_papers_best_regressor(typed):
    *_, settings = typed("train", "d", "--out", "w.safetensors")
    assert (settings.task, settings.head, settings.backbone, settings.input) == ("regression", "fc", "resnet18", "crop")
    assert (settings.rescale, settings.rescale_g, settings.learning_rate, settings.optimizer) == (
        True,
        0.5,
        3e-4,
        "adam",
    )


def test_the_papers_sets_are_one_option_each(typed):
    _, seen = typed("synth", "o", "--grades", "seen")
    assert (seen.grades, seen.count, seen.rows, seen.cols) == (*GRADE_SETS["seen"], 960, 1280)
    _, few = typed("synth", "o", "--grades", "4,6.5", "--count", "7")
    assert (few.grades, few.count) == ((4.0, 6.5), 7)
    _, plain = typed("synth", "o")
    assert (plain.grades, plain.count) == ((), 10)


def test_a_study_is_the_papers_unless_told_otherwise(typed):
    _, _, settings, unseen = typed("study", "d", "--out", "o", "--init", "none")
    assert (settings.seeds, settings.training.epochs, settings.configs, unseen) == (20, 1500, ("*",), None)
    assert (settings.training.validation_share, settings.training.test_share) == (0.219, 0.2645)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("train", "d", "--out", "w.safetensors", "--preset", "best"), "azimi"),
        (("train", "d", "--out", "w.safetensors", "--task", "guess"), "--task is regression or classification."),
        (("train", "d", "--out", "w.safetensors", "--backbone", "b"), "--backbone is resnet18, alexnet or vgg16."),
        (("train", "--out", "w.safetensors"), "Give DATA to train on, or --draw N"),
        (("train", "--out", "w.safetensors", "--draw", "5", "--draw-size", "9"), "--draw-size 9 is not WIDTHxHEIGHT"),
        (("synth", "o", "--size", "9"), "--size 9 is not WIDTHxHEIGHT"),
        (("synth", "o", "--grades", "coarse"), "--grades coarse"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(typed, words, sentence):
    with pytest.raises(SettingsError, match=sentence):
        typed(*words)


def test_explaining_without_a_classifier_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setattr("gdest.model.weights_file.PACKAGE", tmp_path / "gdest")
    with pytest.raises(WeightsError, match="--task classification"):
        explain.weights_path(None, explain.BUNDLED_CLASSIFIER)


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("words", "stopped", "kept"),
    [
        (("train", "d", "-o", "w.safetensors"), "gdest.training.train", "no epoch had ended, so nothing is kept."),
        (("evaluate", "d"), "gdest.training.evaluate", "nothing was written."),
        (("calibrate", "d", "-o", "w.safetensors"), "gdest.training.calibrate_own", "nothing was written."),
        (("study", "d", "-o", "s"), "gdest.training.make_study", "the same command goes on."),
        (("synth", "s", "--count", "3"), "gdest.synth.write_dataset", "0 of 3 micrographs are written"),
    ],
)
def test_ctrl_c_ends_with_its_code_and_says_what_is_kept(words, stopped, kept, tmp_path, monkeypatch):
    monkeypatch.setattr(stopped, interrupted)
    ended = gdest(*words, cwd=tmp_path)
    assert ended.returncode == 130
    assert "gdest: stopped by Ctrl-C; " in ended.stderr
    assert kept in ended.stderr


@pytest.mark.parametrize(("swing", "told"), [(0.3, True), (0.0, False)])
def test_it_is_told_that_counts_no_longer_move_an_estimate(swing, told, tmp_path, monkeypatch):
    errors = np.array([0.2, 0.22, 0.18, 0.21, 0.19])
    estimate = Opinion("estimate", errors, np.full(5, 0.4), 0.4 - errors + swing * np.array([1, -1, 1, -1, 1]))
    monkeypatch.setattr("gdest.training.calibrate_own", lambda *_: [estimate])
    ended = gdest("calibrate", "d", "-o", "w.safetensors", cwd=tmp_path)
    assert ("counts no longer move it" in ended.stderr) == told
    assert estimate.leaves_count == told


def test_it_is_told_that_counts_do_not_move_a_steel_without_lines(tmp_path, monkeypatch):
    errors = np.array([0.2, 0.22, 0.18, 0.21, 0.19])
    estimate = Opinion("estimate", errors, np.full(5, 0.4), errors, led=np.array([0.0, 0.0, 0.0, 0.0, 0.1]))
    monkeypatch.setattr("gdest.training.calibrate_own", lambda *_: [estimate])
    told = gdest("calibrate", "d", "-o", "w.safetensors", cwd=tmp_path).stderr
    assert "hardly any boundary of these fields shows a line" in told and "no longer" not in told


TWICE = """
import signal
from gdest.cli.interrupted import ctrl_c_told
with ctrl_c_told(lambda: "all is kept."):
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        print("unwinding", flush=True)
        signal.raise_signal(signal.SIGINT)
        print("waiting", flush=True)
"""


def test_ctrl_c_is_told_before_anything_is_waited_for_and_a_second_one_waits_for_nothing():
    ended = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, check=False)
    assert ended.returncode == 130
    assert ended.stderr == "gdest: stopped by Ctrl-C; all is kept.\n"
    assert ended.stdout == "unwinding\n"


def test_what_an_interrupted_training_keeps_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("gdest.training.train", interrupted)
    (tmp_path / "w.checkpoint").write_bytes(b"")
    (tmp_path / "w.csv").write_text("epoch,train_loss\n1,0.5\n2,0.4\n")
    ended = gdest("train", "d", "-o", "w.safetensors", "--epochs", "9", "-q", cwd=tmp_path)
    assert "w.checkpoint keeps 2 of 9 epochs, and the same command goes on from there." in ended.stderr


def test_labels_of_synthetic_micrographs_outside_the_range_are_counted(tmp_path):
    words = ("synth", "s", "--count", "4", "--size", "224x224", "--seed", "2")
    told = gdest(*words, "--g-min", "9", "--g-max", "9", cwd=tmp_path).stderr
    with (tmp_path / "s/labels.csv").open() as file:
        drawn = [float(row["g"]) for row in csv.DictReader(file)]
    assert not any(math.isclose(g, 9.0) for g in drawn)
    ends = f"{min(drawn):.2f}..{max(drawn):.2f}"
    assert f"4 of 4 labels lie outside --g-min..--g-max, all of them in {ends}" in told
    (tmp_path / "s/labels.csv").unlink()
    assert "outside" not in gdest(*words, "--g-min", "7", "--g-max", "12", cwd=tmp_path).stderr


def test_estimate_and_count_are_measured_beside_each_other(tmp_path):
    lines = [f"{EXAMPLES / name},{g},1.0" for name, g in (("steel-5.tif", 9.0), ("steel-6.tif", 10.5))]
    (tmp_path / "labels.csv").write_text("\n".join(["file,g,um_per_px", *lines]))
    counted = gdest("evaluate", "labels.csv", "-o", "errors", "--device", "cpu", cwd=tmp_path)
    assert counted.returncode == 0, counted.stderr
    with (tmp_path / "errors/evaluation.csv").open() as file:
        rows = list(csv.DictReader(file))
    errors = [float(row["g_counted"]) - float(row["true_g"]) for row in rows]
    assert [float(row["count_error"]) for row in rows] == pytest.approx(errors, abs=2e-3)
    inside = [float(row["g_counted_low"]) <= float(row["true_g"]) <= float(row["g_counted_high"]) for row in rows]
    lines = [line.split("\N{BOX DRAWINGS LIGHT VERTICAL}") for line in counted.stdout.splitlines()]
    printed = {cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for cells in lines if len(cells) > 2}
    assert [row["status"] for row in rows].count("graded") == 1
    micrographs, *_, told, number, mae, bias, share = printed["all"]
    assert (micrographs, told, number, share) == ("2", "1", "2", f"{sum(inside) / 2:.1%}")
    assert (printed["graded only"][0], printed["graded only"][5]) == ("1", "1")
    assert float(mae) == pytest.approx(sum(map(abs, errors)) / 2, abs=2e-3)
    assert float(bias) == pytest.approx(sum(errors) / 2, abs=2e-3)
    plain = gdest("evaluate", "labels.csv", "-o", "plain", "--device", "cpu", "--no-count", cwd=tmp_path)
    assert "count:" not in plain.stdout
    with (tmp_path / "plain/evaluation.csv").open() as file:
        assert {row["g_counted"] for row in csv.DictReader(file)} == {""}
