from __future__ import annotations

import csv
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import numpy as np
import psutil
import pytest
import tifffile

from gdest.core.errors import DataError, SettingsError
from gdest.core.records import ImageFile
from gdest.reading.micrograph import read_micrograph
from gdest.synth.dataset import make_micrograph, write_dataset
from gdest.synth.label_maps import true_g
from gdest.synth.settings import SynthSettings
from gdest.training.labels import read_labels
from gdest.training.study.schemes import GRADE_SETS

SETTINGS = SynthSettings(count=3, g_min=5.0, g_max=8.0, seed=4, rows=256, cols=300, um_per_px=0.5, label_maps=True)


def test_labels_equal_a_recount_of_the_label_maps_and_the_pixel_size_is_in_the_file(tmp_path):
    yielded = list(write_dataset(tmp_path, SETTINGS))
    with (tmp_path / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows == yielded
    assert len(rows) == 3
    for row in rows:
        labels = tifffile.imread(tmp_path / row["label_map"])
        assert labels.shape == (256, 300)
        assert float(row["g"]) == pytest.approx(true_g(labels.astype(np.int32), 0.5), abs=1e-4)
        read = read_micrograph(ImageFile(tmp_path / row["file"], row["file"]))
        assert read.um_per_px == pytest.approx(0.5, rel=1e-3)
        assert (read.rows, read.cols) == (256, 300)


@pytest.mark.parametrize(("family", "faint"), [("mosaic", True), ("contrast", True), ("bright-field", False)])
def test_faint_steps_are_seen_in_etches_without_lines(family, faint, monkeypatch):
    asked = []

    def seen(_image, labels, *, without_lines):
        asked.append(without_lines)
        return np.zeros_like(labels)

    monkeypatch.setattr("gdest.synth.dataset.visible_grains", seen)
    made = make_micrograph(np.random.default_rng(0), 7.0, 128, 128, 1.0, family)
    assert asked == [faint]
    assert made.labels.max() == 0


def test_worker_processes_change_nothing(tmp_path):
    from dataclasses import replace

    list(write_dataset(tmp_path / "one", SETTINGS))
    list(write_dataset(tmp_path / "two", replace(SETTINGS, workers=2)))
    for path in (tmp_path / "one").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


@pytest.mark.parametrize("wrong", [{"count": 0}, {"g_min": 9.0, "g_max": 5.0}, {"rows": 100}, {"um_per_px": 0.0}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(SettingsError):
        SynthSettings(**wrong)


def test_grades_fill_their_folders_evenly_and_the_count_lies_near_the_grade(tmp_path):
    settings = SynthSettings(count=5, grades=(6.0, 9.5), rows=260, cols=300, seed=2)
    rows = list(write_dataset(tmp_path, settings))
    assert [row["file"].split("/")[0] for row in rows] == ["6.0", "9.5", "6.0", "9.5", "6.0"]
    assert all(abs(float(row["g_counted"]) - float(row["g"])) <= 0.25 for row in rows)
    found = read_labels(tmp_path, None)
    assert [item.g for item in found] == [6.0, 9.5, 6.0, 9.5, 6.0]
    (tmp_path / "labels.csv").unlink()
    assert sorted(item.g for item in read_labels(tmp_path, None)) == [6.0, 6.0, 6.0, 9.5, 9.5]


def test_a_picture_too_small_for_its_grade_is_one_sentence(tmp_path):
    with pytest.raises(SettingsError, match=r"too small to show G 0"):
        list(write_dataset(tmp_path, SynthSettings(count=1, grades=(0.0,), rows=224, cols=224)))


def test_the_papers_sets_have_the_papers_counts():
    (seen, count), (unseen, other) = GRADE_SETS["seen"], GRADE_SETS["unseen"]
    assert (count, other) == (242, 668)
    assert len(seen) == 11
    assert not set(seen) & set(unseen)
    assert 10.5 not in unseen


class Dying:
    """A pool of processes of which one is killed, at whatever it does first."""

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def map(self, *_, **__):
        raise BrokenProcessPool
        yield


def test_a_process_that_is_killed_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("gdest.synth.dataset.ProcessPoolExecutor", Dying)
    with pytest.raises(DataError, match="A process that draws micrographs was killed"):
        list(write_dataset(tmp_path, SynthSettings(count=2, workers=2)))


def test_processes_end_with_a_command_that_is_killed(tmp_path):
    command = [sys.executable, "-m", "gdest", "synth", str(tmp_path / "out"), "--count", "500", "--size", "256x256"]
    with subprocess.Popen([*command, "--workers", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        process.stderr.readline()  # of progress, when the first is drawn
        children = psutil.Process(process.pid).children(recursive=True)
        assert len([child for child in children if "spawn_main" in " ".join(child.cmdline())]) == 2
        process.kill()
    assert psutil.wait_procs(children, timeout=20)[1] == []


def test_a_set_may_begin_at_any_number_of_its_seed(tmp_path):
    settings = SynthSettings(count=3, rows=224, cols=224, seed=4)
    whole = list(write_dataset(tmp_path / "whole", settings))
    last = list(write_dataset(tmp_path / "last", replace(settings, count=1, first=2)))
    assert last == whole[2:]
    name = last[0]["file"]
    assert (tmp_path / "last" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
