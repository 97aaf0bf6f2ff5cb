"""Scans in several processes: the same results, and a worker that is lost costs no more than it held."""

from __future__ import annotations

import logging
import shutil
import signal

import numpy as np
import pytest
import tifffile
from helpers import worker_networks as networks
from helpers.scan_fixtures import put, results

from gdest.cli.run_scan import run_scan
from gdest.core.errors import ArchiveError, OutputError, WeightsError
from gdest.core.room import Room
from gdest.core.settings import GradeSettings
from gdest.model import EngineChoice
from gdest.scan import graders, processes, scan
from gdest.scan.job import prepare_scan
from gdest.scan.settings import ScanSettings
from gdest.scan.stopping import Stop

GPU, CPU = (EngineChoice("torch", "bf16", device) for device in ("cuda", "cpu"))


@pytest.fixture
def scan_in(root, tmp_path, use, monkeypatch):
    """Scan the archive with so many workers, each with the network of a function in `worker_networks`."""

    def scanned(workers, load=networks.load, out="out", **options):
        use(networks.load())
        monkeypatch.setattr(graders, "load_predictor", load)
        return run_scan([root], tmp_path / out, GradeSettings(), None, None, ScanSettings(workers=workers, **options))

    return scanned


@pytest.fixture
def deadly(root):
    """A micrograph in the archive at which some networks end their process."""
    path = put(root, "a/deadly.tif", 90)
    pixels = tifffile.imread(path)
    pixels[0, :5] = networks.DEADLY
    tifffile.imwrite(path, pixels, resolution=(1e4, 1e4), resolutionunit="CENTIMETER")
    return path


def pictures(out):
    folders = ("heatmaps", "previews", "thumbnails")
    return {
        path.relative_to(out): path.read_bytes() for one in folders for path in (out / one).rglob("*") if path.is_file()
    }


def test_rows_and_pictures_are_the_same_whatever_the_number_of_workers(scan_in, root, tmp_path):
    for i in range(6, 20):
        put(root, f"a/{i}.tif", 5 * i)
    (root / "b" / "bad.tif").write_bytes(b"II*\0")
    pages = np.random.default_rng(1).integers(0, 99, (3, 230, 240), np.uint8)
    tifffile.imwrite(root / "pages.tif", pages, photometric="minisblack")
    codes = [scan_in(workers, out=f"out{workers}") for workers in (1, 2, 3)]
    assert codes == [3, 3, 3]
    first, *others = (tmp_path / f"out{workers}" for workers in (1, 2, 3))
    assert len(pictures(first)) == 3 * (20 + 3)
    for other in others:
        assert pictures(other) == pictures(first)
        assert results(other) == results(first)


def test_a_worker_that_is_killed_costs_no_row(scan_in, root, tmp_path):
    for i in range(6, 30):
        put(root, f"a/{i}.tif", i)
    scan_in(1, out="whole")
    assert scan_in(2, networks.load_killed_once) == 0
    assert results(tmp_path / "out") == results(tmp_path / "whole")
    assert pictures(tmp_path / "out") == pictures(tmp_path / "whole")
    assert list((tmp_path / "out").rglob(".gdest-unfinished-*")) == []


@pytest.mark.usefixtures("deadly")
def test_a_file_that_kills_each_worker_is_named_the_others_are_graded_and_the_next_scan_tries_again(scan_in, table):
    assert scan_in(2, networks.load_killed) == 3
    bad = table().loc["a/deadly.tif"]
    assert bad["status"] == "failed"
    assert bad["reason"] == (
        "the worker that had it was killed (signal 9) twice, the second time with no other file; "
        "the next scan tries again"
    )
    assert (table()["status"] == "graded").sum() == 6
    assert scan_in(2) == 0
    assert table()["status"]["a/deadly.tif"] == "graded"


@pytest.mark.usefixtures("deadly")
def test_a_file_that_crashes_each_worker_is_not_tried_again_and_keeps_no_older_picture(scan_in, table, tmp_path):
    assert scan_in(2) == 0
    picture = tmp_path / "out/heatmaps/a/deadly.tif.png"
    assert picture.exists()
    assert scan_in(2, networks.load_crashing, force=True) == 3
    assert table()["reason"]["a/deadly.tif"] == (
        f"the worker that had it crashed (signal {signal.SIGSEGV}) twice, the second time with no other file"
    )
    assert not picture.exists()
    assert scan_in(2, networks.load_never) == 3  # no worker is started


def test_a_full_disk_in_a_worker_is_one_sentence_and_the_next_scan_goes_on(scan_in, table):
    with pytest.raises(OutputError, match="No space left") as error:
        scan_in(2, networks.load_on_full_disk)
    assert error.value.exit_code == 2
    assert scan_in(2) == 0
    assert len(table()) == 6


def test_an_error_of_a_worker_is_that_of_the_scan_and_a_bug_says_where_it_is(scan_in):
    with pytest.raises(WeightsError, match=r"^These weights are not for grading\.$"):
        scan_in(2, networks.load_wrong_weights)
    with pytest.raises(RuntimeError, match="IndexError in a worker") as bug:
        scan_in(2, networks.load_forgetful)
    assert "worker_networks.py" in str(bug.value)


def test_workers_that_never_start_end_the_scan_with_one_sentence(scan_in):
    with pytest.raises(ArchiveError, match=r"ended \(exit code 3\) while it started; look at the memory"):
        scan_in(2, networks.load_never)


def test_files_that_end_their_workers_one_after_the_other_end_the_scan(scan_in, deadly, monkeypatch):
    monkeypatch.setattr("gdest.scan.feeding.MOST_LOST_IN_A_ROW", 2)
    for i in range(5):
        shutil.copy(deadly, deadly.with_name(f"deadly{i}.tif"))
    with pytest.raises(ArchiveError, match="at 2 files in a row"):
        scan_in(1 + 1, networks.load_killed, include=("*deadly*",))


def test_workers_finish_what_they_hold_when_the_scan_shall_stop(root, tmp_path, use, monkeypatch):
    for i in range(6, 60):
        put(root, f"a/{i}.tif", i)
    use(networks.load())
    monkeypatch.setattr(graders, "load_predictor", networks.load_slow)
    stop, real = Stop(), scan.Recorder.add

    def add(recorder, *about):
        stop.signal = signal.SIGTERM
        real(recorder, *about)

    monkeypatch.setattr(scan.Recorder, "add", add)
    job = prepare_scan([root], tmp_path / "out", GradeSettings(), options=ScanSettings(workers=2))
    outcome = scan.scan_archive(job, stop)
    held = processes.under_way(2) + processes.BESIDE_THOSE_UNDER_WAY
    assert 1 <= outcome.files_read <= 2 * held
    assert outcome.signal == signal.SIGTERM


@pytest.mark.usefixtures("deadly")
def test_all_workers_share_one_room_of_memory_and_a_lost_one_gives_back_what_it_had(scan_in, monkeypatch):
    most = []

    class Small(Room):
        def ask(self, task, count):
            super().ask(task, count)
            most.append(len([one for one in self._lent.values() if one]))

    monkeypatch.setattr(processes, "Room", lambda: Small(1000))
    assert scan_in(2, networks.load_killed) == 3  # else it would wait for ever
    assert len(most) > 10
    assert max(most) == 1


def test_workers_recall_the_grade_maps_of_the_ledger(scan_in, root, table):
    scan_in(2)
    for name in ("a/0.tif", "a/2.tif", "b/1.tif"):
        (root / name).rename(root / name.replace(".tif", ".moved.tif"))
    assert scan_in(2, networks.load_forgetful) == 0
    assert {"a/0.moved.tif", "a/2.moved.tif", "b/1.moved.tif"} <= set(table().index)


def test_what_libraries_warn_of_in_a_worker_is_said_by_the_scan(scan_in, caplog):
    with caplog.at_level(logging.WARNING):
        assert scan_in(2, networks.load_with_a_warning) == 0
    assert [record.getMessage() for record in caplog.records] == ["going on with batches of 8 tiles"] * 2


def test_a_watch_keeps_its_workers_from_one_plan_to_the_next_and_ends_them(root, tmp_path, use, monkeypatch):
    use(networks.load())
    monkeypatch.setattr(graders, "load_predictor", networks.load)
    started, real = [], processes.start_python

    def start(*words, **how):
        started.append(real(*words, **how))
        return started[-1]

    monkeypatch.setattr(processes, "start_python", start)
    job = prepare_scan([root], tmp_path / "out", GradeSettings(), options=ScanSettings(workers=2, watch=True))
    with scan._opened(job, Stop()) as opened:
        for _ in range(2):
            archive = scan.look(job.roots)
            assert opened.carry_out(opened.plan(archive, archive.files)).files_read in (6, 3)
            for i in range(3):
                put(root, f"c/{i}.tif", 70 + i)
        assert [process.poll() for process, _ in started] == [None, None]
    assert [process.poll() for process, _ in started] == [-signal.SIGKILL, -signal.SIGKILL]


@pytest.mark.parametrize(
    ("asked", "engine", "files", "count"),
    [
        *((0, CPU, 900, 1), (0, GPU, 900, 12), (0, GPU, 23, 2), (0, GPU, 1, 1)),
        *((1, GPU, 900, 1), (4, CPU, 900, 4), (4, CPU, 3, 3), (4, CPU, 0, 1)),
    ],
)
def test_by_itself_a_scan_starts_workers_for_a_gpu_only_and_none_that_has_nothing_to_do(
    monkeypatch, asked, engine, files, count
):
    monkeypatch.setattr(processes, "CORES", 12)
    assert processes.worker_count(asked, engine, files) == count


@pytest.mark.slow
def test_the_network_says_the_same_in_workers_to_the_last_byte(drawn, tmp_path):
    outs = [tmp_path / f"out{workers}" for workers in (1, 2)]
    for workers, out in enumerate(outs, start=1):
        run_scan([drawn], out, GradeSettings(count=True), None, None, ScanSettings(workers=workers))
    assert pictures(outs[0]) == pictures(outs[1]) != {}
    assert results(outs[0]) == results(outs[1])


@pytest.fixture
def drawn(tmp_path):
    from gdest.synth import SynthSettings, write_dataset

    list(write_dataset(tmp_path / "drawn", SynthSettings(count=4, seed=27, rows=480, cols=640, workers=1)))
    return tmp_path / "drawn"
