"""What a nightly job asks of a scan: choosing files, logs, watching."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from helpers.scan_fixtures import SETTINGS, put

from gdest.cli import run_scan as command
from gdest.cli.run_reports import run_report
from gdest.core import terminal
from gdest.core.errors import GdestError, SettingsError
from gdest.core.records import ImageFile
from gdest.scan import stopping
from gdest.scan.archive import Settling
from gdest.scan.journal import Journal
from gdest.scan.selection import moment_ns
from gdest.scan.settings import ScanSettings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def files_in(read):
    return list(read().index)


def test_globs_choose_files_and_those_graded_before_stay_in_the_report(run, table):
    assert run(ScanSettings(include=("a/*",), exclude=("*4.tif",)))[1] == 8
    assert files_in(table) == ["a/0.tif", "a/2.tif"]
    assert run(ScanSettings(include=("b/*",)))[1] == 12
    assert files_in(table) == ["a/0.tif", "a/2.tif", "b/1.tif", "b/3.tif", "b/5.tif"]


def test_a_limit_leaves_the_rest_for_the_next_run(run, table):
    assert run(ScanSettings(limit=4))[1] == 16
    assert len(table()) == 4
    assert run(ScanSettings(limit=4))[1] == 8
    assert len(table()) == 6


def test_since_takes_files_by_their_time(run, table, root):
    for i, name in enumerate(("a/0.tif", "a/2.tif")):
        os.utime(root / name, (time.time() - (i + 2) * 86400,) * 2)
    run(ScanSettings(since="60h"))
    assert files_in(table) == ["a/0.tif", "a/4.tif", "b/1.tif", "b/3.tif", "b/5.tif"]


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("30m", NOW - timedelta(minutes=30)),
        ("2026-11-01T06:00+00:00", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1)),
    ],
)
def test_a_moment_can_be_said_in_several_ways(words, moment):
    assert moment_ns(words, NOW) == int(moment.timestamp() * 1e9)


@pytest.mark.parametrize("words", ["yesterday", "7w", "2026-13-01", "999999999999d"])
def test_a_moment_that_is_none_is_one_sentence(words):
    with pytest.raises(SettingsError, match="is not a date"):
        moment_ns(words, NOW)


def test_a_dry_run_says_what_and_why_and_touches_nothing(run, root, tmp_path, capsys):
    assert run(ScanSettings(dry_run=True))[1] == 0
    assert not (tmp_path / "out").exists()
    run(ScanSettings(include=("a/*",)))
    put(root, "a/0.tif", 99)
    (root / "a/2.tif").unlink()
    before = {path: path.read_bytes() for path in (tmp_path / "out").glob("results.*")}
    capsys.readouterr()
    run(ScanSettings(dry_run=True, exclude=("*5.tif",), limit=2))
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:3] == ["file", "action", "why"]
    assert ["\t".join(line[:3]) for line in lines[1:]] == [
        "a/0.tif\tgrade\tchanged",
        "a/2.tif\tgone\tno longer in the archive",
        "a/4.tif\tleave\tunchanged",
        "b/1.tif\tgrade\tnew",
        "b/3.tif\tleave\tbeyond --limit",
        "b/5.tif\tleave\texcluded by *5.tif",
    ]
    assert {path: path.read_bytes() for path in (tmp_path / "out").glob("results.*")} == before


def test_the_log_holds_one_json_object_per_line_and_quiet_says_nothing(run, root, tmp_path, capsys, monkeypatch):
    (root / "a/0.tif").write_bytes(b"")
    monkeypatch.setattr(terminal.stderr, "quiet", False)
    capsys.readouterr()
    terminal.be_quiet()
    assert run(ScanSettings(log_file=tmp_path / "log"))[0] == 3
    told = f"1 of 6 micrographs failed, need review or have no pixel size: {tmp_path / 'out/results.csv'}\n"
    assert capsys.readouterr() == ("", told)
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [event["event"] for event in events] == ["start", *["micrograph"] * 6, "end"]
    assert {event["file"]: event["status"] for event in events[1:-1]}["a/0.tif"] == "failed"
    assert events[-1]["exit_code"] == 3
    assert all(datetime.fromisoformat(event["time"]).tzinfo for event in events)
    assert run(ScanSettings(log_file=tmp_path / "log"))[0] == 3
    assert capsys.readouterr() == ("", "")  # nothing new: no mail of cron every night


@pytest.mark.parametrize("asked", ["scan", "scan again", "report"])
def test_quiet_names_what_fails_where_that_is_the_exit_code(run, tmp_path, capsys, monkeypatch, asked):
    config = tmp_path / "gdest.toml"
    config.write_text('[[limit]]\nrule = "g >= 14"\non = "micrograph"\n', encoding="utf-8")

    def ended(*, fail_on_reject):
        if asked == "report":
            return run_report(tmp_path / "out", config, fail_on_reject=fail_on_reject)
        return run(ScanSettings(fail_on_reject=fail_on_reject), config=config)[0]

    if asked != "scan":
        run(config=config)
    monkeypatch.setattr(terminal.stderr, "quiet", False)
    terminal.be_quiet()
    capsys.readouterr()
    assert ended(fail_on_reject=True) == 6
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [[f"{'ab'[i % 2]}/{i}.tif", "fail"] for i in (0, 2, 4, 1, 3, 5)]
    assert ended(fail_on_reject=False) == 0
    assert capsys.readouterr().err == ""


def test_the_log_names_the_error_that_stopped_a_scan(tmp_path):
    with pytest.raises(GdestError):
        command.run_scan(
            [tmp_path / "missing"], tmp_path / "out", SETTINGS, None, None, ScanSettings(log_file=tmp_path / "log")
        )
    (event,) = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert (event["event"], event["exit_code"]) == ("error", 2)
    assert "cannot be found" in event["sentence"]


def test_a_folder_that_cannot_be_listed_does_not_count_as_deleted(run, table, root, monkeypatch):
    run()
    real = os.scandir

    def gone(path):
        if str(path) == str(root / "a"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", gone)
        assert run() == (3, 0)  # of what lies there nothing is known
    assert len(table()) == 6
    assert set(table()["unfinished"]) == {"Unfinished: 1 folder could not be listed."}
    assert run() == (0, 0)
    assert table()["unfinished"].isna().all()


def test_a_file_that_is_still_growing_is_not_settled(tmp_path):
    path = put(tmp_path, "a.tif", 1)
    files, settling = [ImageFile(path, "a.tif")], Settling(0.05)
    assert settling.settled(files) == ()
    time.sleep(0.06)
    path.write_bytes(path.read_bytes() + b"more")
    assert settling.settled(files) == ()
    time.sleep(0.06)
    assert settling.settled(files) == tuple(files)
    assert settling.settled([]) == ()


def test_watching_grades_files_as_they_come_and_names_each_until_it_is_stopped(
    run, root, tmp_path, monkeypatch, capsys
):
    stop, finished = stopping.Stop(), []
    monkeypatch.setattr(command, "heard", lambda _tell: nullcontext(stop))
    options = ScanSettings(watch=True, poll_s=0.05, settle_s=0.1)
    watching = threading.Thread(target=lambda: finished.append(run(options)))
    watching.start()
    try:
        _wait_for(lambda: _rows(tmp_path) == 6)
        put(root, "late.tif", 80)
        (root / "broken.tif").write_bytes(b"")
        _wait_for(lambda: _rows(tmp_path) == 8)
        (root / "a/0.tif").unlink()
        _wait_for(lambda: _rows(tmp_path) == 7)
    finally:
        stop.signal = 15
        watching.join(30)
    assert finished == [(143, 28)]
    printed = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("broken.tif: failed") for line in printed) == 1
    said = [line for line in printed if ".tif: graded, G " in line]
    assert [line.partition(":")[0] for line in said] == [
        *(f"a/{i}.tif" for i in (0, 2, 4)),
        *(f"b/{i}.tif" for i in (1, 3, 5)),
        "late.tif",
    ]
    assert all(re.fullmatch(r"\S+: graded, G \d+\.\d \(\d+\.\d\.\.\d+\.\d, 90 %\), \w+", line) for line in said)


def test_a_watched_file_is_named_with_what_is_known_of_it(capsys):
    known = {"file": "a.tif", "status": "graded", "reason": None, "g": 7.26, "g_low": 6.8, "g_high": 7.7}
    for cells in (
        known | {"homogeneity": "uniform"},
        known | {"homogeneity": "duplex:bimodal", "g_low": None, "g_high": None},
        known | {"homogeneity": "unknown", "status": "review", "reason": "out of focus"},
        known | {"homogeneity": None, "status": "failed", "reason": "it is empty", "g": None, "g_low": None},
    ):
        Journal(None, aloud=True).write("micrograph", **cells)
        Journal(None).write("micrograph", **cells)  # a scan of a night names none
    assert capsys.readouterr().err.splitlines() == [
        "a.tif: graded, G 7.3 (6.8..7.7, 90 %), uniform",
        "a.tif: graded, G 7.3, duplex:bimodal",
        "a.tif: review, G 7.3 (6.8..7.7, 90 %), unknown: out of focus",
        "a.tif: failed: it is empty",
    ]


def _rows(tmp_path):
    try:
        return len(pd.read_csv(tmp_path / "out" / "results.csv"))
    except FileNotFoundError:
        return 0


def _wait_for(true):
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
