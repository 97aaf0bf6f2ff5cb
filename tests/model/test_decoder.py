"""A network with a decoder answers boundary maps beside its grades; one without answers as before."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import predictors

from gdest.core.model_card import ModelCard
from gdest.core.settings import GradeSettings
from gdest.core.tiles import tiles_of
from gdest.model.decoder import BoundaryDecoder
from gdest.model.network import LoadedModel, build_network, load_model, save_model
from gdest.model.openvino_engine import OpenVinoEngine
from gdest.model.predictor import NetworkPredictor
from gdest.model.torch_engine import TorchEngine

GRADES = {
    "g_min": 2.0,
    "g_max": 13.0,
    "interval": ((2.0, 0.5),),
    "limits": predictors.CARD.limits,
    "gdest_version": "0",
}
CARD = ModelCard(boundaries=True, **GRADES)
CPU = torch.device("cpu")


def network(card=CARD, seed=0):
    torch.manual_seed(seed)
    return build_network(card).eval()


def noise(count):
    return np.random.default_rng(0).integers(0, 256, (count, 224, 224), dtype=np.uint8)


def test_a_decoder_has_at_most_a_million_weights_and_answers_at_half_the_resolution():
    decoder = BoundaryDecoder()
    assert sum(weight.numel() for weight in decoder.parameters()) <= 1_000_000
    maps = network().answer_with_boundaries(torch.from_numpy(noise(2)[:, None]))[3]
    assert (maps.shape, maps.dtype) == ((2, 3, 112, 112), torch.uint8)


def test_drawing_boundaries_changes_no_grade_and_no_doubt():
    tiles, known = torch.from_numpy(noise(3)[:, None]), network()
    for plain, beside in zip(known.answer(tiles), known.answer_with_boundaries(tiles)[:3], strict=True):
        assert torch.equal(plain, beside)


def test_a_decoder_learns_where_a_line_runs():
    torch.manual_seed(0)
    known = build_network(CARD).train()
    tiles = torch.full((4, 1, 64, 64), 200.0)
    for row, tile in enumerate(tiles):
        tile[0, 8 + 12 * row : 11 + 12 * row] = 20.0
    wanted = (torch.nn.functional.avg_pool2d(tiles, 2) < 150.0).float()
    optimizer = torch.optim.Adam(known.parameters(), lr=2e-3)
    for _ in range(60):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(known.decoder(*known.maps(tiles))[:, :1], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.equal(known.decoder(*known.maps(tiles))[:, :1] > 0, wanted > 0.5)


def test_a_card_without_boundaries_has_no_decoder_and_its_network_draws_none():
    plain = network(ModelCard(**GRADES))
    assert plain.decoder is None
    with pytest.raises(ValueError, match="draws no boundaries"):
        plain.answer_with_boundaries(torch.from_numpy(noise(1)[:, None]))
    model = LoadedModel(plain, plain.card, "plain", "")
    predictor = NetworkPredictor(model, GradeSettings(device="cpu", count=True))
    assert predictor.predict([tiles_of(noise(1))]).boundaries is None


def test_weights_keep_their_decoder_in_a_file_under_25_mb(tmp_path):
    known = network()
    save_model(known, CARD, tmp_path / "w.safetensors")
    assert (tmp_path / "w.safetensors").stat().st_size < 25_000_000
    loaded = load_model(tmp_path / "w.safetensors")
    tiles = torch.from_numpy(noise(1)[:, None])
    mine, its = (one.answer_with_boundaries(tiles)[3].int() for one in (known, loaded.network))
    assert int((mine - its).abs().max()) <= 2


def test_the_engines_draw_only_where_they_are_asked_to():
    model = LoadedModel(network(), CARD, "w", "")
    tiles = [tiles_of(noise(2))]
    asked = NetworkPredictor(model, GradeSettings(device="cpu", count=True)).predict(tiles)
    assert asked.boundaries.shape == (2, 3, 112, 112)
    assert NetworkPredictor(model, GradeSettings(device="cpu")).predict(tiles).boundaries is None


def test_openvino_draws_the_boundaries_that_torch_draws():
    known, tiles = network(), [tiles_of(noise(3))]
    plain = TorchEngine(known, CPU, bf16=False, boundaries=True).answer(tiles)
    other = OpenVinoEngine(known, CARD, bf16=False, boundaries=True).answer(tiles)
    assert other[3].dtype == torch.uint8
    assert int((plain[3].int() - other[3].int()).abs().max()) <= 1
    assert torch.allclose(plain[0], other[0], atol=1e-3)
