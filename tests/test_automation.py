"""What a nightly job asks of a scan: choosing files, logs, watching, shards."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from scan_fixtures import SETTINGS, put

from gdest.commands import scan
from gdest.commands.merge import run_merge
from gdest.errors import GdestError, OutputError, SettingsError
from gdest.ledger import Ledger
from gdest.records import ImageFile
from gdest.selection import moment_ns
from gdest.settings import GradeSettings, ScanSettings
from gdest.shards import Shard, read_shard
from gdest.watching import Settling

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
    with pytest.raises(SettingsError, match="is no time"):
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
    assert capsys.readouterr().out.splitlines() == [
        "a/0.tif\tgrade\tchanged",
        "a/2.tif\tgone\tno longer in the archive",
        "a/4.tif\tleave\tunchanged",
        "b/1.tif\tgrade\tnew",
        "b/3.tif\tleave\tbeyond --limit",
        "b/5.tif\tleave\texcluded by *5.tif",
    ]
    assert {path: path.read_bytes() for path in (tmp_path / "out").glob("results.*")} == before


def test_the_log_holds_one_json_object_per_line_and_quiet_says_nothing(run, root, tmp_path, capsys, monkeypatch):
    from gdest import console

    (root / "a/0.tif").write_bytes(b"")
    monkeypatch.setattr(console.errors, "quiet", False)
    capsys.readouterr()
    run(ScanSettings(quiet=True, log_file=tmp_path / "log"))
    assert capsys.readouterr() == ("", "")
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [event["event"] for event in events] == ["start", *["micrograph"] * 6, "end"]
    assert {event["file"]: event["status"] for event in events[1:-1]}["a/0.tif"] == "failed"
    assert events[-1]["exit_code"] == 3
    assert all(datetime.fromisoformat(event["time"]).tzinfo for event in events)


def test_the_log_names_the_error_that_stopped_a_scan(tmp_path):
    with pytest.raises(GdestError):
        scan.run_scan(
            [tmp_path / "missing"], tmp_path / "out", SETTINGS, None, options=ScanSettings(log_file=tmp_path / "log")
        )
    (event,) = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert (event["event"], event["exit_code"]) == ("error", 2)
    assert "not a folder" in event["sentence"]


def test_a_folder_that_cannot_be_listed_does_not_count_as_deleted(run, table, root, monkeypatch):
    run()
    real = os.scandir

    def gone(path):
        if str(path) == str(root / "a"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", gone)
        assert run() == (0, 0)
    assert len(table()) == 6
    assert run() == (0, 0)


def test_a_file_that_is_still_growing_is_not_settled(tmp_path):
    path = put(tmp_path, "a.tif", 1)
    files, settling = [ImageFile(path, "a.tif")], Settling(0.05)
    assert settling.settled(files) == []
    time.sleep(0.06)
    path.write_bytes(path.read_bytes() + b"more")
    assert settling.settled(files) == []
    time.sleep(0.06)
    assert settling.settled(files) == files
    assert settling.settled([]) == []


def test_watching_grades_files_as_they_come_until_it_is_stopped(run, root, tmp_path, monkeypatch):
    from gdest import stopping

    stop, finished = stopping.Stop(), []
    monkeypatch.setattr(scan, "heard", lambda: _within(stop))
    options = ScanSettings(watch=True, poll_s=0.05, settle_s=0.1)
    watching = threading.Thread(target=lambda: finished.append(run(options)))
    watching.start()
    try:
        _wait_for(lambda: _rows(tmp_path) == 6)
        put(root, "late.tif", 80)
        _wait_for(lambda: _rows(tmp_path) == 7)
        (root / "a/0.tif").unlink()
        _wait_for(lambda: _rows(tmp_path) == 6)
    finally:
        stop.signal = 15
        watching.join(30)
    assert finished == [(143, 28)]


def _within(stop):
    from contextlib import nullcontext

    return nullcontext(stop)


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


@pytest.mark.parametrize("count", [1, 2, 7])
def test_every_file_belongs_to_exactly_one_shard_and_shards_are_alike_in_size(count):
    names = [f"ordner {i % 9}/ü{i}.tif" for i in range(3000)]
    shards = [Shard(index + 1, count) for index in range(count)]
    assert all(sum(shard.holds(name) for shard in shards) == 1 for name in names)
    sizes = [sum(map(shard.holds, names)) for shard in shards]
    assert max(sizes) - min(sizes) < 0.25 * 3000 / count


def test_a_shard_is_read_from_words_or_from_slurm():
    slurm = {"SLURM_ARRAY_TASK_ID": "12", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "10"}
    assert read_shard("3/8", slurm) == Shard(3, 8)
    assert read_shard(None, slurm) == Shard(3, 4)
    assert read_shard(None, slurm | {"SLURM_ARRAY_TASK_STEP": "2"}) == Shard(2, 4)
    assert read_shard(None, {}) is None
    for words in ("0/4", "5/4", "3", "a/b"):
        with pytest.raises(SettingsError, match="I/N"):
            read_shard(words, {})


def test_merged_shards_are_what_one_scan_would_have_written(run, tmp_path):
    run()
    whole = pd.read_csv(tmp_path / "out/results.csv").drop(columns="graded_at")
    heatmaps = {path.name: path.read_bytes() for path in (tmp_path / "out/heatmaps").rglob("*.png")}
    seen = [run(ScanSettings(shard=Shard(i, 3)))[1] for i in (1, 2, 3)]
    assert sum(seen) == 24
    assert max(seen) < 24
    merged = tmp_path / "merged"
    assert run_merge(merged, sorted((tmp_path / "out/shards").iterdir())) == 0
    pd.testing.assert_frame_equal(pd.read_csv(merged / "results.csv").drop(columns="graded_at"), whole)
    assert {path.name: path.read_bytes() for path in (merged / "heatmaps").rglob("*.png")} == heatmaps


def test_merge_names_the_gaps_and_the_doubles(run, tmp_path, capsys):
    out = tmp_path / "out"
    for i in (1, 2):
        run(ScanSettings(shard=Shard(i, 2)))
    lost, twice = "", ""
    with Ledger.open(out / "shards/1-of-2") as first, Ledger.open(out / "shards/2-of-2") as second:
        recipe = first.recipes()[0].id
        lost, twice = sorted(first.files(recipe))[:2]
        row = next(iter(first.rows(recipe, files=[twice])))
        with second.writing():
            second.record(recipe, row.file, [(row.cells | {"graded_at": "2999"}, row.grade_map)])
        first.mark_gone(recipe, [lost], "now")
    capsys.readouterr()
    assert run_merge(out) == 3
    said = capsys.readouterr().err
    assert f"{lost}: not graded by any shard" in said
    assert f"{twice}: graded by more than one shard" in said
    frame = pd.read_csv(out / "results.csv").set_index("file")
    assert len(frame) == 5
    assert str(frame["graded_at"][twice]) == "2999"


def test_merge_misses_a_whole_shard_and_one_that_was_cut_short(run, tmp_path, capsys):
    run(ScanSettings(shard=Shard(1, 3)))
    run(ScanSettings(shard=Shard(3, 3)))
    with Ledger.open(tmp_path / "out/shards/3-of-3") as shard:
        shard.begin_run(shard.recipes()[0], [Path("x")], "host", "now", "0")
    assert run_merge(tmp_path / "out") == 3
    said = capsys.readouterr().err
    assert "shard 2 of 3 is not there" in said
    assert "3-of-3 is not finished" in said


def test_shards_of_different_settings_and_no_shards_are_refused(run, tmp_path):
    with pytest.raises(OutputError, match="no shards"):
        run_merge(tmp_path / "empty")
    run(ScanSettings(shard=Shard(1, 2)))
    run(ScanSettings(shard=Shard(2, 2)), settings=GradeSettings(stride_px=112))
    with pytest.raises(OutputError, match="other settings"):
        run_merge(tmp_path / "out")
