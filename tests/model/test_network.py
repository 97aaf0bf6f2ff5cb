from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD

from gdest.core.errors import SettingsError, WeightsError
from gdest.core.settings import GradeSettings
from gdest.core.tiles import tiles_of
from gdest.model import network
from gdest.model.predictor import NetworkPredictor


@pytest.fixture(scope="module")
def random_network():
    torch.manual_seed(0)
    return network.build_network(CARD)


@pytest.fixture(scope="module")
def weights(random_network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    network.save_model(random_network, CARD, path)
    return path


def test_saved_weights_answer_alike_and_carry_their_card(random_network, weights):
    model = network.load_model(weights)
    tiles = torch.randint(0, 256, (3, 1, 224, 224), dtype=torch.uint8)
    with torch.inference_mode():
        assert torch.allclose(model.network(tiles), random_network.eval()(tiles), atol=0.02)
    assert model.card == CARD
    assert model.name == "random"
    assert len(model.sha256) == 64


def test_weights_are_half_precision_and_under_25_mb(weights):
    assert 20e6 < weights.stat().st_size < 25e6


def test_exposure_and_gain_do_not_matter(random_network):
    tiles = torch.rand(2, 1, 224, 224) * 100 + 20
    with torch.inference_mode():
        assert torch.allclose(random_network.eval()(tiles), random_network(tiles * 1.7 + 30), atol=1e-3)


def test_a_blank_tile_gives_a_number_and_its_noise_is_not_blown_up():
    blank = torch.full((1, 1, 64, 64), 130.0)
    assert torch.equal(network.standardise(blank), torch.zeros(1, 1, 64, 64))
    assert network.standardise(blank + torch.randn(1, 1, 64, 64) * 0.5).std() < 0.2


def broken(tmp_path, content):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        network.load_model(path)
    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_damaged_foreign_and_missing_weights_are_refused_in_one_sentence(tmp_path, weights):
    content = weights.read_bytes()
    assert "broken.safetensors" in broken(tmp_path, content[: len(content) // 2])
    assert "broken.safetensors" in broken(tmp_path, b"")
    assert "broken.safetensors" in broken(tmp_path, b"\x80\x04pickle" * 100)
    from safetensors.torch import save

    assert "model card" in broken(tmp_path, save({"a": torch.zeros(2)}))
    assert "model card" in broken(tmp_path, save({"a": torch.zeros(2)}, {network.CARD_KEY: "{}{"}))
    assert "broken.safetensors" in broken(tmp_path, save({"a": torch.zeros(2)}, {network.CARD_KEY: CARD.to_json()}))
    with pytest.raises(WeightsError, match=r"missing\.safetensors"):
        network.load_model(tmp_path / "missing.safetensors")


def test_what_is_no_file_and_weights_that_are_no_numbers_are_refused(tmp_path, weights):
    from safetensors.torch import load_file, save_file

    os.mkfifo(tmp_path / "fifo.safetensors")
    for path in (tmp_path / "fifo.safetensors", tmp_path):
        with pytest.raises(WeightsError, match="not a regular file"):
            network.load_model(path)
    state = load_file(weights)
    state["body.fc.bias"][0] = float("nan")
    save_file(state, tmp_path / "nan.safetensors", {network.CARD_KEY: CARD.to_json()})
    with pytest.raises(WeightsError, match="not finite"):
        network.load_model(tmp_path / "nan.safetensors")


def test_initial_weights_from_a_file_are_those_weights(weights, random_network):
    again = network.build_network(CARD, str(weights))
    assert torch.allclose(again.body.fc.weight, random_network.body.fc.weight, atol=1e-3)


def test_imagenet_weights_that_cannot_be_downloaded_are_a_clear_sentence(monkeypatch):
    def offline(*_args, **_kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    with pytest.raises(SettingsError, match="--init none"):
        network.build_network(CARD, "imagenet")


def test_imagenet_colour_filters_are_summed_for_grey(monkeypatch):
    from torchvision.models import ResNet18_Weights, resnet18

    state = resnet18(weights=None).state_dict()
    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", lambda *_args, **_kwargs: dict(state))
    built = network.build_network(CARD, "imagenet")
    assert torch.allclose(built.body.conv1.weight, state["conv1.weight"].sum(1, keepdim=True))
    assert torch.equal(built.body.layer1[0].conv1.weight, state["layer1.0.conv1.weight"])


CLASSES = (4.0, 6.0, 9.0)


def variant(backbone="resnet18", head="fc", task="classification", shown="crop"):
    classes = CLASSES if task == "classification" else ()
    return replace(CARD, backbone=backbone, head=head, task=task, classes=classes, input=shown)


@pytest.mark.parametrize(
    ("backbone", "head", "task"),
    [
        ("resnet18", "ext", "regression"),
        ("resnet18", "ext", "classification"),
        ("alexnet", "fc", "classification"),
        ("alexnet", "ext", "regression"),
    ],
)
def test_every_network_is_saved_with_its_card_and_answers_alike(tmp_path, backbone, head, task):
    card = variant(backbone, head, task)
    torch.manual_seed(1)
    built = network.build_network(card).eval()
    network.save_model(built, card, tmp_path / "w.safetensors")
    model = network.load_model(tmp_path / "w.safetensors")
    assert model.card == card
    tiles = torch.randint(0, 256, (2, 1, 224, 224), dtype=torch.uint8)
    with torch.inference_mode():
        embedding = built.embedding(built.features(tiles))
        assert embedding.shape == (2, {"fc": 4096, "ext": 256}[head])
        outputs = built.outputs(embedding)
        assert outputs.shape == (2, 3 if task == "classification" else 1)
        assert torch.allclose(model.network(tiles), built(tiles), atol=0.02)


def test_a_vgg16_takes_pictures_of_any_size():
    built = network.build_network(variant("vgg16", "fc")).eval()
    with torch.inference_mode():
        features = built.features(torch.rand(1, 1, 256, 320) * 255)
        assert features.shape == (1, 512, 8, 10)
        assert built.outputs(built.embedding(features)).shape == (1, 3)


def test_a_classifier_answers_the_mean_of_its_classes_by_probability():
    card = variant()
    built = network.build_network(card).eval()
    built.body.fc.weight.data.zero_()
    built.body.fc.bias.data = torch.log(torch.tensor([0.5, 0.25, 0.25]))
    model = network.LoadedModel(built, card, "c", "0" * 64)
    predictor = NetworkPredictor(model, GradeSettings(device="cpu"))
    answers = predictor.predict([tiles_of(np.random.default_rng(0).integers(0, 256, (2, 224, 224), dtype=np.uint8))])
    assert answers.g_seen == pytest.approx([0.5 * 4 + 0.25 * 6 + 0.25 * 9] * 2, abs=0.01)
    assert np.isnan(answers.unfit).all()
    assert np.isnan(answers.novelty).all()


def test_the_backbone_of_a_regressor_starts_a_classifier_and_its_head_does_not(weights, random_network):
    torch.manual_seed(5)
    built = network.build_network(variant(), str(weights))
    assert torch.allclose(built.body.conv1.weight, random_network.body.conv1.weight, atol=1e-3)
    assert built.body.fc.weight.shape == (3, 512)
    plain = network.build_network(CARD, str(weights), backbone_only=True)
    assert torch.allclose(plain.body.layer4[1].conv2.weight, random_network.body.layer4[1].conv2.weight, atol=1e-3)
    assert not torch.allclose(plain.body.fc.weight, random_network.body.fc.weight, atol=1e-3)
    with pytest.raises(SettingsError, match="resnet18, not a alexnet"):
        network.build_network(variant("alexnet"), str(weights))


def test_what_a_card_cannot_mean_is_refused():
    for card in (replace(CARD, task="classification"), replace(CARD, backbone="resnet50"), replace(CARD, head="deep")):
        with pytest.raises(WeightsError, match="cannot run it"):
            network.build_network(card)
