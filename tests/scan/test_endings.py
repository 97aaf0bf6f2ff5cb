"""However a scan ends, what was done is recorded and reported first, and the error that ended it is what is told."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from helpers.scan_fixtures import fake_scan, put
from xlsxwriter import Workbook

from gdest.core.errors import ArchiveError, NothingGradedError, OutputError
from gdest.core.files import write_atomically
from gdest.core.settings import GradeSettings
from gdest.grading import pipeline
from gdest.scan import finishing, scan
from gdest.scan.ledger import Ledger
from gdest.scan.settings import ScanSettings
from gdest.scan.stopping import heard


def record_of(tmp_path):
    return json.loads((tmp_path / "out/run.json").read_text())


def ended_after(count, error):
    """Return what grades `count` files like `grade_files` and then raises an error."""
    real = finishing.grade_files

    def grade(*arguments, **how):
        for number, answer in enumerate(real(*arguments, **how)):
            if number == count:
                raise error
            yield answer

    return grade


@pytest.mark.parametrize("error", [ArchiveError("The share is gone."), ZeroDivisionError("a bug")])
def test_an_error_that_ends_a_scan_is_told_after_what_was_done_is_recorded_and_reported(
    run, table, tmp_path, monkeypatch, error
):
    with monkeypatch.context() as patch, pytest.raises(type(error)) as raised:
        patch.setattr(finishing, "grade_files", ended_after(4, error))
        run()
    assert raised.value is error
    assert list(table().index) == ["a/0.tif", "a/2.tif", "a/4.tif", "b/1.tif"]
    assert set(table()["unfinished"]) == {record_of(tmp_path)["rows"][0]["unfinished"]}
    assert "2 files wait to be graded" in table()["unfinished"].iloc[0]
    assert (record_of(tmp_path)["finished"], record_of(tmp_path)["stopped"] != "") == ("", True)
    assert run() == (0, 8)
    assert table()["unfinished"].isna().all()
    assert record_of(tmp_path)["stopped"] == ""


def test_files_whose_pictures_are_drawn_are_recorded_when_another_one_cannot_be(run, table, monkeypatch):
    real = finishing.write_pictures

    def full(row, out):
        if row.micrograph.file.name == "a/4.tif":
            raise OutputError("Cannot write a/4.tif.png: No space left on device.")
        real(row, out)

    with monkeypatch.context() as patch, pytest.raises(OutputError, match=r"a/4\.tif\.png: No space"):
        patch.setattr(finishing, "write_pictures", full)
        run()
    assert {"a/0.tif", "a/2.tif"} <= set(table().index)
    assert "a/4.tif" not in table().index


def test_the_first_error_is_told_when_the_reports_fail_too(run, tmp_path, monkeypatch, capsys):
    def full(*_arguments):
        raise OutputError("Cannot write: the disk is full.")

    with monkeypatch.context() as patch, pytest.raises(ArchiveError, match="share is gone"):
        patch.setattr(finishing, "grade_files", ended_after(4, ArchiveError("The share is gone.")))
        patch.setattr(scan, "export", full)
        run()
    assert "The reports could not be written: Cannot write: the disk is full." in capsys.readouterr().err
    with Ledger.open(tmp_path / "out") as ledger:
        assert ledger.counts(1) == {"graded": 4}


def test_a_workbook_that_is_open_elsewhere_is_named_and_the_others_are_written(run, table, tmp_path, monkeypatch):
    real = os.replace

    def locked(source, target):
        if str(target).endswith(".xlsx"):
            raise PermissionError(errno.EACCES, "Permission denied")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("gdest.core.files.os.replace", locked)
        with pytest.raises(OutputError, match=r"results\.xlsx: Permission denied\. Is the workbook open in Excel\?"):
            run()
    assert len(table()) == 6
    assert (tmp_path / "out/index.html").is_file()
    assert list(record_of(tmp_path)["not_written"]) == ["results.xlsx"]
    assert "results.xlsx" not in record_of(tmp_path)["reports"]
    assert run() == (0, 0)
    assert record_of(tmp_path)["not_written"] == {}
    assert "results.xlsx" in record_of(tmp_path)["reports"]


def test_a_workbook_that_cannot_be_closed_is_one_sentence(run, monkeypatch):
    def full(_book):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Workbook, "_store_workbook", full)
    with pytest.raises(OutputError, match=r"results\.xlsx: No space left on device"):
        run()


def test_when_nothing_can_be_written_the_sentence_says_so_once(run, tmp_path, monkeypatch):
    run()
    (tmp_path / "out/results.csv").unlink()

    def full(_count):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gdest.core.files.secrets.token_hex", full)
    with pytest.raises(OutputError, match=r"^No report could be written\. Cannot write .*results\.csv: No space"):
        run()


def test_the_error_of_a_write_is_told_when_what_is_left_cannot_be_removed_either(tmp_path, monkeypatch):
    def read_only(_path, **_options):
        raise OSError(errno.EROFS, "Read-only file system")

    def full(_path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.unlink", read_only)
    with pytest.raises(OutputError, match="No space left"):
        write_atomically(tmp_path / "a", full)


@pytest.mark.usefixtures("hangup_not_ignored")
def test_a_closed_terminal_ends_a_scan_like_ctrl_c_with_its_own_exit_code(root, tmp_path):
    for i in range(6, 40):
        put(root, f"a/{i}.tif", i)
    process = fake_scan(root, tmp_path / "out")
    for line in process.stderr:
        if "grading" in line:
            process.send_signal(signal.SIGHUP)
            break
    _, said = process.communicate(timeout=60)
    assert process.returncode == 129
    assert "Stopped by SIGHUP; the reports hold what was done." in said
    assert 1 <= len(pd.read_csv(tmp_path / "out/results.csv")) < 40


def test_a_hangup_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with heard() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.asked
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_stalled_share_leaves_the_rows_of_the_files_before_it(run, table, root, monkeypatch):
    for i in range(10, 26):
        put(root, f"z/{i}.tif", i)
    real = pipeline.read_micrographs

    def gone(file, *arguments):
        if file.name.startswith("z/"):
            time.sleep(5)
        return real(file, *arguments)

    with monkeypatch.context() as patch, pytest.raises(ArchiveError, match="share seems to be gone"):
        patch.setattr(pipeline, "read_micrographs", gone)
        run(settings=GradeSettings(read_timeout_s=0.2))
    assert (table()["status"] == "graded").sum() == 6


STREAMS = """
import sys
from gdest.cli.streams import guard_streams
from gdest.core import GdestError
guard_streams()
try:
    for number in range({lines}):
        sys.stdout.write("x" * 999 + "\\n")
        sys.stderr.write("message\\n")
    sys.stdout.flush()
except GdestError as error:
    sys.stderr.write(f"{{error}}\\n")
    sys.exit(2)
"""


@pytest.mark.parametrize("lines", [1, 1000])
@pytest.mark.parametrize(
    ("redirected", "code", "said"),
    [
        (">/dev/full", 2, "Cannot write to standard output: No space left on device."),
        (">&-", 2, "Standard output was closed before all results were written."),
        ("| true", 2, "Standard output was closed before all results were written."),
        (">/dev/null 2>/dev/full", 0, ""),
        (">/dev/null 2>&-", 0, ""),
    ],
)
def test_results_that_do_not_arrive_are_exit_code_2_and_messages_that_do_not_are_nothing(redirected, code, said, lines):
    shell = f'set -o pipefail; "$0" -c "$1" {redirected}'
    script = STREAMS.format(lines=lines)
    if redirected == "| true":
        script = script.replace("guard_streams()\ntry", "guard_streams()\nimport time; time.sleep(0.3)\ntry")
    finished = subprocess.run(
        ["bash", "-c", shell, sys.executable, script], capture_output=True, text=True, check=False
    )
    assert finished.returncode == code
    messages = [line for line in finished.stderr.splitlines() if line != "message"]
    assert messages == ([said] if said else [])


@pytest.mark.parametrize("function", ["ftruncate", "write", "open"])
def test_a_disk_that_is_full_before_a_scan_begins_is_one_sentence(run, monkeypatch, function):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"os.{function}", full)
    with pytest.raises(OutputError, match=r"^Cannot write .*out.*: No space left on device\.$"):
        run()


def test_a_disk_that_knows_no_locks_is_said_to_be_one(run, monkeypatch):
    def unsupported(*_arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with pytest.raises(OutputError, match=r"cannot be locked \(No locks available\)"):
        run()


def test_an_error_is_told_though_the_log_cannot_be_written(run, root, tmp_path):
    for path in root.rglob("*.tif"):
        path.unlink()
    with pytest.raises(NothingGradedError):
        run(ScanSettings(log_file=tmp_path / "no folder" / "log"))
