from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import CARD

from gdest import explain as explaining
from gdest import network
from gdest.commands.weights_path import BUNDLED_CLASSIFIER
from gdest.errors import WeightsError
from gdest.explain import class_maps, explain, share_within, splice
from gdest.network import LoadedModel
from gdest.settings import GradeSettings
from gdest.synth.dataset import make_micrograph

CLASSES = (4.0, 7.0, 10.0)
SETTINGS = GradeSettings(device="cpu")


def classifier(shown="crop", head="fc"):
    card = replace(CARD, task="classification", classes=CLASSES, input=shown, head=head)
    torch.manual_seed(2)
    return LoadedModel(network.build(card).eval(), card, "c", "0" * 64)


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
    model = LoadedModel(network.build(CARD), CARD, "r", "0" * 64)
    with pytest.raises(WeightsError, match="regressor"):
        explain(noise(), model, SETTINGS)


def test_share_within_counts_undefined_pixels_as_wrong():
    assert share_within(np.float32([4, 5, np.nan, 9]), np.float32([4, 4, 4, 4])) == 0.5


def test_a_splice_holds_its_four_quarters():
    quarters = [np.full((30, 40), value, np.uint8) for value in (1, 2, 3, 4)]
    pixels, truth = splice(quarters, [4.0, 6.0, 8.0, 10.0])
    assert pixels.shape == truth.shape == (60, 80)
    assert (pixels[:30, 40:] == 2).all()
    assert (truth[30:, :40] == 8.0).all()


BUNDLED = Path(__file__).parent.parent / "weights" / BUNDLED_CLASSIFIER


@pytest.mark.skipif(not BUNDLED.is_file(), reason="no classifier is bundled")
def test_the_bundled_classifier_tells_the_quadrants_of_fig_8():
    grades = [4.0, 6.0, 9.0, 12.0]
    quarters = [make_micrograph(np.random.default_rng([77, i]), g, 480, 640, 1.0) for i, g in enumerate(grades)]
    pixels, truth = splice([made.pixels for made in quarters], grades)
    assert share_within(explain(pixels, network.load(BUNDLED), SETTINGS).g_seen, truth) >= 0.8
