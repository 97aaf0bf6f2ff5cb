from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.predictors import CARD, FakePredictor

from gdest.cli import run_explain as commanding
from gdest.core import terminal
from gdest.core.errors import WeightsError
from gdest.core.settings import GradeSettings
from gdest.model import gradcam as explaining, network
from gdest.model.devices import has_fast_bf16
from gdest.model.gradcam import class_maps, explain, share_within, splice
from gdest.model.network import LoadedModel
from gdest.model.weights_file import BUNDLED_CLASSIFIER, weights_path
from gdest.synth.dataset import make_micrograph
from gdest.training.examples import Example
from gdest.training.feeding import Decoded
from gdest.training.fit import fit, new_card
from gdest.training.run_files import unfinished_path
from gdest.training.settings import TrainSettings

CLASSES = (4.0, 7.0, 10.0)
SETTINGS = GradeSettings(device="cpu")


def classifier(shown="crop", head="fc"):
    card = replace(CARD, task="classification", classes=CLASSES, input=shown, head=head)
    torch.manual_seed(2)
    return LoadedModel(network.build_network(card).eval(), card, "c", "0" * 64)


def noise(rows=224, cols=224):
    return np.random.default_rng(0).integers(0, 256, (rows, cols), dtype=np.uint8)


def test_with_one_layer_the_maps_are_the_class_activation_maps_that_zhou_defines():
    """CAM (Zhou et al. 2016): the class's weights times the feature maps; GradCAM adds 1 / (h w)."""
    model = classifier()
    picture = torch.from_numpy(noise())[None, None]
    with torch.no_grad():
        features = model.network.features(picture)
    weights = model.network.body.fc.weight
    expected = (torch.einsum("kc,nchw->nkhw", weights, features) / 49).clamp_min(0)
    assert torch.allclose(class_maps(model.network, picture), expected, atol=1e-6)


def test_the_maps_follow_the_gradient_of_the_class_through_a_deeper_head():
    """The gradient's mean is what the output changes by when a whole channel is raised: a finite difference."""
    model = classifier(head="ext")
    picture = torch.from_numpy(noise())[None, None]
    with torch.no_grad():
        features = model.network.features(picture).double()
        known = model.network.double()
        plain = known.outputs(known.embedding(features)).double()
        weights = []
        for channel in range(features.shape[1]):
            raised = features.clone()
            raised[:, channel] += 1e-3
            weights.append((known.outputs(known.embedding(raised)).double() - plain)[0] / 1e-3)
    expected = torch.einsum("ck,chw->khw", torch.stack(weights), features[0]) / features[0, 0].numel()
    found = class_maps(model.network.float(), picture)[0].double()
    assert torch.allclose(found, expected.clamp_min(0), atol=0.05 * float(expected.abs().max()))


def planted(monkeypatch, *values):
    """Let every picture show the same evidence for each class, or none."""
    maps = torch.tensor(values, dtype=torch.float32)

    def fake(_network, pictures):
        return maps[None, :, None, None].expand(len(pictures), len(values), 7, 7)

    monkeypatch.setattr(explaining, "class_maps", fake)


@pytest.mark.parametrize("shown", ["crop", "image"])
def test_where_no_class_has_evidence_the_grade_is_undefined(monkeypatch, shown):
    planted(monkeypatch, 0.0, 0.0, 0.0)
    found = explain(noise(300, 260), classifier(shown), SETTINGS)
    assert np.isnan(found.g_seen).all()
    assert not found.strength.any()


def test_the_maps_are_not_stretched_one_by_one(monkeypatch):
    """Stretched to 0..1, both classes would be equal and the first would win."""
    planted(monkeypatch, 0.1, 0.3, 0.0)
    assert set(np.unique(explain(noise(), classifier(), SETTINGS).g_seen)) == {7.0}


@pytest.mark.parametrize("shown", ["crop", "image"])
def test_every_pixel_is_covered_and_tiles_lie_where_they_belong(monkeypatch, shown):
    """Evidence by brightness: dark is the first class, bright the last."""

    def by_brightness(_network, pictures):
        small = torch.nn.functional.adaptive_avg_pool2d(pictures.float(), (16, 16))[:, 0]
        return torch.stack([255.0 - small, torch.zeros_like(small), small], dim=1)

    monkeypatch.setattr(explaining, "class_maps", by_brightness)
    pixels = np.full((500, 610), 20, np.uint8)
    pixels[:230, 300:] = 240
    found = explain(pixels, classifier(shown), SETTINGS)
    assert found.g_seen.shape == (500, 610)
    expected = np.where(pixels > 100, 10.0, 4.0)
    assert np.mean(found.g_seen == expected) > 0.95


def test_a_regressor_has_no_classes_to_explain():
    model = LoadedModel(network.build_network(CARD), CARD, "r", "0" * 64)
    with pytest.raises(WeightsError, match="regressor"):
        explain(noise(), model, SETTINGS)


@pytest.fixture
def explained(tmp_path, monkeypatch):
    """Return what `gdest explain` draws for one file: the classifier's grades, NaN where it shows none."""
    path, drawn = tmp_path / "c.safetensors", []
    network.save_model(classifier().network, classifier().card, path)
    monkeypatch.setattr(explaining, "class_maps", lambda _, tiles: torch.ones(len(tiles), len(CLASSES), 7, 7))
    monkeypatch.setattr(commanding, "load_weights", lambda _: None)
    monkeypatch.setattr(commanding, "NetworkPredictor", lambda *_: FakePredictor(6.0))
    real = commanding.draw_grades
    monkeypatch.setattr(commanding, "draw_grades", lambda *told: drawn.append(told[1]) or real(*told))
    monkeypatch.chdir(tmp_path)

    def run(file):
        commanding.run_explain([file.path], SETTINGS, path, None)
        assert (tmp_path / f"{file.name}.explain.png").is_file() == bool(drawn)
        return drawn.pop() if drawn else None

    return run


def test_explaining_tells_that_it_goes_on_and_its_results_come_after_the_bar(
    explained, write_tiff, rng, monkeypatch, capsys
):
    monkeypatch.setattr(terminal, "EVERY_S", 0.01)
    file = write_tiff("clean.tif", rng.integers(60, 200, (700, 900), dtype=np.uint8))
    under_way, real = [], commanding.print_areas

    def told(*arguments):
        under_way.extend(one.name for one in threading.enumerate() if one.name == "gdest-progress")
        real(*arguments)

    monkeypatch.setattr(commanding, "print_areas", told)
    explained(file)
    printed = capsys.readouterr()
    assert "explaining, " in printed.err and "G" in printed.out
    assert under_way == []


def test_explaining_shows_nothing_where_a_banner_hides_the_metal(explained, write_tiff, rng):
    pixels = rng.integers(60, 200, (700, 900), dtype=np.uint8)
    assert np.isfinite(explained(write_tiff("clean.tif", pixels))).all()
    pixels[620:] = 0
    pixels[650:670, 40:200:9] = 255
    grades = explained(write_tiff("banner.tif", pixels))
    assert np.isnan(grades[-1]).all()
    assert np.isfinite(grades[:440]).all()


def test_explaining_refuses_what_is_read_region_by_region(explained, write_tiff, monkeypatch, capsys):
    monkeypatch.setattr("gdest.reading.micrograph.REGIONS_PX", 1000)
    file = write_tiff("large.tif", noise(300, 400), tile=(64, 64))
    assert explained(file) is None
    assert "failed: too large to be explained" in capsys.readouterr().err


def test_share_within_counts_undefined_pixels_as_wrong():
    assert share_within(np.float32([4, 5, np.nan, 9]), np.float32([4, 4, 4, 4])) == 0.5


def test_a_splice_holds_its_four_quarters():
    quarters = [np.full((30, 40), value, np.uint8) for value in (1, 2, 3, 4)]
    pixels, truth = splice(quarters, [4.0, 6.0, 8.0, 10.0])
    assert pixels.shape == truth.shape == (60, 80)
    assert (pixels[:30, 40:] == 2).all()
    assert (truth[30:, :40] == 8.0).all()


BUNDLED = Path(__file__).parent.parent.parent / "weights" / BUNDLED_CLASSIFIER


SPLICES = [(4, 6, 9, 12), (5, 8, 7, 11), (12, 4, 10, 6), (9, 7, 5, 10), (4, 7, 10, 13), (6, 11, 8, 5)]


@pytest.mark.slow
def test_the_bundled_classifier_tells_the_quadrants_of_fig_8():
    """The paper shows one spliced image; of one the share swings by 0.1, so the mean of six counts.

    The classifier learnt from the etches of gdest 0.1, of which the mean was 0.85 and more; of these it tells less.
    """
    model, shares = network.load_model(BUNDLED), []
    for number, grades in enumerate(SPLICES):
        rngs = [np.random.default_rng([77 + number, i]) for i in range(4)]
        quarters = [make_micrograph(rng, g, 336, 448, 1.0).pixels for rng, g in zip(rngs, grades, strict=True)]
        pixels, truth = splice(quarters, list(grades))
        shares.append(share_within(explain(pixels, model, SETTINGS).g_seen, truth))
    assert np.mean(shares) >= 0.8
    assert min(shares) > 0.65


SHOWN_GRADES = (6.0, 8.0, 10.0, 12.0)


def example(seed, g):
    pixels = torch.tensor(make_micrograph(np.random.default_rng([seed, int(g)]), g, 448, 448, 1.0).pixels)[None]
    return Example((pixels, pixels[:, ::2, ::2].contiguous()), g)


@pytest.mark.slow
def test_a_classifier_of_crops_tells_the_quadrants_of_fig_8_and_one_of_whole_images_does_not(tmp_path):
    """Both begin with the backbone of the bundled regressor and see as many pixels of the same 16 micrographs.

    So little training does not reach the 0.8 asked of a finished model, which the test above asks of the bundled one.
    """
    training = [example(seed, g) for seed in range(4) for g in SHOWN_GRADES]
    validation = [example(50, g) for g in SHOWN_GRADES]
    spliced = []
    for seed, order in ((60, (0, 1, 2, 3)), (61, (2, 0, 3, 1))):
        four = [example(seed, SHOWN_GRADES[i]) for i in order]
        spliced.append(splice([one.pyramid[0][0].numpy() for one in four], [one.g_seen for one in four]))
    shares = {}
    for shown, batch in (("crop", 16), ("image", 4)):
        settings = TrainSettings(
            epochs=3, batch=batch, task="classification", input=shown, rescale=False, device="cpu",
            bf16=has_fast_bf16("cpu"), init=str(weights_path(None)),
        )  # fmt: skip
        card = new_card(training, settings, "spliced", len(training))
        out = tmp_path / f"{shown}.safetensors"
        fit(card, Decoded(training, validation), out, settings, backbone_only=True)
        model = network.load_model(unfinished_path(out))
        shares[shown] = [share_within(explain(pixels, model, SETTINGS).g_seen, truth) for pixels, truth in spliced]
    assert np.mean(shares["crop"]) >= 0.7, shares
    assert np.mean(shares["crop"]) > np.mean(shares["image"]) + 0.1, shares
