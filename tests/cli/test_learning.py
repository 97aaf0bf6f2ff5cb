"""The commands that teach and measure, as a user types them."""

from __future__ import annotations

import pytest

from gdest.cli import run_explain as explain
from gdest.core.errors import SettingsError, WeightsError
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
