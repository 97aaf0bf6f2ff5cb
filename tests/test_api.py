from __future__ import annotations

import csv
import doctest
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.predictors import FakePredictor

import gdest
from gdest.core import GdestError, GrainCount, MicrographError, SettingsError, WeightsError
from gdest.grading import grade_micrographs

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def model():
    return gdest.load_model(device="cpu")


@pytest.mark.parametrize("page", ["README.md", "gdest/manual/python.md"])
def test_the_python_examples_do_what_they_say(page, monkeypatch, model):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(gdest, "load_model", lambda: model)
    text = (ROOT / page).read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    test = doctest.DocTestParser().get_doctest(example, {}, page, page, 0)
    assert len(test.examples) >= 3
    assert doctest.DocTestRunner().run(test).failed == 0


def test_the_example_of_the_readme_is_eight_lines():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len([line for line in example.splitlines() if line.strip()]) == 8


def test_results_come_in_the_order_of_the_paths_and_a_bad_file_is_one(model, tmp_path):
    with (EXAMPLES / "labels.csv").open(newline="") as file:
        truth = {row["file"]: float(row["g"]) for row in csv.DictReader(file)}
    (tmp_path / "empty.tif").touch()
    results = list(
        gdest.grade_micrographs([EXAMPLES / "steel-7.tif", tmp_path / "empty.tif", EXAMPLES / "steel-3.tif"], model)
    )
    assert [Path(result.file).name for result in results] == ["steel-7.tif", "empty.tif", "steel-3.tif"]
    assert [result.status for result in results] == ["graded", "failed", "graded"]
    assert "empty" in results[1].reason
    assert results[1].g is results[1].g_low is results[1].um_per_px is None
    for result in (results[0], results[2]):
        assert result.g_low <= truth[Path(result.file).name] <= result.g_high
        assert result.row.micrograph.pixels.shape == (600, 800)


def test_twice_the_pixel_size_is_two_grades_coarser(model):
    (fine,) = gdest.grade_micrographs(EXAMPLES / "steel-5.tif", model)
    (coarse,) = gdest.grade_micrographs(str(EXAMPLES / "steel-5.tif"), model, um_per_px=2.0)
    assert coarse.g == pytest.approx(fine.g - 2.0, abs=0.002)
    assert (coarse.um_per_px, coarse.um_per_px_source) == (2.0, "command-line")
    assert coarse.g_seen == fine.g_seen


def test_a_loaded_model_counts_without_being_asked(model):
    (result,) = gdest.grade_micrographs(EXAMPLES / "steel-5.tif", model)
    assert result.g_counted == pytest.approx(9.0, abs=0.4)
    assert result.grains_counted > 100


def test_what_was_counted_stands_in_the_result_and_the_record(model, monkeypatch):
    asked = []

    def graded(files, _model, settings):
        for row in grade_micrographs(files, _model, settings):
            asked.append(settings.count)
            yield replace(row, count=GrainCount(g=8.9, g_low=8.7, g_high=9.1, grains=300.5, g_largest_grain=5.5))

    monkeypatch.setattr("gdest.grading.grade_micrographs", graded)
    (result,) = gdest.grade_micrographs(EXAMPLES / "steel-5.tif", model)
    (plain,) = gdest.grade_micrographs(EXAMPLES / "steel-5.tif", model, count=False)
    assert asked == [True, False]
    assert (result.g_counted, result.g_counted_low, result.g_counted_high) == (8.9, 8.7, 9.1)
    assert (result.grains_counted, result.g_largest_grain, result.row.count.grains) == (300.5, 5.5, 300.5)
    assert 0.0 < plain.g - result.g <= 0.3  # moved towards what was really counted, which is less


def test_a_micrograph_is_read_with_the_pixel_size_that_is_stated_or_its_own():
    (own,) = gdest.read_micrographs(EXAMPLES / "steel-2.tif")
    (stated,) = gdest.read_micrographs(str(EXAMPLES / "steel-2.tif"), um_per_px=0.645)
    assert (own.um_per_px, stated.um_per_px) == (0.5, 0.645)


def test_errors_are_raised_and_name_the_file(tmp_path, model):
    (tmp_path / "empty.tif").touch()
    with pytest.raises(MicrographError, match=r"empty\.tif: the file is empty"):
        list(gdest.read_micrographs(tmp_path / "empty.tif"))
    with pytest.raises(WeightsError, match="missing"):
        gdest.load_model(tmp_path / "missing.safetensors")
    with pytest.raises(SettingsError):
        gdest.load_model(device="abacus")
    with pytest.raises(SettingsError):
        list(gdest.grade_micrographs(EXAMPLES / "steel-5.tif", model, um_per_px=-1.0))
    assert issubclass(MicrographError, GdestError)


def test_importing_gdest_imports_nothing_heavy():
    code = (
        "import sys, gdest; gdest.load_model, gdest.grade_micrographs\n"
        "assert not {'torch', 'pandas', 'numpy', 'matplotlib', 'scipy', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_says_that_it_is_typed():
    assert (Path(gdest.__file__).parent / "py.typed").exists()


def test_names_of_two_magnifications_contradict_the_one_pixel_size_of_a_list(write_tiff, grey):
    paths = [write_tiff(name, grey, None).path for name in ("a_200x.tif", "b_500x.tif", "c.tif")]
    found = gdest.grade_micrographs(paths, FakePredictor(6.0), um_per_px=1.0, count=False)
    assert [result.status for result in found] == ["review", "review", "graded"]


def test_an_array_is_graded_as_the_file_that_holds_it(model):
    (of_file,) = gdest.grade_micrographs(EXAMPLES / "steel-5.tif", model, um_per_px=1.0)
    pixels = of_file.row.micrograph.pixels
    colour = np.dstack([pixels] * 3)
    for given in (pixels, [pixels], iter([pixels]), [colour]):
        (found,) = gdest.grade_micrographs(given, model, um_per_px=1.0)
        assert (found.g, found.g_counted, found.status) == (of_file.g, of_file.g_counted, of_file.status)
        assert (found.file, found.um_per_px_source) == ("array-1", "command-line")
    (without,) = gdest.grade_micrographs(pixels, model, count=False)
    assert (without.status, without.g) == ("uncalibrated", None)


def test_arrays_and_paths_may_be_mixed_and_leave_nothing_behind(tmp_path, monkeypatch, grey):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    given = [EXAMPLES / "steel-5.tif", grey, grey.astype(np.uint16)]
    found = gdest.grade_micrographs(given, FakePredictor(6.0), um_per_px=1.0, count=False)
    assert [result.file for result in found] == [(EXAMPLES / "steel-5.tif").as_posix(), "array-2", "array-3"]
    (read,) = gdest.read_micrographs(grey, um_per_px=0.5)
    assert (read.um_per_px, read.pixels.tolist()) == (0.5, grey.tolist())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (3.5, "float is neither the path of an image nor an array of pixels"),
        (np.zeros((2, 300, 300)), r"\(rows, cols\), or \(rows, cols, 3\) in colour, not \(2, 300, 300\)"),
        (np.zeros(9), r"not \(9,\)"),
    ],
)
def test_what_is_neither_a_path_nor_a_picture_is_one_sentence(given, sentence):
    with pytest.raises(SettingsError, match=sentence):
        next(gdest.read_micrographs(given))
    with pytest.raises(SettingsError, match=sentence):
        next(gdest.grade_micrographs([given], FakePredictor(6.0)))


def test_a_micrograph_and_a_result_show_themselves_in_a_line(grey):
    (read,) = gdest.read_micrographs(EXAMPLES / "steel-2.tif")
    told = f"Micrograph({(EXAMPLES / 'steel-2.tif').as_posix()!r}, 600 x 800 px, 0.5 um/px (tiff-resolution))"
    assert repr(read) == told
    (result,) = gdest.grade_micrographs(grey, FakePredictor(6.0), count=False)
    assert "unknown pixel size" in repr(result.row)
    assert "\n" not in repr(result) + repr(result.row) and len(repr(result.row)) < 700
