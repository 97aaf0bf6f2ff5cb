"""Scans that something happens to: bad files, stalled shares, full disks, signals, a second scan, kill -9."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest
from helpers.scan_fixtures import Counting, put

from gdest.core import threads
from gdest.core.errors import ArchiveError, OutputError
from gdest.core.settings import GradeSettings
from gdest.grading import pipeline
from gdest.grading.pipeline import grade_files
from gdest.reports.pictures import picture_names, write_pictures
from gdest.scan import recording, scan
from gdest.scan.ledger import Ledger
from gdest.scan.locking import output_lock


def test_a_file_that_becomes_bad_loses_its_number_and_its_heatmap(run, table, root, tmp_path):
    run()
    (root / "a/0.tif").write_bytes(b"II*\0")
    assert run()[0] == 3
    assert table()["status"]["a/0.tif"] == "failed"
    assert np.isnan(table()["g"]["a/0.tif"])
    assert not (tmp_path / "out/heatmaps/a/0.tif.png").exists()
    assert run() == (3, 0)


def test_a_file_that_changes_while_it_is_read_is_read_again_by_the_next_scan(run, table, root, monkeypatch):
    real = scan.grade_files

    def meddling(*arguments):
        for file, rows in real(*arguments):
            if file.name == "a/4.tif":
                put(root, "a/4.tif", 250)
            yield file, rows

    with monkeypatch.context() as patch:
        patch.setattr(scan, "grade_files", meddling)
        assert run()[0] == 3
    assert "changed while it was read" in table()["reason"]["a/4.tif"]
    assert run() == (0, 4)
    assert table()["status"]["a/4.tif"] == "graded"


def test_an_archive_that_vanishes_while_it_is_read_is_not_said_to_have_changed(scan_once, table, root):
    class PulledOut(Counting):
        def predict(self, parts):
            if root.exists():
                root.rename(root.with_name("elsewhere"))
            return super().predict(parts)

    scan_once(predictor=PulledOut())
    reasons = set(table()["reason"])
    assert "it can no longer be found; the next scan reads it again" in reasons
    assert not any("changed" in reason for reason in reasons)


def test_a_read_that_never_returns_costs_one_row_and_the_next_scan_tries_again(run, table, monkeypatch):
    real, let_go = pipeline.read_micrographs, threading.Event()

    def hangs(file, *arguments):
        if file.name == "a/2.tif":
            let_go.wait(30)
        return real(file, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "read_micrographs", hangs)
        assert run(settings=GradeSettings(read_timeout_s=0.5))[0] == 3
    let_go.set()
    assert "no answer within 0.5 s" in table()["reason"]["a/2.tif"]
    assert (table()["status"] == "graded").sum() == 5
    assert run() == (0, 4)


def test_a_large_file_that_gets_on_is_not_taken_for_a_stalled_one():
    def slow(beats):
        for _ in range(6):
            time.sleep(0.1)
            if beats:
                threads.heartbeat()
        return "done"

    for beats, outcome in ((True, "done"), (False, "stalled")):
        assert list(threads.in_order([beats], slow, lambda _: "stalled", ahead=1, seconds=0.3)) == [(beats, outcome)]


def test_a_share_that_is_gone_stops_the_scan_with_one_sentence(run, root, monkeypatch):
    for i in range(6, 12):
        put(root, f"a/{i}.tif", i)
    let_go = threading.Event()
    monkeypatch.setattr(pipeline, "read_micrographs", lambda *_arguments: let_go.wait(30))
    with pytest.raises(ArchiveError, match="share seems to be gone"):
        run(settings=GradeSettings(read_timeout_s=0.05))
    let_go.set()


def test_a_full_disk_is_one_sentence_and_the_next_scan_goes_on(run, table, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("gdest.core.files.os.replace", full)
        with pytest.raises(OutputError, match="No space left"):
            run()
    assert run()[0] == 0
    assert len(table()) == 6


def test_a_scan_that_fails_ends_the_threads_of_the_network(run, monkeypatch):
    def broken(*_arguments):
        raise OutputError("nothing can be recorded")

    monkeypatch.setattr(recording.Recorder, "add", broken)
    before = set(threading.enumerate())
    with pytest.raises(OutputError) as error:
        run()
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert "gdest network 0" not in left
    assert error.tb  # while a traceback lives, so does what its frames hold


def test_a_ledger_on_a_full_disk_is_one_sentence(run, monkeypatch):
    run()
    real = Ledger.open

    def small(folder, **options):
        ledger = real(folder, **options)
        pages = ledger.database.connection.execute("PRAGMA page_count").fetchone()[0]
        ledger.database.connection.execute(f"PRAGMA max_page_count = {pages}")
        return ledger

    monkeypatch.setattr(Ledger, "open", small)
    with pytest.raises(OutputError, match="full"):
        run(sha256="2" * 64)


def test_no_row_counts_before_its_pictures_are_on_the_disk(run, tmp_path, monkeypatch):
    """A power cut between the two would leave a row without pictures, or with those of an earlier content."""
    record, seen = Ledger.record, []

    def checked(ledger, recipe, state, rows):
        assert all((tmp_path / "out" / name).stat().st_size for name in picture_names(state.name))
        seen.append(state.name)
        return record(ledger, recipe, state, rows)

    def late(row, out):
        time.sleep(0.05)
        write_pictures(row, out)

    monkeypatch.setattr(recording, "write_pictures", late)
    monkeypatch.setattr(recording, "SECONDS_BETWEEN_WRITES", 0.0)
    monkeypatch.setattr(Ledger, "record", checked)
    assert run()[0] == 0
    assert len(seen) == 6


def test_an_output_folder_that_vanishes_is_one_sentence(run, tmp_path, monkeypatch):
    real = scan.grade_files

    def meddling(*arguments):
        for file, rows in real(*arguments):
            shutil.rmtree(tmp_path / "out", ignore_errors=True)
            yield file, rows

    monkeypatch.setattr(scan, "grade_files", meddling)
    with pytest.raises(OutputError, match=r"vanished|Cannot write"):
        run()


def test_few_micrographs_are_in_memory_at_a_time_however_long_the_archive(run, root, monkeypatch):
    for i in range(6, 40):
        put(root, f"a/{i}.tif", i)
    monkeypatch.setattr(pipeline, "FILES_UNDER_WAY", 3)
    monkeypatch.setattr(recording, "DRAW_AHEAD", 4)
    real, read, most = pipeline.read_micrographs, [], 0

    def counted(*arguments):
        nonlocal most
        for micrograph in real(*arguments):
            read.append(weakref.ref(micrograph))
            most = max(most, sum(one() is not None for one in read))
            yield micrograph

    def late(row, out):
        time.sleep(0.02)
        write_pictures(row, out)

    monkeypatch.setattr(pipeline, "read_micrographs", counted)
    monkeypatch.setattr(recording, "write_pictures", late)
    assert run()[0] == 0
    assert len(read) == 40
    assert most <= 3 + 4 + 4


HOLD = """
import pathlib, sys
from gdest.scan import output_lock
with output_lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


def test_a_second_scan_refuses_and_names_the_first_until_that_is_killed(run, tmp_path):
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "out"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout.readline() == "held\n"
    with pytest.raises(OutputError, match=rf"process {first.pid} on \S+ since 20") as error:
        run()
    assert error.value.exit_code == 2
    first.kill()
    first.communicate()
    assert run()[0] == 0


def test_a_scan_holds_its_output_folder_until_it_ends(run, tmp_path, monkeypatch):
    def meddling(*arguments):
        with pytest.raises(OutputError, match="another gdest"), output_lock(tmp_path / "out"):
            pass
        return grade_files(*arguments)

    monkeypatch.setattr(scan, "grade_files", meddling)
    assert run()[0] == 0
    with output_lock(tmp_path / "out"):
        pass
