"""A ledger with flipped bits: what is damaged is noticed, and the archive is graded again where it must be."""

from __future__ import annotations

import random
import sqlite3

import pandas as pd
import pytest
from helpers.scan_fixtures import put

from gdest.core.errors import OutputError
from gdest.core.own_output import LEDGER, LEDGER_ID
from gdest.core.terminal import stderr
from gdest.scan.database import DamagedLedgerError
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_damage import damaged_rows


def edit(out, words, *values):
    with sqlite3.connect(out / LEDGER) as connection:
        assert connection.execute(words, values).rowcount > 0
    connection.close()


def without_times(table):
    return table.drop(columns="graded_at")


FLIPS = 6
"""With 200 the test takes two minutes."""

EDITS = {
    "a better grade": "UPDATE micrographs SET cells = json_set(cells, '$.g', 9.5) WHERE file = 'a/0.tif'",
    "cells that are no JSON": "UPDATE micrographs SET cells = substr(cells, 2) WHERE file = 'a/0.tif'",
    "another name": "UPDATE micrographs SET name = 'a/1.tif', file = 'a/1.tif' WHERE file = 'a/0.tif'",
    "another status": "UPDATE micrographs SET status = 'review' WHERE file = 'a/0.tif'",
    "pictures that are no JSON": "UPDATE micrographs SET pictures = '[' WHERE file = 'a/0.tif'",
    "the file's name": "UPDATE files SET name = 'a/9.tif' WHERE name = 'a/0.tif'",
    "the file's hash": "UPDATE files SET sha256 = 'x' WHERE name = 'a/0.tif'",
    "the file is gone": "UPDATE files SET gone_since = '2026' WHERE name = 'a/0.tif'",
}


@pytest.mark.parametrize("words", EDITS.values(), ids=EDITS)
def test_a_row_that_is_not_as_it_was_written_is_graded_again_before_anything_is_reported(
    run, table, root, tmp_path, words
):
    run()
    before = without_times(table())
    edit(tmp_path / "out", words)
    put(root, "new.tif", 77)  # so that the reports are written anew, from the ledger
    code, seen = run()
    assert (code, seen) in ((0, 4), (0, 8))
    pd.testing.assert_frame_equal(without_times(table()).drop(index="new.tif"), before)
    with Ledger.look(tmp_path / "out") as ledger:
        assert list(damaged_rows(ledger.database)) == []
    assert run() == (0, 0)


def test_only_the_damaged_rows_are_left_out_and_it_is_said(run, root, tmp_path, capsys):
    run()
    edit(tmp_path / "out", EDITS["another status"])
    put(root, "new.tif", 77)
    capsys.readouterr()
    stderr.quiet = True  # as cron has it
    try:
        assert run() == (0, 8)
    finally:
        stderr.quiet = False
    said = capsys.readouterr().err
    assert "is damaged: the row of a/0.tif is not as it was written" in said
    assert "1 damaged row is left out of the ledger; the files are graded again." in said
    assert "unchanged" not in said


def test_a_grade_map_that_is_damaged_is_not_remembered(run, root, tmp_path):
    run()
    edit(tmp_path / "out", "UPDATE micrographs SET grade_map = substr(grade_map, 2) WHERE file = 'a/0.tif'")
    (root / "a/0.tif").rename(root / "a/moved.tif")
    (root / "a/2.tif").rename(root / "a/moved too.tif")
    assert run() == (0, 4)


def test_an_edited_recipe_is_a_new_ledger_and_the_old_one_is_kept(run, table, tmp_path, capsys):
    run()
    before = without_times(table())
    edit(tmp_path / "out", "UPDATE recipes SET settings = replace(settings, '224', '225')")
    capsys.readouterr()
    assert run() == (0, 24)
    pd.testing.assert_frame_equal(without_times(table()), before)
    (kept,) = (tmp_path / "out").glob("ledger.damaged-*.sqlite")
    assert f"kept as {kept.name}; a new one is made" in capsys.readouterr().err


def test_a_ledger_that_is_no_database_is_made_anew_by_a_scan(run, table, tmp_path):
    run()
    before = without_times(table())
    (tmp_path / "out" / LEDGER).write_bytes(b"spilled coffee " * 100)
    assert run() == (0, 24)
    pd.testing.assert_frame_equal(without_times(table()), before)
    assert len(list((tmp_path / "out").glob("ledger.damaged-*"))) == 1


def test_after_any_flipped_bit_the_next_scan_ends_with_the_results_of_an_undisturbed_one(run, table, root, tmp_path):
    run()
    put(root, "new.tif", 77)
    path, whole = tmp_path / "out" / LEDGER, (tmp_path / "out" / LEDGER).read_bytes()
    run()
    before, moments = without_times(table()), random.Random(3)
    for _ in range(FLIPS):
        content, place = bytearray(whole), moments.randrange(len(whole))
        content[place] ^= 1 << moments.randrange(8)
        path.write_bytes(content)
        try:
            code, _ = run()
        except OutputError as error:
            assert "later gdest" in str(error) and 60 <= place < 64  # the one number that says so
            continue
        assert code == 0
        pd.testing.assert_frame_equal(without_times(table()), before, obj=f"bit of byte {place}")


def test_an_index_that_hides_rows_is_noticed(run, table, root, tmp_path):
    run()
    path = tmp_path / "out" / LEDGER
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_files_1'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size + 4] ^= 4  # the number of entries on the page: 2 instead of 6
    path.write_bytes(content)
    before = without_times(table())
    put(root, "new.tif", 77)
    assert run()[0] == 0
    pd.testing.assert_frame_equal(without_times(table()).drop(index="new.tif"), before)


def test_a_database_of_another_program_is_left_alone(run, tmp_path):
    (tmp_path / "out").mkdir()
    with sqlite3.connect(tmp_path / "out" / LEDGER) as connection:
        connection.execute("CREATE TABLE accounts (owner TEXT)")
    connection.close()
    before = (tmp_path / "out" / LEDGER).read_bytes()
    with pytest.raises(OutputError, match=r"was not written by gdest; choose another --out"):
        run()
    assert (tmp_path / "out" / LEDGER).read_bytes() == before


def test_a_new_ledger_is_known_by_its_header_while_it_is_written(tmp_path):
    with Ledger.open(tmp_path, create=True):
        header = (tmp_path / LEDGER).read_bytes()[:100]
    assert int.from_bytes(header[68:72], "big") == LEDGER_ID


@pytest.mark.parametrize("words", ["DROP TABLE files", "ALTER TABLE files RENAME COLUMN size TO bytes"])
def test_every_error_of_the_database_names_the_ledger(run, tmp_path, words):
    run()
    with sqlite3.connect(tmp_path / "out" / LEDGER) as connection:
        connection.execute("DROP VIEW results")
        connection.execute(words)
    connection.close()
    with Ledger.open(tmp_path / "out") as ledger, pytest.raises(DamagedLedgerError, match=r"Cannot read .*sqlite: no"):
        ledger.files(1)
    assert run() == (0, 24)


VERSION_1 = """
ALTER TABLE recipes DROP COLUMN checksum;
ALTER TABLE files DROP COLUMN checksum;
ALTER TABLE files DROP COLUMN micrographs;
ALTER TABLE micrographs DROP COLUMN checksum;
ALTER TABLE micrographs DROP COLUMN map_checksum;
ALTER TABLE micrographs DROP COLUMN pictures;
PRAGMA user_version = 1;
PRAGMA application_id = 0;
"""


def test_a_ledger_of_an_earlier_gdest_is_read_and_brought_up_to_date(run, table, tmp_path):
    run()
    before = without_times(table())
    with sqlite3.connect(tmp_path / "out" / LEDGER) as connection:
        connection.executescript(VERSION_1)
    connection.close()
    with Ledger.look(tmp_path / "out") as ledger:
        assert len(ledger.files(1)) == len(list(ledger.rows(1))) == 6
        assert len(list(ledger.drawn(1))) == 6
    assert run() == (0, 0)  # the pictures, whose sizes are not known, are drawn again without the network
    pd.testing.assert_frame_equal(without_times(table()), before)
    edit(tmp_path / "out", EDITS["another status"])
    with Ledger.look(tmp_path / "out") as ledger:
        assert [name for _, _, name in damaged_rows(ledger.database)] == ["a/0.tif"]


def test_a_look_leaves_nothing_beside_the_ledger(run, tmp_path):
    run()
    before = sorted(path.name for path in (tmp_path / "out").iterdir())
    with Ledger.look(tmp_path / "out") as ledger:
        ledger.files(1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == before
