from __future__ import annotations

import re

import openpyxl
import pytest

from gdest.core.errors import SettingsError
from gdest.reports.specimen_rules import (
    IDENTITY,
    ORIGIN_FIELDS,
    Origin,
    specimen_rule,
)


def test_the_names_of_a_specimen_and_what_tells_it_from_others():
    assert ORIGIN_FIELDS == ("specimen", "product", "heat", "order", "location")
    assert IDENTITY == ("specimen", "product", "heat", "order")
    assert Origin("A") == Origin("A", "", "", "", "")


def test_no_section_is_no_rule(tmp_path):
    assert specimen_rule(None, tmp_path) is None


def test_a_folder_names_the_specimen(tmp_path):
    parent = specimen_rule({"folder": "parent"}, tmp_path)
    top = specimen_rule({"folder": "top"}, tmp_path)
    assert parent.origin("furnace/A1/1.tif") == Origin("furnace/A1")
    assert top.origin("furnace/A1/1.tif") == Origin("furnace")
    assert parent.origin("1.tif") is None
    assert top.origin("1.tif") is None


def test_a_regular_expression_names_specimen_and_heat(tmp_path):
    rule = specimen_rule({"regex": r"(?P<heat>H\d+)_(?P<specimen>P\d)?_(?P<order>O\d)?"}, tmp_path)
    assert rule.origin("2026/H77_P3_O1.tif") == Origin("P3", heat="H77", order="O1")
    assert rule.origin("2026/H77_P3_1.tif") == Origin("P3", heat="H77")  # a group that fits nothing names nothing
    assert rule.origin("2026/H77__1.tif") is None
    assert rule.origin("elsewhere.tif") is None


def test_a_list_names_everything_and_reads_windows_paths(tmp_path):
    (tmp_path / "map.csv").write_text(
        "file,specimen,product,heat,order,location,remark\na\\1.tif, P1 ,bar,H1,O1,rim,x\n b.tif ,P2\n",
        encoding="utf-8",
    )
    rule = specimen_rule({"csv": "map.csv"}, tmp_path)
    assert rule.origin("a/1.tif") == Origin("P1", "bar", "H1", "O1", "rim")
    assert rule.origin("b.tif") == Origin("P2")
    assert rule.origin("a/2.tif") is None


def test_a_list_may_say_the_same_twice(tmp_path):
    (tmp_path / "map.csv").write_text("file,specimen\n1.tif,A\n1.tif,A\n")
    assert specimen_rule({"csv": "map.csv"}, tmp_path).origin("1.tif") == Origin("A")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_list_may_be_written_by_any_excel(tmp_path, separator):
    text = separator.join(["file", "specimen", "order"]) + "\r\n" + separator.join(["ä/1.tif", '"P1"', '"O1,; rim"'])
    (tmp_path / "map.csv").write_text(text, encoding="utf-8-sig", newline="")
    rule = specimen_rule({"csv": "map.csv"}, tmp_path)
    assert rule.origin("ä/1.tif") == Origin("P1", order="O1,; rim")


EXACTLY_ONE = "[specimen] takes exactly one of folder, regex or csv."
GROUP = "[specimen] regex needs a group (?P<specimen>...); group names are specimen, product, heat, order, location."
HALF = "[specimen] csv: {}, line 2 needs a file and a specimen."


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({}, EXACTLY_ONE),
        ({"folder": "parent", "csv": "a.csv"}, EXACTLY_ONE),
        ({"folders": "parent"}, EXACTLY_ONE),
        ("folder", EXACTLY_ONE),
        ({"folder": 5}, "[specimen] folder must be text."),
        ({"regex": 5}, "[specimen] regex must be text."),
        ({"folder": "child"}, '[specimen] folder is "parent" (the whole path) or "top" (the first folder).'),
        ({"regex": "a"}, GROUP),
        ({"regex": "(?P<heat>a)"}, GROUP),
        ({"regex": "(?P<specimen>a)(?P<colour>b)"}, GROUP),
        ({"csv": "half.csv"}, HALF.format("{}/half.csv")),
        ({"csv": "nameless.csv"}, HALF.format("{}/nameless.csv")),
        ({"csv": "heads.csv"}, HALF.format("{}/heads.csv")),
        ({"csv": "twice.csv"}, "[specimen] csv: {}/twice.csv, line 3 names 1.tif again, for another specimen."),
        ({"csv": "order.csv"}, "[specimen] csv: {}/order.csv, line 3 names 1.tif again, for another specimen."),
    ],
)
def test_a_wrong_rule_is_one_clear_sentence(tmp_path, section, sentence):
    (tmp_path / "half.csv").write_text("file,specimen\n1.tif,\n")
    (tmp_path / "nameless.csv").write_text("file,specimen\n ,A\n")
    (tmp_path / "heads.csv").write_text("name;piece\n1.tif;A\n")
    (tmp_path / "twice.csv").write_text("file,specimen\n1.tif,A\n1.tif,B\n")
    (tmp_path / "order.csv").write_text("file,specimen,order\n1.tif,A,1\n1.tif,A,2\n")
    with pytest.raises(SettingsError, match=f"^{re.escape(sentence.replace('{}', str(tmp_path)))}$"):
        specimen_rule(section, tmp_path)


@pytest.mark.parametrize(
    ("section", "start"),
    [
        ({"regex": "("}, "[specimen] regex is not a regular expression: missing )"),
        ({"csv": "missing.csv"}, "[specimen] csv: {}/missing.csv cannot be read: "),
        ({"csv": "a.xlsx"}, "[specimen] csv: {}/a.xlsx is not a workbook that can be read"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, section, start):
    (tmp_path / "a.xlsx").write_bytes(b"file,specimen")
    with pytest.raises(SettingsError, match=f"^{re.escape(start.replace('{}', str(tmp_path)))}"):
        specimen_rule(section, tmp_path)


def test_a_table_of_windows_or_a_workbook_lists_specimens_too(tmp_path):
    (tmp_path / "latin.csv").write_bytes("file;specimen\r\nTräger\\1.tif;A\r\n".encode("cp1252"))
    book = openpyxl.Workbook()
    book.active.append(["file", "specimen"])
    book.active.append(["Träger/1.tif", "A"])
    book.save(tmp_path / "a.xlsx")
    for name in ("latin.csv", "a.xlsx"):
        rule = specimen_rule({"csv": name}, tmp_path)
        assert rule.origin("Träger/1.tif").specimen == "A"
