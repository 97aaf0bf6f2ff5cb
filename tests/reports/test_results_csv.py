from __future__ import annotations

import re

import pandas as pd
import pytest
from helpers.table_rows import row

from gdest.core import csv_file
from gdest.core.errors import OutputError
from gdest.reports.columns import COLUMNS
from gdest.reports.results_csv import write_csv
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS

UNKNOWN = dict.fromkeys(COLUMNS)
TABLE = [
    row("=1+2.tif", g=-1.5, intercepts=70),
    row("unknown.tif", status="uncalibrated", g=None, um_per_px=None),
    UNKNOWN | {"file": "-broken.tif", "status": "failed", "reason": "@empty"},
]


@pytest.fixture
def path(tmp_path):
    write_csv(TABLE, tmp_path / "results.csv")
    return tmp_path / "results.csv"


def test_an_unknown_number_is_empty_and_a_count_beside_it_stays_whole(path):
    header, first, second, third = path.read_text(encoding="utf-8").splitlines()
    assert header == ",".join(COLUMNS)
    by_name = [dict(zip(COLUMNS, line.split(","), strict=True)) for line in (first, second, third)]
    assert [line["tiles"] for line in by_name] == ["12", "12", ""]
    assert [line["intercepts"] for line in by_name] == ["70", "", ""]
    assert [line["g"] for line in by_name] == ["-1.5", "", ""]
    assert {name for name, value in by_name[2].items() if value} == {"file", "status", "reason"}


def test_text_that_looks_like_a_formula_is_inert_and_numbers_stay_numbers(path):
    frame = pd.read_csv(path)
    assert list(frame["file"]) == ["'=1+2.tif", "unknown.tif", "'-broken.tif"]
    assert frame["reason"][2] == "'@empty"
    assert frame["g"][0] == -1.5


@pytest.mark.parametrize("start", [*"=+-@", *"\uff1d\uff0b\uff0d\uff20\ufe66", " =", "\u00a0=", "\ufeff=", "\x00="])
def test_no_start_of_a_formula_reaches_a_spreadsheet(tmp_path, start):
    write_csv([row(f"{start}cmd")], tmp_path / "results.csv")
    assert pd.read_csv(tmp_path / "results.csv")["file"][0] == f"'{start}cmd"


@pytest.mark.parametrize("end", [";", "; ", "\t", "\n", "\n\n ", "\n;"])
def test_a_spreadsheet_that_expects_semicolons_finds_no_formula_either(tmp_path, end):
    write_csv([row("a", specimen=f"P1{end}=cmd")], tmp_path / "results.csv")
    text = (tmp_path / "results.csv").read_text(encoding="utf-8")
    cells = [cell for line in text.splitlines() for cell in re.split("[;\t]", line)]
    assert [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@"))] == []


@pytest.mark.parametrize("text", ["a=1;b-2", "P1 -5", "a;b\nc", "5 % - 6 %"])
def test_signs_within_a_text_are_left_alone(tmp_path, text):
    write_csv([row(text)], tmp_path / "results.csv")
    assert pd.read_csv(tmp_path / "results.csv")["file"][0] == text


@pytest.mark.parametrize(
    ("name", "inert"), [("a\r=cmd", "a\ufffd'=cmd"), ("\rcmd", "\ufffdcmd"), ("a\n=cmd", "a\n'=cmd")]
)
def test_a_line_break_in_a_name_begins_no_row(tmp_path, name, inert):
    write_csv([row(name)], tmp_path / "results.csv")
    assert pd.read_csv(tmp_path / "results.csv")["file"].tolist() == [inert]


def test_specimens_have_their_own_columns(tmp_path):
    table = [{"specimen": "P1", "fields": 3, "g": 7.0}, {"specimen": "P2", "fields": None, "g": None}]
    write_csv(table, tmp_path / "specimens.csv", SPECIMEN_COLUMNS)
    frame = pd.read_csv(tmp_path / "specimens.csv", dtype=str)
    assert list(frame.columns) == list(SPECIMEN_COLUMNS)
    assert (frame["fields"][0], frame["g"][0]) == ("3", "7.0")


def test_a_report_that_cannot_be_written_leaves_the_old_one(path, monkeypatch):
    before = path.read_bytes()

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(csv_file, "_cell", full)
    with pytest.raises(OutputError, match="No space left"):
        write_csv(TABLE[:1], path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.glob(".*")] == []
