"""Scans of an archive that changes, with a predictor that needs no network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from conftest import FakePredictor

from gdest import cluster, patience, pipeline
from gdest.commands import exporting, recording, scan
from gdest.errors import ArchiveError, OutputError
from gdest.ledger import Ledger
from gdest.model_file import ModelFile
from gdest.reports.pictures import PICTURE_FOLDERS, picture_names, write_pictures
from gdest.settings import GradeSettings, ScanSettings

SETTINGS = GradeSettings()
KILLED = Path(__file__).parent / "benchmarks" / "fake_scan.py"


class Counting(FakePredictor):
    """Say a G that follows from the pixels, and count the tiles that were seen."""

    def __init__(self):
        super().__init__(lambda tiles: 5.0 + tiles.mean(axis=(1, 2)) / 50)
        self.seen = 0

    def predict(self, parts):
        self.seen += sum(map(len, parts))
        return super().predict(parts)


def put(root, name, level, um_per_px=1.0):
    pixels = np.random.default_rng(level).integers(0, 50 + level // 2, (230, 240), dtype=np.uint8)
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, resolution=(1e4 / um_per_px,) * 2, resolutionunit="CENTIMETER")
    return path


@pytest.fixture
def root(tmp_path):
    for i in range(6):
        put(tmp_path / "archive", f"{'ab'[i % 2]}/{i}.tif", 10 * i)
    return tmp_path / "archive"


@pytest.fixture
def run(root, tmp_path, monkeypatch):
    """Scan the archive; return the exit code and the number of tiles that the network saw."""

    def scanned(options=ScanSettings(), settings=SETTINGS, sha256="0" * 64):
        predictor = Counting()
        predictor.sha256 = sha256
        model = ModelFile(Path("fake"), "fake", sha256, predictor.card)
        monkeypatch.setattr(scan, "read_model_file", lambda _path: model)
        monkeypatch.setattr(scan, "load_predictor", lambda *_arguments: predictor)
        code = scan.run_scan([root], tmp_path / "out", settings, None, options=options)
        return code, predictor.seen

    return scanned


@pytest.fixture
def table(tmp_path):
    return lambda: pd.read_csv(tmp_path / "out" / "results.csv").set_index("file")


def test_an_unchanged_archive_is_not_read_again(run, table, tmp_path):
    assert run() == (0, 24)
    before = (tmp_path / "out" / "results.csv").read_bytes()
    assert run() == (0, 0)
    assert (tmp_path / "out" / "results.csv").read_bytes() == before
    assert len(table()) == 6


def test_every_page_of_a_moved_file_keeps_its_own_answer(run, table, root):
    pages = [np.random.default_rng(i).integers(0, 60 + 90 * i, (230, 240), dtype=np.uint8) for i in range(2)]
    tifffile.imwrite(root / "two.tif", np.stack(pages), resolution=(1e4, 1e4), resolutionunit="CENTIMETER")
    assert run()[0] == 0
    first = table()["g"]
    assert abs(first["two.tif"] - first["two.tif#2"]) > 0.5
    (root / "two.tif").rename(root / "renamed#1.tif")
    assert run() == (0, 0)
    second = table()["g"]
    assert (second["renamed#1.tif"], second["renamed#1.tif#2"]) == (first["two.tif"], first["two.tif#2"])


def test_new_changed_moved_and_deleted_files_are_told_apart(run, table, root, tmp_path, capsys):
    run()
    first = table()
    put(root, "new.tif", 77)
    put(root, "a/0.tif", 200)
    (root / "c").mkdir()
    (root / "a/2.tif").rename(root / "c/moved.tif")
    (root / "b/1.tif").unlink()
    capsys.readouterr()
    assert run() == (0, 8)  # the moved one is read, but the network does not see it
    assert "6 files: 1 new, 1 moved, 1 changed, 3 unchanged, 1 deleted" in capsys.readouterr().err
    second = table()
    assert list(second.index) == ["a/0.tif", "a/4.tif", "b/3.tif", "b/5.tif", "c/moved.tif", "new.tif"]
    assert second["g"]["c/moved.tif"] == first["g"]["a/2.tif"]
    assert second["g"]["a/0.tif"] > first["g"]["a/0.tif"] + 0.5
    assert (tmp_path / "out/heatmaps/c/moved.tif.png").is_file()


def test_moved_files_keep_their_grades_with_a_cluster_too(run, root, monkeypatch):
    run()
    (root / "a/2.tif").rename(root / "b/moved.tif")
    put(root, "new.tif", 77)
    asked = []

    class Cluster:
        def __init__(self, *_arguments):
            pass

        def grade(self, files):
            return ((file, asked.append(file.name) or []) for file in files)

        def close(self):
            pass

    monkeypatch.setattr(cluster, "Cluster", Cluster)
    assert run(ScanSettings(engine="ray"))[1] == 0
    assert asked == ["new.tif"]


def test_a_file_written_anew_with_the_same_bytes_is_read_but_not_graded(run, root):
    run()
    os.utime(root / "a/0.tif", ns=(1, 1))
    assert run() == (0, 0)
    assert run() == (0, 0)


@pytest.mark.parametrize("clock", [1e9, 4e9], ids=["back-to-2001", "ahead-in-2096"])
def test_a_clock_that_goes_wrong_loses_no_change_and_grades_nothing_twice(run, table, root, monkeypatch, clock):
    run()
    first = table()
    written = put(root, "a/0.tif", 200)
    os.utime(written, (clock, clock))
    said = datetime.fromtimestamp(clock, UTC).isoformat(timespec="seconds")
    for module in (scan, pipeline, exporting):
        monkeypatch.setattr(module, "now", lambda: said)
    assert run() == (0, 4)
    second = table()
    assert second["g"]["a/0.tif"] > first["g"]["a/0.tif"] + 0.5
    assert second["graded_at"]["a/0.tif"] == said
    assert second.drop(index="a/0.tif").equals(first.drop(index="a/0.tif"))
    assert run() == (0, 0)


def test_other_settings_another_model_and_force_grade_again_and_the_old_results_stay(run, tmp_path):
    run()
    assert run(settings=GradeSettings(stride_px=112))[1] == 24
    assert run(settings=GradeSettings(batch=3, device="cpu"))[1] == 0
    assert run(sha256="1" * 64)[1] == 24
    assert run(ScanSettings(force=True))[1] == 24
    with Ledger.open(tmp_path / "out") as ledger:
        assert [len(list(ledger.rows(recipe.id))) for recipe in ledger.recipes()] == [6, 6, 6]
        assert [recipe.settings["stride_px"] for recipe in ledger.recipes()] == [224, 112, 224]


def test_a_heatmap_that_is_missing_is_drawn_again_without_the_network(run, tmp_path):
    run(ScanSettings(heatmaps=False))
    assert not (tmp_path / "out/heatmaps").exists()
    assert run() == (0, 0)
    drawn = sorted(path.name for path in (tmp_path / "out/heatmaps").rglob("*.png"))
    assert drawn == [f"{i}.tif.png" for i in range(6)]
    assert run() == (0, 0)


@pytest.mark.parametrize("kind", PICTURE_FOLDERS)
def test_a_single_picture_that_was_deleted_comes_back(run, tmp_path, kind):
    run()
    lost = next(path for path in (tmp_path / "out" / kind).rglob("*.*") if path.is_file())
    lost.unlink()
    run()
    assert lost.is_file()


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


def test_a_read_that_never_returns_costs_one_row_and_the_next_scan_tries_again(run, table, monkeypatch):
    from gdest import pipeline

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
                patience.alive()
        return "done"

    for beats, outcome in ((True, "done"), (False, "stalled")):
        assert list(patience.in_order([beats], slow, lambda _: "stalled", ahead=1, seconds=0.3)) == [(beats, outcome)]


def test_a_share_that_is_gone_stops_the_scan_with_one_sentence(run, root, monkeypatch):
    from gdest import pipeline

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
        patch.setattr("gdest.archive.os.replace", full)
        with pytest.raises(OutputError, match="No space left"):
            run()
    assert run()[0] == 0
    assert len(table()) == 6


def test_a_ledger_on_a_full_disk_is_one_sentence(run, monkeypatch):
    run()
    real = Ledger.open

    def small(folder, **options):
        ledger = real(folder, **options)
        pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
        ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
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
    import shutil

    real = scan.grade_files

    def meddling(*arguments):
        for file, rows in real(*arguments):
            shutil.rmtree(tmp_path / "out", ignore_errors=True)
            yield file, rows

    monkeypatch.setattr(scan, "grade_files", meddling)
    with pytest.raises(OutputError, match=r"vanished|Cannot write"):
        run()


def test_few_micrographs_are_in_memory_at_a_time_however_long_the_archive(run, root, monkeypatch):
    import weakref

    from gdest import pipeline
    from gdest.commands.recording import DRAW_AHEAD

    for i in range(6, 90):
        put(root, f"a/{i}.tif", i)
    real, read, most = pipeline.read_micrographs, [], 0

    def counted(*arguments):
        nonlocal most
        for micrograph in real(*arguments):
            read.append(weakref.ref(micrograph))
            most = max(most, sum(one() is not None for one in read))
            yield micrograph

    monkeypatch.setattr(pipeline, "read_micrographs", counted)
    assert run()[0] == 0
    assert len(read) == 90
    assert most <= pipeline.FILES_UNDER_WAY + DRAW_AHEAD + 4


def fake_scan(root, out, **options):
    command = [sys.executable, str(KILLED), str(root), str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, **options)


def results(out):
    frame = pd.read_csv(out / "results.csv").drop(columns="graded_at")
    pictures = {path.relative_to(out).as_posix(): path.read_bytes() for path in (out / "heatmaps").rglob("*.png")}
    return frame.to_csv(), pictures


def test_a_second_scan_refuses_and_names_the_first(root, tmp_path):
    first = fake_scan(root, tmp_path / "out", preexec_fn=None)
    for line in first.stderr:
        if "grading" in line:
            break
    first.send_signal(signal.SIGSTOP)
    second = fake_scan(root, tmp_path / "out")
    said = second.communicate(timeout=60)[1]
    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=60)
    assert second.returncode == 2
    assert f"process {first.pid} on " in said
    assert "since 20" in said
    assert first.returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_keep_what_was_done_and_say_so_by_the_exit_code(root, tmp_path, number, code):
    for i in range(6, 60):
        put(root, f"a/{i}.tif", i)
    process = fake_scan(root, tmp_path / "out", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    for line in process.stderr:
        if "grading" in line:
            process.send_signal(number)
            break
    process.communicate(timeout=60)
    assert process.returncode == code
    assert 1 <= len(pd.read_csv(tmp_path / "out" / "results.csv")) < 60


def test_a_scan_killed_at_random_moments_ends_with_the_results_of_an_undisturbed_one(root, tmp_path):
    import random
    import time

    for i in range(6, 60):
        put(root, f"a/{i}.tif", i)
    began = time.monotonic()
    assert fake_scan(root, tmp_path / "whole").wait(120) == 0
    seconds = time.monotonic() - began
    moments = random.Random(7)
    for _ in range(3):
        process = fake_scan(root, tmp_path / "out")
        time.sleep(moments.uniform(0.3, 1.0) * seconds)
        process.kill()
        process.communicate()
    assert fake_scan(root, tmp_path / "out").wait(120) == 0
    assert results(tmp_path / "out") == results(tmp_path / "whole")
    assert list((tmp_path / "out").rglob(".gdest-unfinished-*")) == []
