"""What lies in the place of a lock or a log and is none stays as it is, and a scan says so before it reads anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gdest.core.errors import OutputError, SettingsError
from gdest.scan.locking import output_lock
from gdest.scan.settings import ScanSettings


def foreign(kind, path, precious):
    """Put at a path what is neither a lock nor a log: a link of two kinds, a pipe, a folder, or another file."""
    path.parent.mkdir(exist_ok=True)
    made = {
        "symlink": lambda: path.symlink_to(precious),
        "dangling": lambda: path.symlink_to(precious.parent / "not there"),
        "hard link": lambda: path.hardlink_to(precious),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "file": lambda: path.write_bytes(precious.read_bytes()),
        "record": lambda: path.write_text('{\n "gdest_run": 1,\n "event": 1}\n'),
    }
    made[kind]()


KINDS = ("symlink", "dangling", "hard link", "pipe", "folder", "file", "record")


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_in_the_place_of_the_lock_is_refused_and_not_written_into(run, root, tmp_path, kind):
    precious, lock = root / "a/0.tif", tmp_path / "out/.gdest.lock"
    foreign(kind, lock, precious)
    before = precious.read_bytes(), lock.lstat().st_size
    with pytest.raises(OutputError, match="is not a lock that gdest wrote"):
        run()
    assert (precious.read_bytes(), lock.lstat().st_size) == before
    assert os.listdir(tmp_path / "out") == [".gdest.lock"]


@pytest.mark.parametrize("content", [b"", b"\0" * 80])
def test_a_lock_that_a_power_cut_or_a_backup_left_keeps_no_scan_from_it(run, tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.gdest.lock").write_bytes(content)
    run()
    (tmp_path / "backup").hardlink_to(tmp_path / "out/.gdest.lock")
    assert run()[0] == 0


def test_an_empty_file_of_two_names_is_no_lock(run, tmp_path):
    (tmp_path / "precious").touch()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.gdest.lock").hardlink_to(tmp_path / "precious")
    with pytest.raises(OutputError, match="is not a lock"):
        run()
    assert (tmp_path / "precious").read_bytes() == b""


def test_the_holder_of_a_lock_commands_no_terminal(tmp_path):
    with output_lock(tmp_path):
        holder = {"process": "\x1b[2J", "host": "a\nb\u202e" * 900, "since": ""}
        (tmp_path / ".gdest.lock").write_text(json.dumps(holder, ensure_ascii=False)[:4000])
        with pytest.raises(OutputError, match="another gdest") as caught, output_lock(tmp_path):
            pass
        (tmp_path / ".gdest.lock").write_text(json.dumps(holder | {"host": "a\nb\u202e" * 90}, ensure_ascii=False))
        with pytest.raises(OutputError, match=r"process \ufffd\[2J on a") as told, output_lock(tmp_path):
            pass
    assert str(caught.value).isprintable() and str(told.value).isprintable()
    assert len(str(told.value)) < 500


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_that_is_something_else_is_refused_before_anything_is_read(run, root, tmp_path, kind):
    precious, log = root / "a/0.tif", tmp_path / "logs/scan.jsonl"
    foreign(kind, log, precious)
    before = precious.read_bytes(), log.lstat().st_size
    with pytest.raises(SettingsError, match=r"--log-file .* is (not a log that|a link to nothing|a folder or a pipe)"):
        run(ScanSettings(log_file=log))
    assert (precious.read_bytes(), log.lstat().st_size) == before
    assert not (tmp_path / "out").exists()


def test_a_log_with_the_name_of_a_micrograph_is_refused(run, root):
    with pytest.raises(SettingsError, match="has the name of a micrograph"):
        run(ScanSettings(log_file=root / "new.TIF"))
    assert not (root / "new.TIF").exists()


def test_a_log_is_appended_to_night_after_night_and_null_is_let_through(run, tmp_path):
    (tmp_path / "log").touch()
    for _ in range(2):
        assert run(ScanSettings(log_file=tmp_path / "log"))[0] == 0
    events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
    assert events.count("start") == events.count("end") == 2
    assert run(ScanSettings(log_file=Path(os.devnull)))[0] == 0


def test_a_log_may_be_a_link_to_a_log_and_what_this_process_writes_to(run, tmp_path):
    log, link = tmp_path / "log", tmp_path / "link"
    log.touch()
    link.symlink_to(log)
    for _ in range(2):
        assert run(ScanSettings(log_file=link))[0] == 0
    assert log.read_text().count('"event": "end"') == 2 and link.is_symlink()
    scan = ("scan", str(tmp_path / "nowhere"), "--out", str(tmp_path / "o"), "--log-file")
    command = [sys.executable, "-m", "gdest", *scan]
    for stream in ("stdout", "stderr"):
        finished = subprocess.run([*command, f"/dev/{stream}"], capture_output=True, text=True, check=False)
        assert '"event": "error"' in getattr(finished, stream)


def test_a_link_does_not_lead_a_log_into_the_scanned_folder(run, root, tmp_path):
    (root / "scan.jsonl").touch()
    (tmp_path / "link").symlink_to(root / "scan.jsonl")
    with pytest.raises(SettingsError, match="cannot go into the scanned folder"):
        run(ScanSettings(log_file=tmp_path / "link"))


def test_a_log_does_not_go_into_the_scanned_folder(run, root):
    with pytest.raises(SettingsError, match="cannot go into the scanned folder"):
        run(ScanSettings(log_file=root / "scan.jsonl"))
    assert not (root / "scan.jsonl").exists()


def test_a_line_that_a_full_disk_cut_short_spoils_no_later_one(run, tmp_path):
    log = tmp_path / "log"
    log.write_text('{"time": "2026-11-27", "event": "start"}\n{"time": "2026')
    assert run(ScanSettings(log_file=log))[0] == 0
    first, cut, *rest = log.read_text().splitlines()
    assert cut == '{"time": "2026'
    assert [json.loads(line)["event"] for line in (first, *rest)][:2] == ["start", "start"]
    assert json.loads(rest[-1])["rows"]["graded"] > 0
