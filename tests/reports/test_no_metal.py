"""A picture without metal has no grain size in what people read, whatever the network read off it."""

from __future__ import annotations

import json
import re

import numpy as np
import openpyxl
import pandas as pd
import pytest
from helpers.predictors import CARD
from helpers.table_rows import row

from gdest.cli.console import print_rows
from gdest.core.grid import tile_grid
from gdest.core.records import GradeMap, ImageFile, Micrograph
from gdest.core.words import NO_METAL
from gdest.grading.pipeline import graded_row
from gdest.reports.assign import Rules
from gdest.reports.certificate_content import content_of
from gdest.reports.every import write_reports
from gdest.reports.heatmap import draw_heatmap, told_of
from gdest.reports.laboratory import Laboratory
from gdest.reports.no_metal import as_shown
from gdest.reports.record import Record

READ_OFF = {"g": 6.66, "g_low": 6.61, "g_high": 6.71, "g_counted": 6.63, "grains_counted": 66.6, "g_intercept": 6.64}
PICTURE = row("photo.jpg", status="review", reason=f"{NO_METAL}, or no grain structure", **READ_OFF)
BLURRED = row("blurred.jpg", status="review", reason="out of focus", **READ_OFF)


@pytest.fixture
def written(tmp_path):
    record = Record([row("steel.tif"), PICTURE, BLURRED], ("/archive",), "fake", "1" * 64)
    return write_reports(record, Rules(), tmp_path), tmp_path


def test_the_workbook_has_no_number_of_it_and_those_of_any_other_row_in_review(written):
    book = openpyxl.load_workbook(written[1] / "results.xlsx")
    for name, there in (("photo.jpg", False), ("blurred.jpg", True)):
        found = {
            cell.value
            for sheet in book
            for line in sheet.iter_rows()
            if any(one.value == name for one in line)
            for cell in line
        }
        assert [value in found for value in READ_OFF.values()] == [there] * len(READ_OFF)
    assert [line[0].value for line in book["Counts"].iter_rows(min_row=2)] == ["blurred.jpg"]


def test_the_gallery_has_no_number_of_it(written):
    page = (written[1] / "index.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    rows = {line[0]: line for line in data["rows"]}
    assert not set(READ_OFF.values()) & set(rows["photo.jpg"])
    assert 6.66 in rows["blurred.jpg"]


def test_a_certificate_lists_it_without_a_number_among_the_fields(written):
    record, folder = written
    content = content_of(record, row("", specimen="P1"), [], Laboratory(), folder)
    told = {cells[0]: cells for cells in content["fields"]}
    assert "6.7" not in told["photo.jpg"] and "6.7" in told["blurred.jpg"]


def test_the_terminal_shows_none(capsys):
    print_rows([PICTURE, BLURRED])
    lines = [line for line in capsys.readouterr().out.splitlines() if "jpg" in line]
    assert ["6.7" in line for line in lines] == [False, True]


def test_results_csv_keeps_what_was_read_off_it(written):
    assert pd.read_csv(written[1] / "results.csv").set_index("file").loc["photo.jpg", "g"] == 6.66


def test_its_pixel_size_and_status_stay_and_a_specimens_row_is_as_it_was():
    shown = as_shown(PICTURE)
    assert (shown["um_per_px"], shown["status"], shown["width_px"], shown["tiles"]) == (0.5, "review", 800, 12)
    assert shown.keys() == PICTURE.keys()
    assert as_shown(row("steel.tif")) == row("steel.tif")


def test_its_heatmap_says_so_in_the_place_of_a_grain_size(monkeypatch, grey):
    grade_map = GradeMap(np.full((1, 1), 6.0, np.float32), tile_grid(224, 224, 224, 224), 1.0, 1)
    micrograph = Micrograph(ImageFile(None, "a.tif"), grey[:224, :224], 1.0, "test", "")
    steel = graded_row(micrograph, grade_map, CARD)
    assert told_of(steel).startswith("G 6.0")
    monkeypatch.setattr("gdest.grading.pipeline.reasons", lambda *_: [f"{NO_METAL}, or no grain structure"])
    photo = graded_row(micrograph, grade_map, CARD)
    assert told_of(photo) == "no metal, or no grain structure, is seen: review"
    with_number, without = (np.asarray(draw_heatmap(one)).astype(int) for one in (steel, photo))
    differs = np.argwhere((with_number != without).any(axis=2))
    assert len(differs) and (np.ptp(differs, axis=0) < (30, 60)).all()  # the G of the one tile, and nothing else
