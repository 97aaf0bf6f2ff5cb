"""The bundled weights hold what they promise, on micrographs no training has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gdest import network
from gdest.commands import weights_path
from gdest.micrograph import grey_8_bit
from gdest.pipeline import grade_micrographs, predict_grade_map
from gdest.predict import NetworkPredictor, has_fast_bf16
from gdest.settings import GradeSettings, SynthSettings
from gdest.synth.dataset import write_dataset
from gdest.training.evaluate import errors_by_group, evaluate, write_evaluation

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def model():
    return network.load(weights_path(None))


def test_the_card_is_complete(model):
    card = model.card
    assert (card.backbone, card.head, card.task, card.tile_px) == ("resnet18", "fc", "regression", 224)
    assert card.g_min <= 2.0
    assert card.g_max >= 13.0
    assert card.interval
    assert card.tile_scatter
    assert card.errors["validation_mae"] < 0.3
    assert {"data", "seed", "micrographs"} <= set(card.training)


def test_unseen_synthetic_micrographs_are_graded_well(model, tmp_path):
    settings = SynthSettings(count=12, g_min=3.0, g_max=12.5, seed=987654, rows=700, cols=700)
    list(write_dataset(tmp_path, settings))
    measured = evaluate(tmp_path, model, GradeSettings())
    errors = errors_by_group(measured)["all"]
    assert errors.count == 12
    assert errors.mae < 0.3
    assert errors.within_half >= 0.8
    assert errors.coverage >= 0.6
    write_evaluation(measured, tmp_path / "out")
    assert len((tmp_path / "out/evaluation.csv").read_text().splitlines()) == 13
    with Image.open(tmp_path / "out/evaluation.png") as plot:
        assert plot.width > 300


def test_the_spliced_example_is_found_to_be_mixed_and_its_quadrants_told_apart(model):
    from gdest.archive import image_files

    rows = {
        row.micrograph.file.name: row
        for row in grade_micrographs(image_files([EXAMPLES]), NetworkPredictor(model, GradeSettings()), GradeSettings())
    }
    assert len(rows) == 8
    spliced = rows.pop("spliced-from-four.tif")
    assert spliced.homogeneity.startswith("duplex")
    corners = spliced.grade_map.g_seen[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert np.all(np.diff(corners) > 0.8)
    assert [row.homogeneity for row in rows.values()] == ["uniform"] * 7


def test_bf16_gives_the_same_g_as_float32(model):
    if not has_fast_bf16(NetworkPredictor(model, GradeSettings(device="cpu")).device):
        pytest.skip("this CPU does not compute in bf16")
    with Image.open(EXAMPLES / "steel-3.tif") as image:
        pixels = grey_8_bit(np.asarray(image))
    grades = [
        predict_grade_map(pixels, NetworkPredictor(model, GradeSettings(precision=precision)), 224).g_seen.mean()
        for precision in ("fp32", "bf16")
    ]
    assert grades[0] == pytest.approx(grades[1], abs=0.05)
