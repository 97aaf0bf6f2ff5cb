from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from helpers.predictors import FakePredictor

from gdest.core.calibration import CalibrationSettings, Objective, PixelSizeRule
from gdest.core.config import read_config
from gdest.core.errors import MicrographError, SettingsError
from gdest.core.records import PixelSize
from gdest.core.settings import GradeSettings, with_pixel_size_rules
from gdest.grading.pipeline import grade_micrographs
from gdest.reading.pixel_size import choose_pixel_size, with_mixed_names

NOTHING = CalibrationSettings()


def chosen(name="a.tif", calibration=NOTHING, told=(), rows=960, cols=1280):
    size, doubts = choose_pixel_size(name, calibration, told, rows, cols)
    return (size.um_per_px, size.source) if size else None, doubts


def test_sources_are_asked_in_order_and_what_is_near_agrees():
    told = (PixelSize(0.5, "ome-xml"), PixelSize(0.505, "tiff-resolution"))
    assert chosen(told=told) == ((0.5, "ome-xml"), ())
    rule = CalibrationSettings(rules=(PixelSizeRule("*", 0.501),))
    assert chosen(calibration=rule, told=told) == ((0.501, "gdest.toml"), ())
    stated = CalibrationSettings(um_per_px=0.499, rules=rule.rules)
    assert chosen(calibration=stated, told=told) == ((0.499, "command-line"), ())


def test_sources_that_disagree_by_more_than_2_percent_are_both_named():
    told = (PixelSize(0.5, "ome-xml"), PixelSize(0.52, "tiff-resolution"))
    size, (doubt,) = chosen(told=told)
    assert size == (0.5, "ome-xml")
    assert doubt == "pixel sizes disagree: 0.5 um/px (ome-xml), 0.52 um/px (tiff-resolution)"
    _, (doubt,) = chosen(calibration=CalibrationSettings(um_per_px=1.0), told=told[:1])
    assert "1 um/px (command-line), 0.5 um/px (ome-xml)" in doubt


def test_a_disagreement_is_a_row_to_review(write_tiff, grey):
    settings = GradeSettings(CalibrationSettings(um_per_px=0.5))
    (row,) = grade_micrographs([write_tiff("a.tif", grey, 1.0)], FakePredictor(6.0), settings)
    assert row.status == "review"
    assert "0.5 um/px (command-line), 1 um/px (tiff-resolution)" in row.reason
    assert row.statistics.g == pytest.approx(8.0)


def test_a_trusted_rule_is_the_last_word():
    rule = CalibrationSettings(rules=(PixelSizeRule("old/*", 0.4, trust=True),))
    told = (PixelSize(1.0, "tiff-resolution"),)
    assert chosen("old/a.tif", rule, told) == ((0.4, "gdest.toml"), ())
    assert chosen("new/a.tif", rule, told) == ((1.0, "tiff-resolution"), ())


@pytest.mark.parametrize(
    ("name", "expected"),
    [("plate_200x.tif", 3.45 / 200), ("plate 500X 2.tif", 3.45 / 500), ("50x/a.tif", 3.45 / 50),
     ("100x/b_200x.tif", 3.45 / 200), ("1280x960.tif", None), ("1280 x 960.tif", None),
     ("x200.tif", 3.45 / 200), ("a_200 x.tif", 3.45 / 200),
     ("200:1.tif", 3.45 / 200), ("plate x2.tif", None), ("mix200x.tif", None), ("3x200x.tif", None),
     ("200x_500x.tif", None), ("a.tif", None)],
)  # fmt: skip
def test_a_magnification_in_a_name_counts_only_with_a_known_camera(name, expected):
    size, _ = chosen(name, CalibrationSettings(camera_um=3.45), rows=3000, cols=4000)
    assert size == (None if expected is None else (pytest.approx(expected), "file-name"))
    assert chosen(name, rows=3000, cols=4000)[0] is None


def test_the_camera_of_a_rule_makes_the_magnification_count():
    rule = CalibrationSettings(rules=(PixelSizeRule("lab2/*", camera_um=6.9),))
    assert chosen("lab2/a_200x.tif", rule)[0] == (pytest.approx(6.9 / 200), "file-name")
    assert chosen("lab1/a_200x.tif", rule)[0] is None


def test_implausible_fields_are_refused_when_stated_and_dropped_when_told():
    for um in (0.001, 100.0):
        with pytest.raises(MicrographError, match="plausible"):
            chosen(calibration=CalibrationSettings(rules=(PixelSizeRule("*", um),)))
        size, (doubt,) = chosen(told=(PixelSize(um, "ome-xml"),))
        assert size is None
        assert "ome-xml" in doubt


def rules(tmp_path, text):
    return calibration_of(tmp_path, text).rules


def calibration_of(tmp_path, text):
    (tmp_path / "gdest.toml").write_text(text)
    return with_pixel_size_rules(GradeSettings(), read_config(tmp_path / "gdest.toml")).calibration


def test_rules_are_read_from_gdest_toml(tmp_path):
    found = rules(
        tmp_path,
        "[[pixel_size]]\nglob = 'a/*'\nmagnification = 200\ncamera_um = 3.45\n"
        "[[pixel_size]]\nglob = '*'\num_per_px = 0.5\ntrust = true\n",
    )
    assert found == (PixelSizeRule("a/*", None, 200, 3.45), PixelSizeRule("*", 0.5, trust=True))
    both = CalibrationSettings(rules=found)
    assert chosen("a/x.tif", both, rows=3000, cols=4000)[0] == (pytest.approx(3.45 / 200), "gdest.toml")
    assert chosen("b/x.tif", both)[0] == (0.5, "gdest.toml")


@pytest.mark.parametrize(
    ("text", "what"),
    [("[[pixel_size]]\num_per_px = 1", "glob is missing"), ("[[pixel_size]]\nglob = '*'", "give um_per_px"),
     ("[[pixel_size]]\nglob = '*'\num_per_px = '0,5'", "is text; write a number with a point"),
     ("[pixel_size]\nglob = '*'", "list of rules"),
     ("[[pixel_size]]\nglob = '*'\nzoom = 2", "unknown key"),
     ("[[pixel_size]]\nglob = 1\num_per_px = 1", "wrong kind"),
     ("[[pixel_size]]\nglob = '*'\num_per_px = -1", "positive"),
     ("[[pixel_size]]\nglob = '*'\nmagnification = 20", "camera")],
)  # fmt: skip
def test_a_wrong_rule_is_one_sentence(tmp_path, text, what):
    with pytest.raises(SettingsError, match=what):
        rules(tmp_path, text)


def test_a_dropped_size_is_said_beside_the_one_that_counts():
    size, (doubt,) = chosen(told=(PixelSize(100.0, "ome-xml"), PixelSize(0.5, "tiff-resolution")))
    assert size == (0.5, "tiff-resolution")
    assert doubt == "100 um/px (ome-xml) left out: it would make the field 1.28e+05 um wide"
    camera = CalibrationSettings(camera_um=3.45)
    size, (doubt,) = chosen("a_2000x.tif", camera, (PixelSize(0.5, "ome-xml"),))
    assert size == (0.5, "ome-xml")
    assert doubt.startswith("0.001725 um/px (file-name) left out")


def test_a_pixel_finer_than_light_resolves_is_for_review_whoever_states_it_but_an_electron_microscope():
    stated = CalibrationSettings(magnification=200, camera_um=3.45)
    size, (doubt,) = chosen(calibration=stated)
    assert size == (pytest.approx(0.01725), "command-line")
    assert doubt.startswith("0.01725 um/px (command-line) is finer than light resolves")
    for source in ("ome-xml", "tiff-resolution"):
        assert len(chosen(told=(PixelSize(0.0499, source),))[1]) == 1
        assert chosen(told=(PixelSize(0.05, source),))[1] == ()
    assert chosen(told=(PixelSize(0.02, "fei-tag"),)) == ((0.02, "fei-tag"), ())
    trusted = CalibrationSettings(rules=(PixelSizeRule("*", 0.02, trust=True),))
    assert len(chosen(calibration=trusted)[1]) == 1


def test_a_resolution_that_is_a_cameras_pitch_is_doubted_and_dropped_for_the_camera_that_is_known():
    bare = (PixelSize(3.45, "tiff-resolution"),)
    size, (doubt,) = chosen(told=bare)
    assert size == (3.45, "tiff-resolution")
    assert "pitch" in doubt
    assert chosen(told=(PixelSize(3.5, "tiff-resolution"),))[1] == ()
    assert chosen(told=(PixelSize(3.45, "ome-xml"),))[1] == ()
    size, (doubt,) = chosen(calibration=CalibrationSettings(camera_um=3.45), told=bare)
    assert size is None
    assert doubt == "3.45 um/px (tiff-resolution) left out: it is the pitch of the camera's pixels"


OBJECTIVES = """
[[objective]]
name = "200x"
um_per_px = 0.3698
calibrated = 2026-03-01
certificate = "SM-17"
glob = "m1/*"
microscope = "left of the door"

[[objective]]
name = "x500"
um_per_px = 0.1479
"""


def test_a_table_of_objectives_gives_the_size_by_the_magnification_in_a_name(tmp_path):
    table = calibration_of(tmp_path, OBJECTIVES)
    first = Objective("200x", 0.3698, "m1/*", "left of the door", date(2026, 3, 1), "SM-17")
    assert table.objectives == (first, Objective("x500", 0.1479))
    for name in ("a_200x.tif", "a x200.tif", "a 200 x.tif", "200:1.tif", "200X/a.tif"):
        assert chosen(f"m1/{name}", table) == ((0.3698, "objective"), ())
    assert chosen("m2/a_500x.tif", table) == ((0.1479, "objective"), ())
    size, (doubt,) = chosen("m2/a_200x.tif", table)
    assert size is None
    assert doubt == "its name says 200x, which no [[objective]] in gdest.toml states"


def test_an_objective_is_compared_with_the_tag_and_goes_before_the_camera(tmp_path):
    table = replace(calibration_of(tmp_path, OBJECTIVES), camera_um=100.0)
    assert chosen("a_500x.tif", table, (PixelSize(0.148, "ome-xml"),)) == ((0.1479, "objective"), ())
    size, (doubt,) = chosen("a_500x.tif", table, (PixelSize(0.3, "ome-xml"),))
    assert size == (0.1479, "objective")
    assert doubt == "pixel sizes disagree: 0.1479 um/px (objective), 0.3 um/px (ome-xml)"
    assert chosen("a_100x.tif", table)[0] == (1.0, "file-name")


@pytest.mark.parametrize(
    ("text", "what"),
    [("name = '200'\num_per_px = 1", "200x"), ("um_per_px = 1", "a name is missing"),
     ("name = '200x'", "a um_per_px is missing"), ("name = '200x'\num_per_px = 0", "positive"),
     ("name = '200x 500x'\num_per_px = 1", "200x"), ("name = '200x'\num_per_px = 1\ncalibrated = '2026'", "wrong kind"),
     ("name = '200x'\num_per_px = 1\n[[objective]]\nname = 'x200'\num_per_px = 2", "stands twice")],
)  # fmt: skip
def test_a_wrong_objective_is_one_sentence(tmp_path, text, what):
    with pytest.raises(SettingsError, match=what):
        calibration_of(tmp_path, "[[objective]]\n" + text)


def test_a_name_of_two_magnifications_is_doubted_where_it_would_count():
    camera = CalibrationSettings(camera_um=3.45)
    assert chosen("200x_500x.tif", camera) == (None, ("its name says 200x and 500x",))
    assert chosen("100x/b_200x.tif", camera, rows=3000, cols=4000)[1][0] == "its name says 100x and 200x"
    assert chosen("100x/b_200x.tif", CalibrationSettings(um_per_px=0.5))[1] == ("its name says 100x and 200x",)
    assert chosen("200x_500x.tif", told=(PixelSize(0.5, "ome-xml"),))[1] == ()


def test_one_stated_size_for_names_of_several_magnifications_is_doubted():
    names = ["a_200x.tif", "b_500x.tif", "c.tif", "sub/d_200x.tif"]

    def doubts(calibration, name="a_200x.tif", told=()):
        mixed = with_mixed_names(GradeSettings(calibration), names).calibration
        return chosen(name, mixed, told)[1]

    stated = CalibrationSettings(um_per_px=0.3698)
    assert doubts(stated) == ("one pixel size is stated for names that say 200x and 500x",)
    assert doubts(stated, "c.tif") == ()
    rule = CalibrationSettings(rules=(PixelSizeRule("sub/*", 0.5), PixelSizeRule("*", 0.3698)))
    assert doubts(rule) == ("one pixel size is stated for names that say 200x and 500x",)
    assert doubts(rule, "sub/d_200x.tif") == ()
    trusted = CalibrationSettings(rules=(PixelSizeRule("*", 0.3698, trust=True),))
    assert with_mixed_names(GradeSettings(trusted), names).calibration == trusted  # else its recipe would change
    both = (Objective("200x", 0.3698), Objective("500x", 0.1479))
    assert doubts(CalibrationSettings(um_per_px=0.3698, objectives=both)) == ()
    assert "disagree" in doubts(CalibrationSettings(um_per_px=0.3698, objectives=both), "b_500x.tif")[0]
