"""The bundled weights hold what they promise, on micrographs no training has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from gdest.core.model_card import Doubt
from gdest.core.records import ImageFile
from gdest.core.settings import GradeSettings
from gdest.core.tiles import GreyImage
from gdest.grading.pipeline import grade_micrographs
from gdest.grading.zooms import predict_grade_map
from gdest.model import network
from gdest.model.predictor import NetworkPredictor
from gdest.model.weights_file import weights_path
from gdest.reading.micrograph import grey_8_bit
from gdest.synth.dataset import write_dataset, write_tiff
from gdest.synth.settings import SynthSettings
from gdest.training.evaluation import errors_by_group, evaluate, write_errors

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture(scope="module")
def model():
    return network.load_model(weights_path(None))


def test_the_card_is_complete(model):
    card = model.card
    assert (card.backbone, card.head, card.task, card.tile_px) == ("resnet18", "fc", "regression", 224)
    assert card.g_min <= 2.0
    assert card.g_max >= 13.0
    assert card.interval
    assert card.tile_scatter
    assert card.errors["validation_mae"] < 0.3
    assert 0.8 <= card.errors["validation_coverage"] <= 1.0
    assert set(card.limits) == set(Doubt)
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
    assert sum(one.row.status == "review" for one in measured) <= 1
    write_errors(measured, tmp_path / "out")
    assert len((tmp_path / "out/evaluation.csv").read_text().splitlines()) == 13
    with Image.open(tmp_path / "out/evaluation.png") as plot:
        assert plot.width > 300


def test_the_spliced_example_is_found_to_be_mixed_and_its_quadrants_told_apart(model):
    from gdest.core.files import image_files

    rows = {
        row.micrograph.file.name: row
        for row in grade_micrographs(image_files([EXAMPLES]), NetworkPredictor(model, GradeSettings()), GradeSettings())
    }
    assert len(rows) == 8
    spliced = rows.pop("spliced-from-four.tif")
    assert spliced.homogeneity.startswith("duplex")
    corners = spliced.grade_map.g_seen[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert np.all(np.diff(corners) > 0.8)
    assert np.isnan([spliced.statistics.g_low, spliced.statistics.g_high]).all()
    said = [row.homogeneity for row in rows.values()]
    assert said == [*["unknown"] * 2, *["uniform"] * 5]  # the two coarsest hold fewer than 50 grains


def strange_pictures():
    """Yield what a camera on a microscope can deliver that is no micrograph, each with a name."""
    rng = np.random.default_rng(4)
    rows, cols = np.mgrid[0:1:480j, 0:1:640j]
    page = Image.new("L", (640, 480), 240)
    for top in range(0, 480, 24):
        ImageDraw.Draw(page).text((5, top), "inclusion rating D1 " * 6, fill=10, font=ImageFont.load_default(18))
    yield "white noise", rng.normal(128, 40, (480, 640))
    yield "blank", rng.normal(180, 4, (480, 640))
    yield "slope", 60 + 120 * rows + 30 * cols + rng.normal(0, 1, rows.shape)
    yield "text", np.asarray(page, float)
    for name in ("steel-3.tif", "steel-5.tif"):
        with Image.open(EXAMPLES / name) as image:
            steel = grey_8_bit(np.asarray(image)).astype(float)
        yield f"{name} far out of focus", ndimage.gaussian_filter(steel, 14 if name == "steel-3.tif" else 6)


def test_what_is_no_micrograph_is_not_graded(model, tmp_path):
    pictures = dict(strange_pictures())
    files = []
    for name, pixels in pictures.items():
        write_tiff(tmp_path / f"{name}.tif", np.clip(pixels, 0, 255).astype(np.uint8), 1.0)
        files.append(ImageFile(tmp_path / f"{name}.tif", name))
    rows = list(grade_micrographs(files, NetworkPredictor(model, GradeSettings()), GradeSettings()))
    assert {row.micrograph.file.name: row.status for row in rows} == dict.fromkeys(pictures, "review")
    assert all(row.reason for row in rows)


def test_bf16_gives_the_same_g_as_float32(model):
    with Image.open(EXAMPLES / "steel-3.tif") as image:
        pixels = grey_8_bit(np.asarray(image))
    grades = [
        predict_grade_map(
            GreyImage(pixels), NetworkPredictor(model, GradeSettings(precision=precision)), 224
        ).g_seen.mean()
        for precision in ("fp32", "bf16")
    ]
    assert grades[0] == pytest.approx(grades[1], abs=0.02)


@pytest.mark.slow
def test_every_precision_gives_the_same_g_within_0_02_and_the_same_doubts(model, monkeypatch, tmp_path):
    pytest.importorskip("openvino", reason="OpenVINO is not installed: pip install gdest[openvino]")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    from gdest.core.grid import cut_tiles, tile_grid
    from gdest.core.tiles import tiles_of
    from gdest.reading.micrograph import read_micrograph

    slow = NetworkPredictor(model, GradeSettings(device="cpu", precision="fp32"))
    for precision in ("bf16", "int8"):
        fast = NetworkPredictor(model, GradeSettings(device="cpu", precision=precision, batch=5))
        assert fast.runs_openvino == (precision == "int8")
        for name in ("steel-1.tif", "steel-2.tif", "steel-4.tif", "steel-6.tif"):
            pixels = read_micrograph(ImageFile(EXAMPLES / name, name)).pixels
            tiles = tiles_of(cut_tiles(pixels, tile_grid(*pixels.shape, 224, 224)))
            exact, found = slow.predict([tiles]), fast.predict([tiles])
            assert found.g_seen.mean() == pytest.approx(exact.g_seen.mean(), abs=0.02)
            assert found.novelty.mean() == pytest.approx(exact.novelty.mean(), abs=0.05)
            assert found.unfit.mean() == pytest.approx(exact.unfit.mean(), abs=0.2)
