"""Reports that tell when they are not whole, and that are written again when they are not what was written."""

from __future__ import annotations

import json
import os
import re
from contextlib import nullcontext

import openpyxl
import pandas as pd
import pytest
from helpers.scan_fixtures import put

from gdest.cli.run_reports import run_report
from gdest.core import terminal
from gdest.scan import archive, scan
from gdest.scan.merge import merge_shards
from gdest.scan.settings import ScanSettings
from gdest.scan.shards import Shard
from gdest.scan.stopping import Stop

RULES = """
[specimen]
folder = "top"
[[limit]]
rule = "g >= 1.0"
"""
SENTENCE = "Unfinished, stopped by Ctrl-C: 3 files wait to be graded."


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "gdest.toml"
    path.write_text(RULES)
    return path


@pytest.fixture
def stopped(scan_once, config, monkeypatch):
    """Scan until Ctrl-C after three of the six files, those of `a`; return the outcome."""
    stop, real = Stop(), scan.grade_files

    def three(files, *arguments):
        yield from real([next(files) for _ in range(3)], *arguments)
        stop.signal = 2

    with monkeypatch.context() as patch:
        patch.setattr(scan, "grade_files", three)
        return scan_once(config=config, stop=stop)


def record_of(out):
    return json.loads((out / "run.json").read_text(encoding="utf-8"))


def specimens_of(out):
    return pd.read_csv(out / "specimens.csv").set_index("specimen")


def test_a_scan_that_was_stopped_says_so_on_every_report(stopped, tmp_path):
    out = tmp_path / "out"
    assert stopped.results.unfinished == SENTENCE
    assert set(pd.read_csv(out / "results.csv")["unfinished"]) == {SENTENCE}
    assert set(specimens_of(out)["unfinished"]) == {SENTENCE}
    page = (out / "index.html").read_text(encoding="utf-8")
    assert f'<p class="unfinished" role="alert">{SENTENCE}</p>' in page
    assert re.search(r"\.unfinished \{[^}]*background: #b00020", page)
    cell = openpyxl.load_workbook(out / "results.xlsx")["Summary"]["A2"]
    assert (cell.value, cell.font.color.rgb, cell.font.b) == (SENTENCE, "FFC00000", True)
    record = record_of(out)
    assert [row["file"] for row in record["waiting"]] == ["b/1.tif", "b/3.tif", "b/5.tif"]
    assert (record["ended"], record["finished"]) == ("stopped by Ctrl-C", "")
    assert record["stopped"].startswith("20")


def test_a_scan_that_reached_its_end_says_nothing_of_it(scan_once, config, tmp_path):
    outcome = scan_once(config=config)
    out = tmp_path / "out"
    assert outcome.results.unfinished == ""
    assert pd.read_csv(out / "results.csv")["unfinished"].isna().all()
    assert specimens_of(out)["unfinished"].isna().all()
    assert 'class="unfinished"' not in (out / "index.html").read_text(encoding="utf-8")
    assert openpyxl.load_workbook(out / "results.xlsx")["Summary"]["A2"].value is None
    record = record_of(out)
    assert (record["ended"], record["stopped"], record["waiting"]) == ("", "", [])
    assert record["finished"].startswith("20")


def test_the_terminal_says_it_in_red(run, monkeypatch):
    styles = []
    monkeypatch.setattr(terminal.stderr, "print", lambda line, **how: styles.append((str(line), how.get("style"))))
    run(ScanSettings(limit=4))
    assert ("Unfinished: 2 files wait to be graded (2 beyond --limit).", "bold red") in styles


def test_a_specimen_of_which_a_file_waits_has_no_verdict_and_the_others_keep_theirs(run, config, tmp_path):
    run(ScanSettings(limit=4), config=config)
    specimens = specimens_of(tmp_path / "out")
    assert specimens["fields"].to_dict() == {"a": 3, "b": 1}
    assert specimens["verdict"].fillna("").to_dict() == {"a": "pass", "b": ""}
    assert specimens["verdict_reason"]["b"] == specimens["unfinished"]["b"] == "2 of its files wait to be graded."
    assert run(config=config)[0] == 0
    assert specimens_of(tmp_path / "out")["verdict"].to_dict() == {"a": "pass", "b": "pass"}


def test_an_incomplete_specimen_is_not_rejected(run, config):
    config.write_text(RULES.replace("1.0", "15.0") + 'on = "specimen"\n')
    assert run(ScanSettings(limit=1, fail_on_reject=True), config=config)[0] == 0
    assert run(ScanSettings(fail_on_reject=True), config=config)[0] == 6


def test_a_file_that_changed_and_waits_has_a_row_that_says_so_and_no_verdict(run, config, root, table):
    run(config=config)
    for name in ("a/0.tif", "b/5.tif"):
        put(root, name, 200)
    run(ScanSettings(limit=1), config=config)
    rows = table()
    assert rows["verdict"]["a/0.tif"] == "pass"
    assert rows["verdict"].isna()["b/5.tif"]
    assert rows["unfinished"]["b/5.tif"] == "This file waits to be graded again; the row is of what it was before."
    assert rows["unfinished"]["b/1.tif"] == "Unfinished: 1 file waits to be graded (1 beyond --limit)."


def test_other_rules_find_the_incomplete_specimens_in_the_record_alone(run, config, tmp_path):
    run(ScanSettings(limit=4), config=config)
    config.write_text('[specimen]\nregex = "(?P<specimen>[0-9])"\n[[limit]]\nrule = "g >= 1.0"\non = "micrograph"\n')
    run_report(tmp_path / "out", config, fail_on_reject=False)
    assert set(specimens_of(tmp_path / "out").index) == {0, 1, 2, 4}
    config.write_text(RULES)
    run_report(tmp_path / "out", config, fail_on_reject=False)
    assert specimens_of(tmp_path / "out")["verdict"].fillna("").to_dict() == {"a": "pass", "b": ""}
    run_report(tmp_path / "out", None, fail_on_reject=False)
    assert specimens_of(tmp_path / "out")["verdict"].fillna("").to_dict() == {"a": "pass", "b": ""}


def test_a_shard_is_a_part_and_what_was_joined_is_whole(run, config, tmp_path):
    for i in (1, 2):
        run(ScanSettings(shard=Shard(i, 2)), config=config)
    part = record_of(tmp_path / "out/shards/1-of-2")
    assert len(part["rows"]) + len(part["waiting"]) == 6
    assert {row["why"] for row in part["waiting"]} == {"in other shards"}
    assert merge_shards(tmp_path / "out").results.unfinished == ""
    assert set(specimens_of(tmp_path / "out")["verdict"]) == {"pass"}


def test_what_was_joined_without_a_shard_names_the_files_that_it_lacks(run, config, tmp_path):
    run(ScanSettings(shard=Shard(1, 2)), config=config)
    joined = merge_shards(tmp_path / "out")
    record = record_of(tmp_path / "out")
    assert len(record["rows"]) + len(record["waiting"]) == 6
    assert joined.results.unfinished == (
        f"Unfinished, shard 2 of 2 is not there: {len(record['waiting'])} files wait to be graded."
    )


def test_a_folder_that_one_shard_could_not_list_leaves_the_joined_results_unfinished(run, root, tmp_path, monkeypatch):
    real = os.scandir

    def gone(path):
        if str(path) == str(root / "empty"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    (root / "empty").mkdir()
    run(ScanSettings(shard=Shard(1, 2)))
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", gone)
        run(ScanSettings(shard=Shard(2, 2)))
    assert merge_shards(tmp_path / "out").results.unfinished == "Unfinished: 1 folder could not be listed."


def test_a_watch_names_files_that_are_still_being_written(run, monkeypatch, tmp_path):
    stop = Stop()
    monkeypatch.setattr("gdest.cli.run_scan.heard", lambda _tell: nullcontext(stop))
    monkeypatch.setattr(
        archive.Settling, "settled", lambda _self, files: tuple(one for one in files if one.name != "b/5.tif")
    )
    monkeypatch.setattr(Stop, "wait", lambda self, _seconds: setattr(self, "signal", 15))
    run(ScanSettings(watch=True))
    assert record_of(tmp_path / "out")["waiting"] == [{"file": "b/5.tif", "why": "still being written"}]


@pytest.mark.parametrize("name", ["results.csv", "results.xlsx", "index.html", "run.json", "specimens.csv"])
@pytest.mark.parametrize("damage", [b"", b"x"])
def test_a_report_that_is_not_as_it_was_written_is_written_again(run, config, tmp_path, name, damage):
    run(config=config)
    path = tmp_path / "out" / name
    before = path.read_bytes()
    path.write_bytes(damage if not damage else before[:-1] + damage)
    assert run(config=config) == (0, 0)
    assert path.stat().st_size > len(before) / 2
    assert path.read_bytes() != (damage if not damage else before[:-1] + damage)


@pytest.mark.parametrize("kind", ["heatmaps", "previews", "thumbnails"])
def test_a_picture_of_another_size_is_drawn_again(run, tmp_path, kind):
    run()
    path = next(path for path in (tmp_path / "out" / kind).rglob("*.tif.*"))
    before = path.read_bytes()
    path.write_bytes(b"")
    assert run() == (0, 0)
    assert path.read_bytes() == before


def test_pictures_of_an_earlier_content_go_when_none_are_drawn(run, root, tmp_path):
    run()
    put(root, "a/0.tif", 200)
    run(ScanSettings(heatmaps=False))
    left = {path.name for path in (tmp_path / "out/heatmaps").rglob("*.png")}
    assert left == {f"{i}.tif.png" for i in range(1, 6)}


def test_reports_by_other_limits_are_written_again_by_the_next_scan_with_its_own(run, config, tmp_path):
    run(config=config)
    other = tmp_path / "other.toml"
    other.write_text(RULES.replace("1.0", "15.0"))
    run_report(tmp_path / "out", other, fail_on_reject=False)
    assert set(pd.read_csv(tmp_path / "out/results.csv")["verdict"]) == {"fail"}
    run(config=config)
    assert set(pd.read_csv(tmp_path / "out/results.csv")["verdict"]) == {"pass"}


def test_the_history_is_appended_and_never_replaced(run, config, tmp_path):
    run(ScanSettings(limit=4), config=config)
    run(config=config)
    other = tmp_path / "other.toml"
    other.write_text(RULES.replace("1.0", "15.0"))
    run_report(tmp_path / "out", other, fail_on_reject=False)
    run(config=config)
    history = record_of(tmp_path / "out")["history"]
    assert [entry["occasion"] for entry in history] == ["scan", "scan", "report", "scan"]
    assert [entry["limits"] for entry in history] == [["G >= 1.0"], ["G >= 1.0"], ["G >= 15.0"], ["G >= 1.0"]]
    assert [entry["micrographs"] for entry in history] == [4, 6, 6, 6]
    assert history[0]["unfinished"].startswith("Unfinished: 2 files") and history[1]["unfinished"] == ""
    assert all(entry["by"] and entry["host"] and entry["written"].startswith("20") for entry in history)


def test_the_history_goes_on_after_an_editor_laid_out_the_record_otherwise(run, config, tmp_path):
    run(config=config)
    content = record_of(tmp_path / "out")
    (tmp_path / "out/run.json").write_text(json.dumps(content))
    run(config=config)
    assert record_of(tmp_path / "out")["history"][:1] == content["history"]
    assert len(record_of(tmp_path / "out")["history"]) == 2


def test_a_record_that_cannot_be_read_is_kept_and_the_history_says_so(run, config, tmp_path):
    run(config=config)
    (tmp_path / "out/run.json").write_text('{"gdest_run": 1, "hist')
    run(config=config)
    (entry,) = record_of(tmp_path / "out")["history"]
    (kept,) = (tmp_path / "out").glob("run.unreadable-*.json")
    assert kept.read_text() == '{"gdest_run": 1, "hist'
    assert kept.name in entry["note"]


def test_a_report_by_other_limits_keeps_the_rules_by_which_was_graded(run, config, tmp_path):
    config.write_text('[[pixel_size]]\nglob = "x/*"\num_per_px = 0.5\n' + RULES)
    run(config=config)
    other = tmp_path / "other.toml"
    other.write_text('[[limit]]\nrule = "g >= 2.0"\n[[pixel_size]]\nglob = "*"\num_per_px = 9.0\n')
    run_report(tmp_path / "out", other, fail_on_reject=False)
    sections = record_of(tmp_path / "out")["sections"]
    assert sections["pixel_size"] == [{"glob": "x/*", "um_per_px": 0.5}]
    assert sections["limit"] == [{"rule": "g >= 2.0"}]
