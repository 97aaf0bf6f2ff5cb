from __future__ import annotations

import struct
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import tifffile
from helpers.predictors import FakePredictor

from gdest.core.calibration import CalibrationSettings, Objective, PixelSizeRule
from gdest.core.config import read_config
from gdest.core.errors import MicrographError, SettingsError
from gdest.core.records import PixelSize
from gdest.core.settings import GradeSettings, with_pixel_size_rules
from gdest.grading.pipeline import grade_micrographs
from gdest.reading.micrograph import read_micrograph
from gdest.reading.pixel_size import choose_pixel_size, with_mixed_names

NOTHING = CalibrationSettings()


def chosen(name="a.tif", calibration=NOTHING, told=(), rows=960, cols=1280):
    size, doubts = choose_pixel_size(name, calibration, told, rows, cols)
    return (size.um_per_px, size.source) if size else None, doubts


def tagged(tmp_path, as_file, grey, *tags, name="t.tif"):
    tifffile.imwrite(
        tmp_path / name, grey, extratags=[(*tag, True) for tag in tags], resolution=(72, 72), metadata=None
    )
    read = read_micrograph(as_file(tmp_path / name))
    return read.um_per_px, read.um_per_px_source


def test_a_zeiss_tag_gives_the_size_of_an_image_pixel_not_of_the_scan(tmp_path, as_file, grey):
    text = "\r\n0\r\nAP_PIXEL_SIZE\r\nPixel Size = 319.0 nm\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 159.5 nm\r\n"
    assert tagged(tmp_path, as_file, grey, (34118, 2, 0, text)) == (pytest.approx(0.1595, rel=1e-3), "zeiss-tag")


def test_fei_and_thermo_tags_give_metres(tmp_path, as_file, grey):
    text = "[User]\r\nDate=1\r\n\r\n[Scan]\r\nPixelWidth=2.5e-007\r\nPixelHeight=2.5e-007\r\n"
    assert tagged(tmp_path, as_file, grey, (34682, 2, 0, text)) == (pytest.approx(0.25, rel=1e-3), "fei-tag")


def test_an_olympus_sis_tag_gives_the_size_where_the_resolution_is_a_screens(tmp_path, as_file, grey):
    header = struct.pack("<4s6xhhhhh6x32sH", b"SIS0", 0, 0, 1, 0, 100, b"etch", 1)
    general = struct.pack("<10xhdd8xd2x34s32s", -6, 0.352, 0.352, 20.0, b"camera", b"picture")
    path, here = tmp_path / "t.tif", 0x0BADF00D
    extratags = [(33560, 4, 1, here, True)]
    tifffile.imwrite(path, grey, extratags=extratags, resolution=(72, 72), resolutionunit="INCH", metadata=None)
    content = path.read_bytes()
    assert content.count(struct.pack("<I", here)) == 1
    end = len(content)
    content = content.replace(struct.pack("<I", here), struct.pack("<I", end))
    path.write_bytes(content + header + struct.pack("<hhI", 1, 1, end + len(header) + 8) + general)
    read = read_micrograph(as_file(path))
    assert (read.um_per_px, read.um_per_px_source) == (pytest.approx(0.352, rel=1e-3), "olympus-tag")


def test_nikons_and_leicas_xml_give_the_size(tmp_path, as_file, grey):
    nikon = b'<variant><dCalibration runtype="double" value="0.3225"/></variant>'
    found = tagged(tmp_path, as_file, grey, (65332, 7, len(nikon), nikon))
    assert found == (pytest.approx(0.3225, rel=1e-3), "nikon-tag")
    leica = (
        '<Data><Image><DimensionDescription DimID="X" NumberOfElements="401" Length="200" Unit="um"/>'
        '<DimensionDescription DimID="Y" NumberOfElements="301" Length="150" Unit="um"/></Image></Data>'
    )
    tifffile.imwrite(tmp_path / "l.tif", grey, description=leica, metadata=None)
    read = read_micrograph(as_file(tmp_path / "l.tif"))
    assert (read.um_per_px, read.um_per_px_source) == (pytest.approx(0.5, rel=1e-3), "leica-tag")


def test_ome_xml_in_other_units_counts_and_wins_over_the_resolution(tmp_path, as_file, grey):
    size = {"PhysicalSizeX": 325.0, "PhysicalSizeY": 325.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}
    options = {"resolution": (1e4 / 0.65, 1e4 / 0.65), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(tmp_path / "a.ome.tif", grey, ome=True, metadata={"axes": "YX", **size}, **options)
    read = read_micrograph(as_file(tmp_path / "a.ome.tif"))
    assert (read.um_per_px, read.um_per_px_source) == (pytest.approx(0.325), "ome-xml")
    assert "0.325 um/px (ome-xml), 0.65 um/px (tiff-resolution)" in read.doubts[0]


def test_damaged_tags_say_nothing(tmp_path, as_file, grey):
    assert tagged(tmp_path, as_file, grey, (34682, 2, 0, "[Scan]\r\nPixelWidth=wide\r\n")) == (None, "")
    assert tagged(tmp_path, as_file, grey, (34118, 2, 0, "AP_IMAGE_PIXEL_SIZE\r\nnothing")) == (None, "")


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
     ("[[pixel_size]]\nglob = '*'\num_per_px = 'one'", "wrong kind"), ("[pixel_size]\nglob = '*'", "list of rules"),
     ("[[pixel_size]]\nglob = '*'\nzoom = 2", "unknown key"),
     ("[[pixel_size]]\nglob = '*'\num_per_px = -1", "positive"),
     ("[[pixel_size]]\nglob = '*'\nmagnification = 20", "camera")],
)  # fmt: skip
def test_a_wrong_rule_is_one_sentence(tmp_path, text, what):
    with pytest.raises(SettingsError, match=what):
        rules(tmp_path, text)


def test_a_tag_that_is_not_square_says_nothing(write_tiff):
    pixels = np.zeros((300, 400), np.uint8)
    file = write_tiff("a.tif", pixels, None, resolution=(10000, 9000), resolutionunit="CENTIMETER")
    read = read_micrograph(file)
    assert read.um_per_px is None
    assert read.doubts == ("1 um/px (tiff-resolution) left out: its pixels are not square (1 x 1.111 um)",)


def told_by_tiff(tmp_path, as_file, **options):
    tifffile.imwrite(tmp_path / "t.tif", np.zeros((300, 400), np.uint8), **options)
    read = read_micrograph(as_file(tmp_path / "t.tif"))
    return read.um_per_px, read.doubts


def test_inches_in_an_imagej_file_are_the_bare_resolution_of_another_program(tmp_path, as_file):
    def told(unit, per_unit):
        return told_by_tiff(tmp_path, as_file, imagej=True, resolution=(per_unit,) * 2, metadata={"unit": unit})

    assert told("inch", 1200) == told("cm", 472.44) == (None, ())
    assert told("um", 2.0) == (pytest.approx(0.5), ())
    assert told("inch", 50_800) == (pytest.approx(0.5), ())


def test_a_printers_resolution_that_a_program_made_a_pixel_size_is_left_out_and_said(tmp_path, as_file):
    def told(um):
        size = {f"PhysicalSize{axis}{what}": value for axis in "XY" for what, value in (("", um), ("Unit", "um"))}
        return told_by_tiff(tmp_path, as_file, ome=True, metadata={"axes": "YX", **size})

    um, (doubt,) = told(25_400 / 1200)
    assert um is None
    assert doubt == "21.167 um/px (ome-xml) left out: 1200 dpi is the resolution of a screen, printer or scanner"
    assert told(10.0) == (10.0, ())


def test_a_damaged_tag_is_said_and_one_that_is_empty_is_not(tmp_path, as_file, grey):
    def doubts(text):
        tagged(tmp_path, as_file, grey, (34682, 2, 0, text))
        return read_micrograph(as_file(tmp_path / "t.tif")).doubts

    assert doubts("[Scan]\r\nPixelWidth=wide\r\n") == ("the pixel size (fei-tag) left out: it cannot be read",)
    assert doubts("[Scan]\r\nPixelWidth=0\r\n") == ()


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
    assert doubts(CalibrationSettings(rules=(PixelSizeRule("*", 0.3698, trust=True),))) == ()
    both = (Objective("200x", 0.3698), Objective("500x", 0.1479))
    assert doubts(CalibrationSettings(um_per_px=0.3698, objectives=both)) == ()
    assert "disagree" in doubts(CalibrationSettings(um_per_px=0.3698, objectives=both), "b_500x.tif")[0]
