"""What may pass is tried again by the next scan and costs no other file its row; what is broken is read once."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pandas as pd
import pytest
from helpers.scan_fixtures import SETTINGS, Counting, put

from gdest.cli.run_reports import run_report, run_verify
from gdest.cli.run_scan import run_scan
from gdest.core import file_names
from gdest.core.errors import NothingGradedError, SettingsError
from gdest.reading import micrograph
from gdest.reports import read_record
from gdest.scan.job import prepare_scan
from gdest.scan.planning import preview
from gdest.scan.settings import ScanSettings


@pytest.fixture
def failing(monkeypatch):
    """Let reading some files fail; return the names of the files that were opened since."""
    opened, whole = [], micrograph.opened

    def fail(error, *names):
        opened.clear()

        def open_or_fail(path):
            opened.append(path.name)
            if path.name in names:
                raise error
            return whole(path)

        monkeypatch.setattr(micrograph, "opened", open_or_fail)
        return opened

    return fail


def of_system(number):
    return OSError(number, os.strerror(number))


PASSING = [of_system(number) for number in (errno.EIO, errno.ESTALE, errno.EACCES, errno.EMFILE)] + [MemoryError()]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_may_pass_is_a_row_today_and_graded_by_the_next_scan(run, table, failing, capsys, error):
    failing(error, "1.tif", "2.tif")
    assert run()[0] == 3
    assert table()["status"].value_counts().to_dict() == {"graded": 4, "failed": 2}
    assert "2 files could not be read for a reason that may pass; the next scan tries again." in capsys.readouterr().err
    assert run()[0] == 3  # it has not passed
    opened = failing(error)
    assert run()[0] == 0
    assert sorted(opened) == ["1.tif", "2.tif"]
    assert table()["status"].eq("graded").all()
    said = capsys.readouterr().err
    assert "2 to be read again, 4 unchanged" in said
    assert said.count("may pass") == 1
    assert run() == (0, 0)


def test_a_file_that_is_broken_stays_failed_and_is_not_opened_again(run, table, root, failing):
    (root / "a/0.tif").write_bytes(b"II*\0 and no more")
    failing(None)
    assert run()[0] == 3
    before = table()
    opened = failing(None)
    assert run()[0] == 3
    assert opened == []
    assert table().equals(before)


def test_a_dry_run_names_what_would_be_tried_again(run, root, tmp_path, failing):
    failing(of_system(errno.EIO), "1.tif")
    run()
    job = prepare_scan([root], tmp_path / "out", SETTINGS)
    assert [(line.file, line.why) for line in preview(job) if line.action == "grade"] == [
        ("b/1.tif", "to be read again")
    ]


def test_a_picture_that_its_disk_can_never_name_is_told_once_and_its_file_not_graded_again(
    run, table, root, monkeypatch, failing
):
    monkeypatch.setattr(file_names, "LONGEST_NAME", 10_000)
    put(root, "x" * 251, 10).rename(root / ("x" * 248 + ".tif"))
    assert run()[0] == 0
    assert table().loc["x" * 248 + ".tif", "reason"] == "its pictures cannot be written: File name too long"
    opened = failing(None)
    assert run() == (0, 0)
    assert opened == []


def test_a_picture_in_whose_place_something_lies_is_drawn_when_that_is_gone(run, table, tmp_path):
    obstacle = tmp_path / "out/heatmaps/a/0.tif.png"
    obstacle.mkdir(parents=True)
    (obstacle / "precious").touch()
    run()
    assert table().loc["a/0.tif", "reason"].startswith("its pictures cannot be written")
    (obstacle / "precious").unlink()
    obstacle.rmdir()
    assert run()[0] == 0
    assert obstacle.is_file()
    assert table()["reason"].isna().all()


def test_names_that_are_not_text_and_names_like_their_escape_are_files_of_their_own(run, table, root, tmp_path):
    for level, name in enumerate([b"\xff.tif", rb"\xff.tif", rb"\x5cxff.tif", "ü.tif".encode("latin-1")]):
        put(root, "new.tif", 75 + 20 * level).rename(os.fsdecode(os.fsencode(root) + b"/" + name))
    assert run()[0] == 0
    found = table()
    assert {r"\xff.tif", r"\x5cxff.tif", r"\x5cx5cxff.tif", r"\xfc.tif"} < set(found.index)
    assert len(found) == 10
    assert found["g"].nunique() == 10
    pictures = {path.read_bytes() for path in (tmp_path / "out/heatmaps").rglob("*.png")}
    assert len(pictures) == 10
    record, _ = read_record(tmp_path / "out")
    assert all(record.path_of(str(row["file"])).is_file() for row in record.table)
    assert run() == (0, 0)


def test_a_root_and_an_output_folder_whose_own_names_are_not_text_are_scanned(root, tmp_path, use, capsys):
    place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe"))
    place.mkdir()
    put(place, "two/1.tif", 70)
    root.rename(place / "archive")
    use(Counting())
    for roots in ([place / "archive"], [place / "archive", place / "two"]):
        assert run_scan(roots, place / "out", SETTINGS, None, None, ScanSettings()) == 0
    record, _ = read_record(place / "out")
    assert {row["file"] for row in record.table} >= {"two/1.tif", "archive/a/0.tif"}
    capsys.readouterr()
    run_verify(place / "out")
    assert capsys.readouterr().out == f"weights {Path('fake').resolve()}: missing\n"
    assert run_report(place / "out", None, fail_on_reject=False) == 0
    assert run_scan([place / "archive", place / "two"], place / "out", SETTINGS, None, None, ScanSettings()) == 0


YEARS = {1600: -11_676_096_000, 1969: -1, 2300: 10_413_792_000, 30828: 910_670_515_199}
"""Seconds since 1970, the last of the latest date that NTFS knows."""


@pytest.fixture(params=YEARS)
def year(request, monkeypatch):
    """Let files called 0.tif have a date of a year."""
    stat = os.stat

    def dated(path, *arguments, **options):
        found = stat(path, *arguments, **options)
        if not str(path).endswith("0.tif"):
            return found
        seconds = YEARS[request.param]
        fields = {"st_mtime": float(seconds), "st_mtime_ns": seconds * 10**9}
        return os.stat_result((*found[:8], seconds, found[9]), fields)

    monkeypatch.setattr(os, "stat", dated)
    return request.param


def test_a_file_of_any_date_is_graded_and_reported(run, table, tmp_path, year):
    assert run()[0] == 0
    said = table().loc["a/0.tif", "file_modified"]
    assert pd.isna(said) if year == 30828 else said.startswith(str(year))
    sheet = pd.read_excel(tmp_path / "out/results.xlsx", sheet_name="Micrographs")
    assert len(sheet) == 6
    assert len(read_record(tmp_path / "out")[0].table) == 6
    assert run() == (0, 0)


@pytest.mark.parametrize(("since", "first"), [("1700-01-01", 1700), ("700000d", 100), ("3d", 2026)])
def test_a_date_since_when_may_be_any(run, table, year, since, first):
    """The other files are of today."""
    assert run(ScanSettings(since=since))[0] == 0
    assert ("a/0.tif" in table().index) == (year >= first)
    assert "b/1.tif" in table().index


def test_a_date_beyond_all_files_is_none_that_fails(run, year):
    if year > 2262:  # a database holds no later one
        assert run(ScanSettings(since="9999-12-31T23:59"))[1] == 4
    else:
        with pytest.raises(NothingGradedError, match=r"older than --since 9999-12-31T23:59 \(6\)\.$"):
            run(ScanSettings(since="9999-12-31T23:59"))
    with pytest.raises(SettingsError, match="is not a date"):
        run(ScanSettings(since="0001-01-01"))
