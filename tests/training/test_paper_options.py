"""The paper's training options: classification, whole images, the four ranges of the rescale augmentation."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD
from helpers.small_training import QUICK

from gdest.cli.run_learn import run_evaluate
from gdest.core.errors import DataError
from gdest.core.settings import GradeSettings
from gdest.model import network
from gdest.training.augment import cut_batch, picture_shape, validation_batch
from gdest.training.examples import Example, grades_present
from gdest.training.fit import train
from gdest.training.labels import read_labels
from gdest.training.settings import TrainSettings
from gdest.training.trainer import grade_loss

CLASSES = (2.5, 4.0, 5.0, 6.0)
QUICK_SPLIT = replace(QUICK, validation_share=0.25, average=0.0)


def flat(g=5.0, rows=240, cols=300):
    return Example((torch.full((1, rows, cols), 120, dtype=torch.uint8),), g)


def changes(task, shown, g, rescale=True, count=300):
    settings = TrainSettings(task=task, input=shown, crop_px=64, contrast=0.0, rescale=rescale)
    classes = CLASSES if task == "classification" else ()
    rng = np.random.default_rng(0)
    small = [flat(g, 64, 96)] * count
    return cut_batch(small, settings, (2.0, 13.5), rng, classes).g_seen.numpy() - g


def test_the_four_ranges_of_the_rescale_augmentation_are_the_papers():
    crop = changes("regression", "crop", 5.0)
    assert -0.5 <= crop.min() < -0.4 < 0.4 < crop.max() <= 0.5
    image = changes("regression", "image", 5.0)
    assert -0.5 <= image.min() < -0.4
    assert image.max() == 0.0
    assert set(changes("classification", "crop", 5.0)) == {-1.0, 0.0, 1.0}
    assert set(changes("classification", "image", 5.0)) == {-1.0, 0.0}


def test_a_class_never_moves_to_a_grade_that_is_no_class():
    assert set(changes("classification", "crop", 2.5)) == {0.0}
    assert set(changes("classification", "crop", 4.0)) == {0.0, 1.0}
    assert set(changes("classification", "image", 4.0)) == {0.0}


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("shown", ["crop", "image"])
def test_without_rescaling_no_grade_changes(task, shown):
    assert set(changes(task, shown, 5.0, rescale=False)) == {0.0}


def test_a_whole_image_that_is_not_turned_is_the_image_itself():
    pixels = torch.randint(0, 256, (1, 96, 130), dtype=torch.uint8)
    settings = TrainSettings(input="image", contrast=0.0, rescale=False)
    found = cut_batch([Example((pixels,), 5.0)] * 40, settings, (0.0, 16.0), np.random.default_rng(3))
    assert found.crops.shape == (40, 1, 96, 130)
    same = [torch.allclose(crop, pixels.float(), atol=0.5) for crop in found.crops]
    ways = [torch.allclose(crop, torch.rot90(pixels, 2, (1, 2)).float(), atol=0.5) for crop in found.crops]
    assert any(same)
    assert any(ways)


def test_an_enlarged_whole_image_shows_the_period_that_its_label_says():
    """A stripe pattern of 16 px must appear 2^(-dG/2) times larger when the label falls by dG."""
    cols = torch.arange(400) % 16 < 8
    stripes = Example(((cols[None, None, :] * 200).expand(1, 400, 400).to(torch.uint8),), 6.0)
    settings = TrainSettings(input="image", contrast=0.0)
    found = cut_batch([stripes] * 24, settings, (0.0, 16.0), np.random.default_rng(1))
    for crop, g in zip(found.crops[:, 0].numpy(), found.g_seen.numpy(), strict=True):
        spectrum = np.abs(np.fft.fft2((crop - crop.mean()) * np.hanning(400)[:, None] * np.hanning(400)))
        row, col = np.unravel_index(np.argmax(spectrum), spectrum.shape)
        frequency = np.hypot(*(min(at, 400 - at) / 400 for at in (row, col)))
        assert frequency == pytest.approx(2 ** ((g - 6.0) / 2) / 16, abs=1.2 / 400)


def test_whole_images_of_several_sizes_are_cut_to_the_smallest():
    settings = TrainSettings(input="image")
    several = [flat(5.0, 240, 300), flat(5.0, 260, 250)]
    assert picture_shape(several, settings) == (240, 250)
    assert validation_batch(several, settings, 224).crops.shape == (2, 1, 240, 250)


def test_the_losses_are_equations_1_and_2():
    regressor = network.GradeNetwork(CARD)
    for difference, wanted in ((0.4, 0.08), (-3.0, 2.5)):
        assert float(grade_loss(torch.tensor([[5.0 + difference]]), torch.tensor([5.0]), regressor)) == pytest.approx(
            wanted
        )
    classifier = network.GradeNetwork(replace(CARD, task="classification", classes=CLASSES))
    odds = torch.tensor([[0.0, 1.0, 2.0, -1.0]])
    wanted = -np.log(np.exp(2.0) / np.exp([0.0, 1.0, 2.0, -1.0]).sum())
    assert float(grade_loss(odds, torch.tensor([5.02]), classifier)) == pytest.approx(wanted, rel=1e-5)


def test_the_grades_present_are_the_classes():
    assert grades_present([flat(5.001), flat(4.0), flat(4.999), flat(2.5)]) == (2.5, 4.0, 5.0)
    with pytest.raises(DataError, match="hold 40"):
        grades_present([flat(g / 10) for g in range(0, 120, 3)])
    with pytest.raises(DataError, match="hold 1"):
        grades_present([flat(5.0)])


def test_a_classifier_learns_two_grades_and_tells_of_its_test_set(two_grades, tmp_path):
    settings = replace(
        QUICK_SPLIT,
        task="classification",
        head="ext",
        epochs=7,
        test_share=0.25,
        learning_rate=1e-3,
        crops_per_micrograph=4,
    )
    card = train(two_grades, tmp_path / "c.safetensors", settings)
    assert card.classes == (7.0, 10.0)
    with (tmp_path / "c.csv").open() as file:
        history = [float(row["train_loss"]) for row in csv.DictReader(file)]
    assert min(history) < 0.5 * np.log(2)
    assert card.errors["test_micrographs"] == 3
    assert {"test_top1", "test_crop_top1", "test_mae", "validation_top1"} <= set(card.errors)
    with (tmp_path / "c.split.csv").open() as file:
        sides = {row["file"]: row["side"] for row in csv.DictReader(file)}
    assert sorted(sides) == sorted(item.file.name for item in read_labels(two_grades, None))
    assert list(sides.values()).count("test") == 3
    model = network.load_model(tmp_path / "c.safetensors")
    assert model.network.judge is None
    assert set(model.card.limits) <= {"zoom gap"}


def test_whole_images_are_trained_on_and_the_best_epoch_is_kept(two_grades, tmp_path):
    settings = replace(QUICK_SPLIT, input="image", batch=4, epochs=2)
    card = train(two_grades, tmp_path / "i.safetensors", settings)
    assert card.input == "image"
    assert card.errors["validation_micrographs"] == 3
    assert "validation_crop_mae" not in card.errors
    assert not card.interval


@pytest.mark.parametrize("shown", ["crop", "image"])
def test_a_classifier_is_evaluated_on_crops_and_micrographs_and_on_grades_it_does_not_know(
    two_grades, tmp_path, capsys, shown
):
    card = replace(CARD, task="classification", classes=(7.0, 9.0), input=shown)
    built = network.build_network(card)
    built.body.fc.weight.data.zero_()
    built.body.fc.bias.data = torch.tensor([1.0, 0.0])
    network.save_model(built, card, tmp_path / "w.safetensors")
    settings = GradeSettings(device="cpu")
    assert run_evaluate(two_grades, settings, tmp_path / "w.safetensors", tmp_path / "out", paper=False) == 0
    with (tmp_path / "out" / "confusion.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["true G seen", "7.0", "9.0", "10.0"]
    assert rows[1:] == [["7.0", "6", "0", "0"], ["9.0", "0", "0", "0"], ["10.0", "6", "0", "0"]]
    with (tmp_path / "out" / "scores.csv").open() as file:
        scores = {(row["counted"], row["set"]): row for row in csv.DictReader(file)}
    coarse, all_ = scores["micrographs", "G 10"], scores["micrographs", "all"]
    assert (coarse["count"], coarse["top1"], coarse["mae"]) == ("6", "0.0", "3.0")
    assert (all_["count"], all_["top1"], all_["within_half"], all_["mae"]) == ("12", "0.5", "0.5", "1.5")
    assert (tmp_path / "out" / "confusion-crops.csv").exists() == (shown == "crop")
    if shown == "crop":
        with (tmp_path / "out" / "confusion-crops.csv").open() as file:
            counts = [row[1:] for row in list(csv.reader(file))[1:]]
        assert counts == [["12", "0", "0"], ["0", "0", "0"], ["12", "0", "0"]]
    with (tmp_path / "out" / "evaluation.csv").open() as file:
        assert [row["g_seen"] for row in csv.DictReader(file)] == ["7.0"] * 12
    printed = capsys.readouterr().out
    assert "50.0%" in printed
    assert "1.500" in printed
    assert ("crops" in printed) == (shown == "crop")
