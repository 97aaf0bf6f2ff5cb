"""Scans of an archive that changes."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime

import numpy as np
import pytest
import tifffile
from helpers.scan_fixtures import put

from gdest.core.calibration import CalibrationSettings
from gdest.core.errors import SettingsError
from gdest.core.settings import GradeSettings
from gdest.grading import pipeline
from gdest.model import EngineChoice
from gdest.reports.pictures import PICTURE_FOLDERS
from gdest.scan import cluster, exporting, job, scan
from gdest.scan.feeding import Ready
from gdest.scan.ledger import Ledger
from gdest.scan.settings import ScanSettings


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
    assert "6 files: 1 new, 1 moved, 1 changed, 3 unchanged, 1 deleted (b/1.tif)\n" in capsys.readouterr().err
    second = table()
    assert list(second.index) == ["a/0.tif", "a/4.tif", "b/3.tif", "b/5.tif", "c/moved.tif", "new.tif"]
    assert second["g"]["c/moved.tif"] == first["g"]["a/2.tif"]
    assert second["g"]["a/0.tif"] > first["g"]["a/0.tif"] + 0.5
    assert (tmp_path / "out/heatmaps/c/moved.tif.png").is_file()


def test_deleted_files_are_named_in_the_plan_and_in_the_history_of_the_record(run, root, tmp_path, capsys):
    for number in range(20):
        put(root, f"d/{number:02}.tif", number)
    run()
    shutil.rmtree(root / "d")
    (root / "a/2.tif").unlink()
    capsys.readouterr()
    run()
    names = "a/2.tif, d/00.tif, d/01.tif, d/02.tif, d/03.tif"
    assert f"5 files: 5 unchanged, 21 deleted ({names} and 16 more)\n" in capsys.readouterr().err
    run(ScanSettings(force=True))
    history = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["history"]
    assert [entry.get("files_deleted") for entry in history] == [None, 21, None]
    assert history[1]["deleted"] == ["a/2.tif", *(f"d/{number:02}.tif" for number in range(19))]


def test_of_two_files_alike_one_was_moved_and_the_other_is_named_as_deleted(run, root, capsys):
    for name in ("a/one.tif", "a/two.tif"):
        shutil.copy(root / "a/2.tif", root / name)
        os.utime(root / name, (1e9, 1e9))
    run()
    (root / "a/two.tif").unlink()
    (root / "a/one.tif").rename(root / "b/one.tif")
    capsys.readouterr()
    run()
    assert "1 moved, 6 unchanged, 1 deleted (a/two.tif)\n" in capsys.readouterr().err


def test_moved_files_keep_their_grades_with_a_cluster_too(run, root, monkeypatch):
    run()
    (root / "a/2.tif").rename(root / "b/moved.tif")
    put(root, "new.tif", 77)
    asked = []

    class Cluster:
        size = 1

        def __init__(self, _make, _settings, finisher, _address):
            self.told, self.finisher = [Ready()], finisher

        def start(self):
            return 0

        def takes(self, held):
            return 9 - held

        def give(self, _worker, files):
            asked.extend(file.name for file in files)
            self.told += [self.finisher.told(file, []) for file in files]

        def hear(self):
            while self.told:
                yield 0, self.told.pop()

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


COUNT = GradeSettings(count=True)


def overlays(tmp_path):
    return sorted(path.name for path in (tmp_path / "out/overlays").rglob("*.png"))


@pytest.mark.usefixtures("counting")
def test_counting_is_part_of_the_recipe_and_its_pictures_go_when_it_is_left(run, table, tmp_path):
    run()
    assert table()["g_counted"].isna().all() and not overlays(tmp_path)
    assert run(settings=COUNT) == (0, 24)
    assert table()["g_counted"].tolist() == [7.123] * 6
    assert overlays(tmp_path) == [f"{i}.tif.png" for i in range(6)]
    assert run(settings=COUNT) == (0, 0)
    run(ScanSettings(force=True))
    assert table()["g_counted"].isna().all() and not overlays(tmp_path)


@pytest.mark.usefixtures("counting")
def test_an_overlay_that_was_deleted_comes_back(run, tmp_path):
    run(settings=COUNT)
    lost = next((tmp_path / "out/overlays").rglob("*.png"))
    lost.unlink()
    run(settings=COUNT)
    assert lost.is_file()


@pytest.mark.usefixtures("counting")
def test_a_moved_file_is_counted_again_since_only_its_grades_are_remembered(run, table, root):
    run(settings=COUNT)
    (root / "a/2.tif").rename(root / "moved.tif")
    assert run(settings=COUNT) == (0, 4)
    assert table()["g_counted"]["moved.tif"] == 7.123


def test_a_limit_on_what_is_counted_needs_the_count(run, tmp_path):
    config = tmp_path / "gdest.toml"
    config.write_text('[[limit]]\nrule = "g_counted >= 5"\n')
    with pytest.raises(
        SettingsError, match=r'gdest\.toml: the limit "g_counted >= 5" cannot be decided with --no-count\.$'
    ):
        run(config=config)
    assert run(settings=COUNT, config=config)[1] == 24


@pytest.mark.parametrize("kind", sorted({*PICTURE_FOLDERS} - {"overlays", "layers"}))
def test_a_single_picture_that_was_deleted_comes_back(run, tmp_path, kind):
    run()
    lost = next(path for path in (tmp_path / "out" / kind).rglob("*.*") if path.is_file())
    lost.unlink()
    run()
    assert lost.is_file()


def test_names_of_two_magnifications_under_one_stated_size_are_for_review_whenever_they_came(run, table, root):
    stated = GradeSettings(CalibrationSettings(um_per_px=1.0))
    put(root, "a/x_200x.tif", 80)
    run(settings=stated)
    assert table().status.eq("graded").all()
    put(root, "b/x_500x.tif", 90)
    run(settings=stated)
    doubted = table().query("status == 'review'")
    assert list(doubted.index) == ["a/x_200x.tif", "b/x_500x.tif"]
    assert doubted.reason.str.contains("one pixel size is stated for names that say 200x and 500x").all()
    _, seen = run(settings=stated)
    assert seen == 0


def test_the_calibration_of_an_objective_travels_into_the_record(run, table, root, tmp_path):
    put(root, "a/x_200x.tif", 80)
    text = "[[objective]]\nname = '200x'\num_per_px = 1.0\ncalibrated = 2026-03-01\ncertificate = 'SM-17'\n"
    (tmp_path / "gdest.toml").write_text(text)
    run(config=tmp_path / "gdest.toml")
    assert table().um_per_px_source["a/x_200x.tif"] == "objective"
    (objective,) = json.loads((tmp_path / "out" / "run.json").read_text())["settings"]["calibration"]["objectives"]
    assert (objective["calibrated"], objective["certificate"]) == ("2026-03-01", "SM-17")


def test_another_engine_is_another_recipe_and_the_record_names_it(run, tmp_path, monkeypatch):
    def scanned(precision):
        monkeypatch.setattr(job, "choose_engine", lambda *_: EngineChoice("torch", precision, "cpu"))
        _, seen = run()
        return seen, json.loads((tmp_path / "out" / "run.json").read_text())["engine"]

    first, engine = scanned("fp32")
    assert engine == {"engine": "torch", "precision": "fp32", "device": "cpu"}
    assert scanned("fp32") == (0, engine)
    assert scanned("bf16") == (first, {**engine, "precision": "bf16"})
