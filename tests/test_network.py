from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import CARD

from gdest import network
from gdest.errors import SettingsError, WeightsError
from gdest.predict import NetworkPredictor
from gdest.settings import GradeSettings


@pytest.fixture(scope="module")
def random_network():
    torch.manual_seed(0)
    return network.build(CARD)


@pytest.fixture(scope="module")
def weights(random_network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    network.save(random_network, CARD, path)
    return path


def test_saved_weights_answer_alike_and_carry_their_card(random_network, weights):
    model = network.load(weights)
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
        network.load(path)
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
        network.load(tmp_path / "missing.safetensors")


def test_initial_weights_from_a_file_are_those_weights(weights, random_network):
    again = network.build(CARD, str(weights))
    assert torch.allclose(again.body.fc.weight, random_network.body.fc.weight, atol=1e-3)


def test_imagenet_weights_that_cannot_be_downloaded_are_a_clear_sentence(monkeypatch):
    def offline(*_args, **_kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    with pytest.raises(SettingsError, match="--init none"):
        network.build(CARD, "imagenet")


def test_imagenet_colour_filters_are_summed_for_grey(monkeypatch):
    from torchvision.models import ResNet18_Weights, resnet18

    state = resnet18(weights=None).state_dict()
    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", lambda *_args, **_kwargs: dict(state))
    built = network.build(CARD, "imagenet")
    assert torch.allclose(built.body.conv1.weight, state["conv1.weight"].sum(1, keepdim=True))
    assert torch.equal(built.body.layer1[0].conv1.weight, state["layer1.0.conv1.weight"])


def test_what_the_card_says_is_read_too_fine_is_taken_off(weights):
    model = network.load(weights)
    settings = GradeSettings(device="cpu", precision="fp32")
    tiles = np.random.default_rng(0).integers(0, 256, (3, 224, 224), dtype=np.uint8)
    plain = NetworkPredictor(model, settings).predict(tiles).g_seen
    corrected = replace(model, card=replace(model.card, correction=((0.0, 0.5), (16.0, 0.5))))
    assert NetworkPredictor(corrected, settings).predict(tiles).g_seen == pytest.approx(plain - 0.5, abs=1e-5)


def test_a_full_memory_halves_the_batch_says_so_and_loses_no_tile(weights, monkeypatch, caplog):
    predictor = NetworkPredictor(network.load(weights), GradeSettings(device="cpu", precision="fp32", batch=8))
    tiles = np.random.default_rng(0).integers(0, 255, (9, 224, 224), dtype=np.uint8)
    whole, real, sizes = predictor.predict(tiles), predictor.network.answer, []

    def small(part):
        sizes.append(len(part))
        if len(part) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(part)

    monkeypatch.setattr(predictor.network, "answer", small)
    assert predictor.predict(tiles).g_seen == pytest.approx(whole.g_seen, abs=1e-3)
    assert sizes == [8, 4, 2, 2, 2, 2, 1]
    assert "batches of 2 tiles" in caplog.text
