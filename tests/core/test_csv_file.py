"""CSV files are read back as they were written, in either style, and no spreadsheet of either executes them."""

from __future__ import annotations

import csv
import math
import re
from io import StringIO

import numpy as np
import pytest

from gdest.core.csv_cells import LOOKS
from gdest.core.csv_file import write_csv_lines
from gdest.core.tables import count_csv_lines, number, read_table
from gdest.core.words import CSV_STYLES

NAMES = ["=1+2.tif", "a;b, c.tif", 'say "x".tif', "a\nb.tif", "Größe µ.tif", "'quoted'.tif", "-5.tif"]


@pytest.mark.parametrize("style", CSV_STYLES)
def test_what_is_written_is_read_back_in_either_style(tmp_path, style):
    lines = [(name, -1.5 * place, place, None) for place, name in enumerate(NAMES)]
    write_csv_lines(tmp_path / "a.csv", ["file", "g", "tiles", "reason"], lines, style)
    found = read_table(tmp_path / "a.csv")
    assert [row["file"] for row in found] == NAMES
    assert [number(row["g"]) for row in found] == [line[1] for line in lines]
    assert [(row["tiles"], row["reason"]) for row in found] == [(str(place), "") for place in range(len(NAMES))]
    assert count_csv_lines(tmp_path / "a.csv") == len(NAMES)


def test_a_european_excel_finds_its_mark_semicolons_and_commas(tmp_path):
    lines = [(6.24, 1e-07, 12, "6.24"), (math.nan, np.float32(0.5), np.int64(3), True)]
    write_csv_lines(tmp_path / "a.csv", ["g", "h", "n", "word"], lines, "european")
    assert (tmp_path / "a.csv").read_bytes() == b"\xef\xbb\xbfg;h;n;word\n6,24;1e-07;12;6.24\n;0,5;3;True\n"
    write_csv_lines(tmp_path / "a.csv", ["g", "h", "n", "word"], lines)
    assert (tmp_path / "a.csv").read_bytes() == b"g,h,n,word\n6.24,1e-07,12,6.24\n,0.5,3,True\n"


@pytest.mark.parametrize("written", CSV_STYLES)
@pytest.mark.parametrize("expected", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["", ",", ", ", ";", "; ", "\t", "\n", "\r", "\n,", '",', '";'])
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d", " ="])
def test_no_spreadsheet_finds_a_formula_whatever_separator_it_expects(tmp_path, written, expected, end, start):
    write_csv_lines(tmp_path / "a.csv", ["a", "b"], [(f"P1{end}{start}cmd", "next")], written)
    text = (tmp_path / "a.csv").read_text(encoding="utf-8-sig")
    if expected == LOOKS[written].separator:
        cells = [cell for line in csv.reader(StringIO(text, ""), delimiter=expected) for cell in line]
    else:  # quotes within a cell are nothing to it
        cells = [cell.strip().strip('"') for line in text.splitlines() for cell in line.split(expected)]
    assert "next" in "".join(cells)
    assert [cell for cell in cells if re.match("[=+@\uff1d-]", cell.strip())] == []


@pytest.mark.parametrize(("style", "line"), [("plain", "-1.5,'-1.5"), ("european", "-1,5;'-1.5")])
def test_a_negative_number_is_a_number_and_a_text_like_it_is_not(tmp_path, style, line):
    write_csv_lines(tmp_path / "a.csv", ["g", "file"], [(-1.5, "-1.5")], style)
    assert (tmp_path / "a.csv").read_text("utf-8-sig").splitlines()[1] == line
