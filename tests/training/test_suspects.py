"""Labels and pixel sizes that are probably wrong are named where they would only show as a large error."""

from __future__ import annotations

import pytest
import tifffile
from helpers.measured_fields import measured_field
from helpers.predictors import FakePredictor

from gdest.core import GradeSettings
from gdest.training import evaluation, measuring
from gdest.training.suspects import far_ones, warn_of_suspects

ERRORS = (0.1, -0.2, 0.3, 0.0, 0.2, -0.1)


def fields(*errors):
    return [measured_field(error, name=f"{number}.tif") for number, error in enumerate(errors)]


@pytest.mark.parametrize(
    ("errors", "far"),
    [
        (ERRORS, []),
        ((*ERRORS, 2.0), ["6.tif"]),  # the next objective
        ((*ERRORS, 0.9), []),  # far for its scatter, but no more than networks do
        (tuple(one + 3.0 for one in ERRORS), []),  # all of them read too fine: a bias
        ((*(one + 3.0 for one in ERRORS), 0.0), ["6.tif"]),
        ((-2.0, 2.0, -1.5, 1.5, 0.5, 3.0), []),  # they scatter widely
        ((0.0, 0.0, 0.0, 5.0), []),  # too few to tell
    ],
)
def test_far_is_what_the_scatter_of_the_others_does_not_explain(errors, far):
    assert [one.item.file.name for one in far_ones(fields(*errors))] == far


def test_each_kind_is_one_line_that_names_its_files(capsys):
    told = fields(*ERRORS, 2.0, -3.0)
    for number in (1, 4):
        told[number].row.micrograph.doubts = ("pixel sizes disagree: 0.5 um/px (command-line), 1 um/px (imagej)",)
    warn_of_suspects(told)
    sizes, far = capsys.readouterr().err.splitlines()
    assert sizes.startswith("2 micrographs state another pixel size than the labels: 1.tif, 4.tif.")
    assert far.startswith("2 of 8 micrographs lie far from the others: 6.tif (+2.0 G), 7.tif (-3.0 G).")


def test_fields_that_agree_are_told_nothing(capsys):
    warn_of_suspects(fields(*ERRORS))
    assert capsys.readouterr().err == ""


def test_evaluate_warns_of_a_label_whose_pixel_size_the_file_contradicts(tmp_path, monkeypatch, grey, capsys):
    for name, um in (("a.tif", 1.0), ("b.tif", 2.0)):
        tifffile.imwrite(tmp_path / name, grey, resolution=(1e4 / um,) * 2, resolutionunit="CENTIMETER")
    (tmp_path / "labels.csv").write_text("file,g,um_per_px\na.tif,6,1.0\nb.tif,6,1.0\n")
    monkeypatch.setattr(measuring, "NetworkPredictor", lambda *_: FakePredictor(answer=6.0))
    assert len(evaluation.evaluate(tmp_path / "labels.csv", None, GradeSettings())) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("1 micrograph states another pixel size than the labels: b.tif. Which one is right?")
