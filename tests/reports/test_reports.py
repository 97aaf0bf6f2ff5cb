from __future__ import annotations

import csv

import pandas as pd
import pytest
from helpers.predictors import FakePredictor

from gdest.core.errors import OutputError
from gdest.core.records import Failed, ImageFile
from gdest.core.settings import GradeSettings
from gdest.grading.pipeline import grade_micrographs
from gdest.reports.columns import COLUMNS
from gdest.reports.results_csv import write_csv
from gdest.reports.table import ModelName, cells

DESIGNED = [
    "file", "status", "reason", "g", "g_low", "g_high", "g_from_density", "g_seen", "grains_per_mm2",
    "mean_diameter_um", "mean_intercept_um", "g_sd", "g_min", "g_max", "within_half_g", "homogeneity",
    "um_per_px", "um_per_px_source", "tiles", "width_px", "height_px", "sha256", "model", "model_sha256",
    "gdest_version", "graded_at",
]  # fmt: skip
MODEL = ModelName("fake", "0" * 64)


@pytest.fixture
def table(write_tiff, grey):
    files = [write_tiff("=1+2.tif", grey, 0.5), write_tiff("unknown.tif", grey, None), ImageFile(None, "-broken.tif")]
    rows = [*grade_micrographs(files[:2], FakePredictor(6.0), GradeSettings()), Failed(files[2], "empty", None, "now")]
    return [cells(row, MODEL) for row in rows]


def test_columns_are_the_designed_ones_in_their_order(table, tmp_path):
    write_csv(table, tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(encoding="utf-8") as file:
        header = next(csv.reader(file))
    assert header[: len(DESIGNED)] == DESIGNED
    assert list(COLUMNS)[: len(DESIGNED)] == DESIGNED


def test_csv_numbers_are_the_standards_for_this_g_and_unknown_is_empty(table, tmp_path):
    write_csv(table, tmp_path / "results.csv")
    frame = pd.read_csv(tmp_path / "results.csv")
    graded, uncalibrated, failed = (frame.iloc[i] for i in range(3))
    assert graded["g"] == pytest.approx(8.0, abs=0.001)
    assert graded["grains_per_mm2"] == pytest.approx(1984, rel=1e-3)
    assert graded["mean_intercept_um"] == pytest.approx(20.0, abs=0.05)
    assert graded["mean_diameter_um"] == pytest.approx(22.45, abs=0.05)
    assert uncalibrated["g_seen"] == 6.0
    assert uncalibrated[["g", "g_low", "grains_per_mm2", "um_per_px"]].isna().all()
    assert failed["status"] == "failed"
    assert failed[["g", "g_seen", "tiles", "sha256"]].isna().all()
    assert "\n4,\n" not in (tmp_path / "results.csv").read_text()


def test_names_that_look_like_formulas_are_inert_and_numbers_stay_numbers(table, tmp_path):
    table[0]["g"] = -1.5
    write_csv(table, tmp_path / "results.csv")
    frame = pd.read_csv(tmp_path / "results.csv")
    assert list(frame["file"]) == ["'=1+2.tif", "unknown.tif", "'-broken.tif"]
    assert frame["g"][0] == -1.5


def test_a_report_that_cannot_be_written_leaves_the_old_one(table, tmp_path, monkeypatch):
    write_csv(table, tmp_path / "results.csv")
    before = (tmp_path / "results.csv").read_bytes()

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(OutputError, match="No space left"):
        write_csv(table[:1], tmp_path / "results.csv")
    assert (tmp_path / "results.csv").read_bytes() == before
    assert [path.name for path in tmp_path.glob(".*")] == []
