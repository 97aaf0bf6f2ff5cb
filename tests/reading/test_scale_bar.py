from __future__ import annotations

import importlib.util
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.drawn_steel import steel, with_bar
from PIL import Image

from gdest.core.calibration import CalibrationSettings
from gdest.core.errors import MicrographError
from gdest.reading import scale_bar
from gdest.reading.micrograph import read_micrograph
from gdest.reading.scale_bar import find_scale_bars, length_um, scale_bar_size

NO_OCR = importlib.util.find_spec("rapidocr") is None or importlib.util.find_spec("onnxruntime") is None


@pytest.mark.parametrize("colour", ["red", "blue", "white", "black", "lime"])
def test_a_bar_with_ticks_is_found_and_measured_between_them(rng, colour):
    found = find_scale_bars(with_bar(steel(rng), colour))
    assert found[0].length_px == 200
    assert found[0].ticked


def test_a_plain_bar_is_measured_from_edge_to_edge(rng):
    assert find_scale_bars(with_bar(steel(rng), "white", ticks=False, thick=8))[0].length_px == 201


def test_a_bar_survives_jpeg(rng, tmp_path):
    Image.fromarray(with_bar(steel(rng), "blue")).save(tmp_path / "a.jpg", quality=85)
    with Image.open(tmp_path / "a.jpg") as image:
        assert find_scale_bars(np.asarray(image))[0].length_px == pytest.approx(200, abs=2)


def test_a_bar_is_found_among_thousands_of_short_lines(rng):
    picture = np.full((1600, 1800), 150, np.uint8)
    for row in range(0, 1480, 2):
        for left in range(int(rng.integers(0, 30)), 1700, 60):
            picture[row, left : left + int(rng.integers(36, 50))] = 0
    (bar,) = find_scale_bars(with_bar(picture, 0, thick=6, ticks=False))
    assert (bar.top, bar.bottom, bar.length_px) == (1520, 1525, 201)


def test_a_bar_is_two_to_forty_rows_thick_with_ends_in_line():
    def drawn(thick, shift=0):
        picture = with_bar(np.full((700, 1800), 150, np.uint8), 255, length=900, thick=thick, ticks=False).copy()
        picture[620 + thick // 2 :] = np.roll(picture[620 + thick // 2 :], shift, axis=1)
        return find_scale_bars(picture)

    assert [len(drawn(thick)) for thick in (1, 2, 40, 41)] == [0, 1, 1, 0]
    assert [len(drawn(10, shift)) for shift in (2, 3)] == [1, 0]


def test_steel_without_a_bar_has_none(rng):
    assert find_scale_bars(steel(rng)) == []
    white = steel(rng)
    white[white > 180] = 255  # overexposed grains
    assert find_scale_bars(white) == []


def test_the_length_given_by_the_user_makes_the_pixel_size(rng, tmp_path, as_file):
    Image.fromarray(with_bar(steel(rng), "red")).save(tmp_path / "a.png")
    read = read_micrograph(as_file(tmp_path / "a.png"), CalibrationSettings(scale_bar_um=100.0))
    assert (read.um_per_px, read.um_per_px_source) == (pytest.approx(0.5), "scale-bar")
    assert read_micrograph(as_file(tmp_path / "a.png")).um_per_px is None


@pytest.mark.parametrize("calibration", [{"scale_bar_um": 100.0}, {"read_scale_bar": True}])
def test_a_bar_that_is_asked_for_and_not_found_is_told_where_no_size_is_known(rng, write_tiff, calibration):
    settings = CalibrationSettings(**calibration)
    read = read_micrograph(write_tiff("a.tif", steel(rng), None, photometric="rgb"), settings)
    assert (read.um_per_px, read.doubts) == (None, ("no scale bar was found in the picture",))
    assert read_micrograph(write_tiff("b.tif", steel(rng), 0.5, photometric="rgb"), settings).doubts == ()


def test_a_bar_without_a_number_is_told_as_one(rng, monkeypatch):
    monkeypatch.setattr(scale_bar.TEXT_READER, "texts", lambda _picture: ("x200",))
    told = "no number with a unit was read beside a scale bar"
    assert scale_bar_size(with_bar(steel(rng), "red"), 1, None) == ([], (told,))


def test_a_bar_that_contradicts_the_tag_is_a_doubt(rng, write_tiff):
    file = write_tiff("a.tif", with_bar(steel(rng), "red"), 0.5, photometric="rgb")
    assert read_micrograph(file, CalibrationSettings(scale_bar_um=100.0)).doubts == ()
    (doubt,) = read_micrograph(file, CalibrationSettings(scale_bar_um=50.0)).doubts
    assert "0.5 um/px (tiff-resolution), 0.25 um/px (scale-bar)" in doubt


@pytest.mark.parametrize(
    ("text", "um"),
    [("100 µm", 100.0), ("50um", 50.0), ("100.0μm", 100.0), ("0,2 mm", 200.0), ("20 pm", 20.0), ("500 nm", 0.5),
     ("50 microns", 50.0), ("100", None), ("x200", None), ("0 um", None), ("7/2019 um", None)],
)  # fmt: skip
def test_labels_are_understood_only_with_number_and_unit(text, um):
    assert length_um(text) == (um if um is None else pytest.approx(um))


@pytest.mark.skipif(NO_OCR, reason="the extra ocr is not installed")
@pytest.mark.parametrize(("text", "um"), [("100 um", 100.0), ("50 um", 50.0)])
def test_the_number_beside_the_bar_is_read(rng, text, um):
    (size,), doubts = scale_bar_size(with_bar(steel(rng), "red", text=text), 1, None)
    assert size.um_per_px == pytest.approx(um / 200, rel=0.005)
    assert doubts == ()


def with_line(picture, length, colour="red", row=200):
    """Return a picture with a measuring line from edge to edge."""
    marked = picture.copy()
    marked[row : row + 3, 100 : 100 + length + 1] = {"red": (255, 0, 0), "white": (255, 255, 255)}[colour]
    return marked


@pytest.mark.parametrize(("length", "colour"), [(400, "red"), (100, "red"), (400, "white"), (100, "white")])
def test_a_measuring_line_of_another_length_makes_the_bar_doubtful(rng, length, colour):
    picture = with_bar(steel(rng), "red", ticks=False)
    assert scale_bar_size(picture, 1, 100.0)[1] == ()
    _, (doubt,) = scale_bar_size(with_line(picture, length, colour), 1, 100.0)
    assert doubt == f"several lines may be the scale bar ({max(length + 1, 201)} px, {min(length + 1, 201)} px)"


def test_the_same_bar_twice_and_its_outline_are_no_doubt(rng):
    picture = with_bar(steel(rng), "red", ticks=False)
    assert scale_bar_size(with_line(picture, 202), 1, 100.0)[1] == ()
    outlined = with_bar(with_bar(steel(rng), "black", length=204, thick=11, ticks=False), "white", ticks=False, thick=5)
    assert scale_bar_size(np.roll(outlined, 0), 1, 100.0)[1] == ()


def test_lines_in_the_picture_send_its_row_to_review_unless_the_tag_agrees(rng, write_tiff):
    picture = with_line(with_bar(steel(rng), "red", ticks=False), 400)
    settings = CalibrationSettings(scale_bar_um=100.0)
    assert "several lines" in read_micrograph(write_tiff("a.tif", picture, None, photometric="rgb"), settings).doubts[0]
    assert read_micrograph(write_tiff("b.tif", picture, 100.0 / 401, photometric="rgb"), settings).doubts == ()


@pytest.mark.parametrize(
    ("label", "doubtful"),
    [("100 um", False), ("0.25 mm", False), ("125 um", False), ("500 nm", False), ("L1=100 um", True),
     ("Length 100 um", True), ("87.3 um", True), ("103 um", True)],
)  # fmt: skip
def test_a_label_of_a_measurement_beside_the_line_is_a_doubt(rng, monkeypatch, label, doubtful):
    monkeypatch.setattr(scale_bar.TEXT_READER, "texts", lambda _picture: (label,))
    (size,), doubts = scale_bar_size(with_bar(steel(rng), "red"), 1, None)
    assert size.um_per_px == pytest.approx(length_um(label) / 200)
    assert [label in doubt for doubt in doubts] == [True] * doubtful


@pytest.fixture
def text_reader(monkeypatch):
    """Put a text reader that has loaded nothing yet in the place of the process's own."""
    monkeypatch.setattr(scale_bar, "TEXT_READER", scale_bar.TextReader())
    return scale_bar.TEXT_READER


@pytest.mark.usefixtures("text_reader")
def test_without_the_reader_of_numbers_one_sentence_says_what_to_do(rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(MicrographError, match=r"gdest\[ocr\].*--scale-bar-um"):
        scale_bar_size(with_bar(steel(rng), "red", text="50 um"), 1, None)


def test_threads_load_one_text_reader_and_take_turns_with_it(monkeypatch, text_reader):
    loaded, inside, most_inside = [], [], []

    class RapidOCR:
        def __init__(self, params):
            time.sleep(0.02)
            loaded.append(params)

        def __call__(self, _picture):
            inside.append(1)
            most_inside.append(len(inside))
            time.sleep(0.002)
            inside.pop()
            return SimpleNamespace(txts=("50 um",))

    monkeypatch.setitem(sys.modules, "rapidocr", SimpleNamespace(RapidOCR=RapidOCR))
    pictures = [np.zeros((20, 20, 3), np.uint8)] * 40
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(text_reader.texts, pictures)) == {("50 um",)}
    assert len(loaded) == 1
    assert max(most_inside) == 1
