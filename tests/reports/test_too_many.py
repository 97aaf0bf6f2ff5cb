"""Workbook and gallery say where to read rows that are more than Excel and a browser hold, and show no part of them."""

from __future__ import annotations

import json
import re

import openpyxl
import pytest
from helpers.table_rows import row

from gdest.reports import gallery, sheets
from gdest.reports.assign import Rules
from gdest.reports.every import write_reports
from gdest.reports.limits import Limit
from gdest.reports.record import Record

RULES = Rules(None, (Limit("g >= 5.0"),))


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write the reports of so many micrographs, each of a specimen, where Excel and the browser hold three rows."""
    monkeypatch.setattr(sheets, "MOST_ROWS", 3)
    monkeypatch.setattr(gallery, "MOST_ROWS", 3)

    def write(count):
        table = [row(f"{i}.tif", specimen=f"P{i}", status="graded" if i else "review") for i in range(count)]
        write_reports(Record(table, ("/archive",), "fake", "1" * 64), RULES, tmp_path)
        page = (tmp_path / "index.html").read_text(encoding="utf-8")
        return openpyxl.load_workbook(tmp_path / "results.xlsx"), page

    return write


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_a_table_that_fits_is_whole(written):
    book, page = written(3)
    assert [book[name].max_row for name in ("Micrographs", "Specimens", "Problems")] == [4, 4, 2]
    assert (len(data_of(page)["rows"]), len(data_of(page)["specimens"])) == (3, 3)
    assert "A browser holds" not in page


def test_one_row_more_is_told_and_the_rest_of_the_workbook_is_there(written):
    book, page = written(4)
    for name, report in (("Micrographs", "results.csv"), ("Specimens", "specimens.csv")):
        assert [cell.value for cell in book[name][1] if cell.value] == [
            f"4 rows, of which a sheet of Excel holds 3: see {report}."
        ]
        assert book[name].max_row == 1
    assert [cell.value for cell in book["Problems"]["A"]][1:] == ["0.tif"]  # which are few enough
    summary = [cell.value for line in book["Summary"].iter_rows() for cell in line if cell.value is not None]
    assert "G >= 5.0, applies to 4 micrographs, 4 specimens" in summary
    assert (data_of(page)["rows"], data_of(page)["specimens"]) == ([], [])
    assert "A browser holds 3 of them, so none are shown here: read results.csv" in page
    assert "4 micrographs" in page and "applies to 4 micrographs" in page
