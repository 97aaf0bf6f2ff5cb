from __future__ import annotations

import math
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from helpers.predictors import CARD, FakePredictor

from gdest.core.errors import OutputError
from gdest.core.records import FileState, GradeMap
from gdest.core.settings import GradeSettings
from gdest.core.tiles import GreyImage
from gdest.grading.pipeline import grade_micrographs
from gdest.grading.zooms import predict_grade_map
from gdest.reports.table import ModelName, cells
from gdest.scan.ledger import LEDGER, Ledger
from gdest.scan.ledger_schema import Finding, pack_grade_map, unpack_grade_map

MODEL = ModelName("fake", "0" * 64)


def state(name, size=10, mtime_ns=1, sha256="a", again=False):
    return FileState(name, f"/archive/{name}", size, mtime_ns, sha256, again)


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "out", create=True) as opened:
        yield opened


@pytest.fixture
def recipe(ledger):
    return ledger.recipe("fake", "0" * 64, CARD, {"stride_px": 224})


@pytest.fixture
def graded(write_tiff, grey):
    (row,) = grade_micrographs([write_tiff("a.tif", grey, 0.5)], FakePredictor(6.0), GradeSettings())
    return row


def record(ledger, recipe, graded, *names, **about):
    with ledger.writing():
        for name in names:
            row = Finding(cells(graded, MODEL) | {"file": name}, graded.grade_map)
            ledger.record(recipe.id, state(name.partition("#")[0], **about), [row])


def test_a_row_comes_back_with_its_cells_its_file_and_its_grade_map(ledger, recipe, graded):
    written = cells(graded, MODEL)
    with ledger.writing():
        ledger.record(recipe.id, state("a.tif"), [Finding(written, graded.grade_map)])
    (row,) = ledger.rows(recipe.id)
    assert row.cells == written
    assert row.file == state("a.tif")
    np.testing.assert_array_equal(row.grade_map.g_seen, graded.grade_map.g_seen)
    assert row.grade_map.grid == graded.grade_map.grid


def test_a_packed_grade_map_keeps_nan_zoom_and_doubts(rng):
    pixels = rng.integers(0, 255, (500, 700), dtype=np.uint8)
    looked = predict_grade_map(GreyImage(pixels), FakePredictor(3.0), 224)
    grades = looked.g_seen.copy()
    grades[0, 0] = np.nan
    grade_map = GradeMap(grades, looked.grid, looked.zoom, looked.tiles, {"novelty": 1.5, "zoom gap": math.nan})
    back = unpack_grade_map(pack_grade_map(grade_map))
    np.testing.assert_array_equal(back.g_seen, grades)
    assert back.g_seen.dtype == np.float32
    assert (back.grid, back.zoom, back.tiles) == (looked.grid, 0.5, looked.tiles)
    assert back.doubts["novelty"] == 1.5
    assert math.isnan(back.doubts["zoom gap"])
    assert back.closer is None
    closer = unpack_grade_map(pack_grade_map(replace(grade_map, closer=looked))).closer
    np.testing.assert_array_equal(closer.g_seen, looked.g_seen)
    assert (closer.grid, closer.zoom) == (looked.grid, looked.zoom)


def test_a_file_of_several_micrographs_is_replaced_as_a_whole(ledger, recipe, graded):
    rows = [Finding(cells(graded, MODEL) | {"file": f"a.tif#{i}"}, graded.grade_map) for i in (1, 2, 3)]
    with ledger.writing():
        ledger.record(recipe.id, state("a.tif"), rows)
    assert [row.cells["file"] for row in ledger.rows(recipe.id)] == ["a.tif#1", "a.tif#2", "a.tif#3"]
    assert set(ledger.remembered(recipe.id, "a")) == {"#1", "#2", "#3"}
    with ledger.writing():
        ledger.record(recipe.id, state("a.tif", size=5), rows[:1])
    assert [(row.cells["file"], row.file.size) for row in ledger.rows(recipe.id)] == [("a.tif#1", 5)]


def test_results_of_other_models_and_settings_stay_apart(ledger, recipe, graded):
    record(ledger, recipe, graded, "a.tif")
    newer = ledger.recipe("newer", "1" * 64, CARD, {"stride_px": 224})
    finer = ledger.recipe("fake", "0" * 64, CARD, {"stride_px": 112})
    assert len({recipe.id, newer.id, finer.id}) == 3
    assert ledger.files(newer.id) == ledger.files(finer.id) == {}
    record(ledger, newer, graded, "b.tif")
    assert [row.cells["file"] for row in ledger.rows(recipe.id)] == ["a.tif"]
    assert ledger.recipe("fake", "0" * 64, CARD, {"stride_px": 224}) == recipe
    assert ledger.recipes() == [recipe, newer, finer]


def test_deleted_files_are_kept_but_not_exported_until_they_come_back(ledger, recipe, graded):
    record(ledger, recipe, graded, "a.tif", "b.tif")
    ledger.mark_gone(recipe.id, ["a.tif"], "2026-01-01")
    assert [row.cells["file"] for row in ledger.rows(recipe.id)] == ["b.tif"]
    assert ledger.counts(recipe.id) == {"graded": 1}
    assert [row.cells["file"] for row in ledger.rows(recipe.id, files=["a.tif"])] == ["a.tif"]
    record(ledger, recipe, graded, "a.tif")
    assert ledger.counts(recipe.id) == {"graded": 2}


def test_each_transaction_is_on_the_disk_when_it_ends(ledger):
    connection = ledger.database.connection
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL


def test_a_transaction_that_fails_leaves_nothing(ledger, recipe, graded):
    with pytest.raises(ZeroDivisionError), ledger.writing():
        ledger.record(recipe.id, state("a.tif"), [Finding(cells(graded, MODEL), graded.grade_map)])
        raise ZeroDivisionError
    assert list(ledger.rows(recipe.id)) == []
    record(ledger, recipe, graded, "b.tif")
    assert len(list(ledger.rows(recipe.id))) == 1


def test_reports_are_current_until_something_is_written(ledger, recipe, graded):
    assert ledger.exported_hashes("x") is None
    ledger.exported("x", {"results.csv": "1"})
    assert ledger.exported_hashes("x") == {"results.csv": "1"}
    assert ledger.exported_hashes("another recipe") is None
    record(ledger, recipe, graded, "a.tif")
    assert ledger.exported_hashes("x") is None


def test_a_ledger_of_a_later_gdest_and_a_missing_one_are_one_sentence(tmp_path):
    with pytest.raises(OutputError, match="not the output folder"):
        Ledger.open(tmp_path)
    with sqlite3.connect(tmp_path / LEDGER) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(OutputError, match="later gdest"):
        Ledger.open(tmp_path)


def test_a_disk_that_does_not_answer_for_the_ledger_is_one_sentence(tmp_path, monkeypatch):
    def broken(_path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("pathlib.Path.is_file", broken)
    with pytest.raises(OutputError, match=r"Cannot open the ledger .*ledger\.sqlite: Input/output error\."):
        Ledger.open(tmp_path)


def test_a_ledger_that_is_no_database_is_one_sentence(tmp_path):
    (tmp_path / LEDGER).write_bytes(b"spilled coffee " * 100)
    with pytest.raises(OutputError, match="not a database"):
        Ledger.open(tmp_path)


def test_an_output_folder_that_vanished_is_noticed_at_the_next_write(ledger, recipe, graded):
    ledger.path.unlink()
    with pytest.raises(OutputError, match="vanished"):
        record(ledger, recipe, graded, "a.tif")


def test_sql_shows_the_columns_of_the_csv(ledger, recipe, graded):
    record(ledger, recipe, graded, "a.tif")
    with sqlite3.connect(ledger.path) as connection:
        assert connection.execute("SELECT file, round(g, 1), status, path FROM results").fetchall() == [
            ("a.tif", 8.0, "graded", "/archive/a.tif")
        ]


def test_the_last_run_says_its_recipe_its_folders_and_whether_it_ended(ledger, recipe, tmp_path):
    number = ledger.begin_run(recipe, [tmp_path], "host", "2026-01-01T00:00:00", "0.1")
    run = ledger.last_run()
    assert (run.recipe, run.roots, run.finished) == (recipe, (str(tmp_path),), None)
    ledger.end_run(number, "2026-01-02T00:00:00")
    assert ledger.last_run().finished == "2026-01-02T00:00:00"


def test_the_rows_of_a_file_are_found_without_reading_the_others(tmp_path):
    """A merge asks for each file of a shard, which would take the square of their number."""
    with Ledger.open(tmp_path, create=True) as ledger:
        asked = []
        ledger._ask = lambda words, values=(): asked.append((words, values)) or iter(())
        list(ledger.rows(1, files=["a.tif"]))
        ((words, values),) = asked
        steps = [row[3] for row in ledger.database.ask(f"EXPLAIN QUERY PLAN {words}", values)]
    assert any("SEARCH m USING INDEX micrographs_of_a_file (recipe=? AND file=?)" in step for step in steps)
