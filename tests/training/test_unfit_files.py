"""Real pictures that must not be graded: which folders hold them, and what of them teaches a judge."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.predictors import CARD
from helpers.small_training import QUICK
from PIL import Image

from gdest.core import DataError, SettingsError
from gdest.model.network import LoadedModel, build_network
from gdest.training import unfit_files as module
from gdest.training.settings import TrainSettings
from gdest.training.unfit_files import unfit_files, unfit_tiles


@pytest.fixture
def model():
    torch.manual_seed(0)
    return LoadedModel(build_network(CARD).eval(), CARD, "w", "0" * 64)


def pictures(folder, names, side=600):
    """Write pictures of noise."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (side, side), np.uint8)).save(path)


def test_pictures_are_found_by_the_folders_of_their_kind_in_words_or_with_hyphens(tmp_path):
    pictures(tmp_path, ["a/fragments/1.png", "a/no-grains/2.tif", "b/no grains/3.png", "b/pearlite/4.png"], 300)
    found = [(kind, file.path.name) for kind, file in unfit_files([str(tmp_path / "a"), str(tmp_path / "b")])]
    assert found == [("fragments", "1.png"), ("no grains", "2.tif"), ("no grains", "3.png"), ("pearlite", "4.png")]
    assert unfit_files([]) == []


def test_a_folder_that_cannot_be_meant_is_told_with_the_kinds_there_are(tmp_path):
    pictures(tmp_path, ["a/martensite/1.png", "b/1.png"], 300)
    for folder, told in (("a", "martensite is not named after a kind"), ("b", "holds no picture"), ("c", "be read")):
        with pytest.raises(DataError, match=told) as refused:
            unfit_files([str(tmp_path / folder)])
        assert folder == "c" or "fragments, " in str(refused.value)


def test_tiles_are_as_large_as_a_scan_sees_them_and_spread_over_the_picture(tmp_path, model, monkeypatch):
    pictures(tmp_path, ["fragments/1.png", "fragments/2.png"], 900)
    settings = TrainSettings(unfit=(str(tmp_path),), device="cpu")
    zooms = iter((1.0, 0.5))
    monkeypatch.setattr(module, "predict_grade_map", lambda *_: SimpleNamespace(zoom=next(zooms)))
    whole, halved = unfit_tiles(model, settings)["fragments"]
    assert whole.shape == (40, 224, 224)
    assert halved.shape == (16, 224, 224)
    assert halved.std() < 0.6 * whole.std()  # noise that was halved


def test_a_file_that_is_no_picture_is_named(tmp_path, model):
    (tmp_path / "fragments").mkdir()
    (tmp_path / "fragments" / "1.png").write_text("nothing")
    with pytest.raises(DataError, match=r"1\.png: "):
        unfit_tiles(model, TrainSettings(unfit=(str(tmp_path),), device="cpu"))


def test_only_networks_with_a_judge_are_taught():
    with pytest.raises(SettingsError, match="--unfit goes with"):
        TrainSettings(unfit=("a",), task="classification")
    assert QUICK.unfit == ()
