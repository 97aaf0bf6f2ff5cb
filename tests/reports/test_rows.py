"""The reports of an archive that fits no memory are those of one that does, to the last byte."""

from __future__ import annotations

import json
import sqlite3
from copy import deepcopy

import openpyxl
import pytest
from helpers.table_rows import row

from gdest.core.errors import OutputError
from gdest.reports import rows as rows_of_reports
from gdest.reports.assign import Rules, assign, specimen_rows
from gdest.reports.by_specimen import NOT_OF_SPECIMENS, specimen_groups
from gdest.reports.every import write_reports
from gdest.reports.limits import Limit
from gdest.reports.limits_found import limit_sentences
from gdest.reports.record import Record
from gdest.reports.rows import Spool, StreamedPairs, StreamedRows, those
from gdest.reports.specimen_rules import SpecimenRule

LIMITS = (Limit("g <= 7.3"), Limit("homogeneity", (("file", "b/*"),)), Limit("g_counted >= 6", (), ("specimen",)))
RULES = Rules(SpecimenRule(folder="parent"), LIMITS)
COUNTED = {"g_counted": 7.9, "g_counted_low": 7.7, "g_counted_high": 8.1, "grains_counted": 412.5}
COUNTED |= {"twinned_share": 0.25, "grains_by_half_g": "7.0:10%/40% 8.0:90%/60%", "relative_accuracy_counted": 9.5}
COUNTED |= {"homogeneity_counted": "uniform", "g_largest_grain": 5.0, "intercepts_counted": 71.0}


def table():
    found = [row(f"{folder}/{i}.tif", g=7.5 + i / 4, g_low=7.0 + i / 4) for folder in "ca \u00e9" for i in range(5)]
    found += [row(f"b/{i}.tif", heat="H1", **COUNTED) for i in range(3)]
    found += [row("b/copy.tif", sha256=found[-1]["sha256"]), row("loose.tif", location="rim")]
    found += [row("b/broken.tif", status="failed", g=None, reason="the file is empty", sha256=None)]
    return sorted(found, key=lambda one: one["file"])


def streamed(found):
    return StreamedRows(len(found), lambda: iter(deepcopy(found)))


def record(rows, **cells):
    waiting = [{"file": "c/6.tif", "why": "beyond --limit"}, {"file": "b/1.tif"}]
    return Record(rows, ("/archive",), "fake", "1" * 64, waiting=waiting, **cells)


def written(out, rows, **cells):
    write_reports(record(rows, **cells), RULES, out)
    content = json.loads((out / "run.json").read_text())
    for name in ("reports", "history"):  # times, and hashes of a workbook that holds its time
        del content[name]
    sheets = openpyxl.load_workbook(out / "results.xlsx")
    told = {sheet.title: list(sheet.values) for sheet in sheets if sheet.title not in ("Settings", "Summary")}
    return content, told, (out / "results.csv").read_bytes(), (out / "specimens.csv").read_bytes()


def test_streamed_rows_make_the_reports_that_a_list_makes(tmp_path):
    pictures = {"heatmaps/\u00e9.png": "0" * 64, 'heatmaps/"a".png': "1" * 64}
    listed = written(tmp_path / "listed", table(), pictures=pictures.items())
    lazily = written(tmp_path / "streamed", streamed(table()), pictures=StreamedPairs(lambda: iter(pictures.items())))
    assert listed == lazily
    assert listed[0]["pictures"] == pictures
    assert [one["copy_of"] for one in listed[0]["rows"] if one.get("copy_of")] == ["b/2.tif"]
    assert listed[0]["accepted"]["failures"] > 0


def test_specimens_lie_together_and_in_their_order_whatever_the_order_of_the_rows():
    found = assign(streamed(table()[::-1]), RULES)
    known = assign(table(), RULES)
    assert list(specimen_rows(found, LIMITS)) == specimen_rows(known, LIMITS)
    assert [one["specimen"] for one in specimen_rows(found, ())] == [" ", "a", "b", "c", "\u00e9"]
    assert limit_sentences(found, LIMITS) == limit_sentences(known, LIMITS)


def test_what_is_left_out_on_the_disk_says_nothing_of_a_specimen():
    for name in NOT_OF_SPECIMENS:
        changed = [one | {name: "other"} for one in assign(table(), RULES)]
        assert specimen_rows(changed, LIMITS) == specimen_rows(assign(table(), RULES), LIMITS), name


def test_rows_that_were_not_brought_together_before_are_now():
    plain = [one | {"specimen": "P2" if "c" in one["file"] else None} for one in table()]
    assert [len(group) for group in specimen_groups(streamed(plain))] == [len(g) for g in specimen_groups(plain)]


def test_a_choice_of_rows_is_read_anew_each_time():
    chosen = those(streamed(table()), lambda one: one["status"] == "failed")
    assert len(chosen) == 1
    assert [one["file"] for one in chosen] == [one["file"] for one in chosen] == ["b/broken.tif"]


def test_a_full_disk_for_temporary_files_is_one_sentence(monkeypatch):
    class Full:
        def execute(self, *_words):
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(rows_of_reports.sqlite3, "connect", lambda *_arguments, **_how: Full())
    with pytest.raises(OutputError, match=r"^Rows cannot be kept.*temporary files: database or disk is full\.$"):
        Spool()
