"""What a look at the folders finds, and when what is missing counts as deleted."""

from __future__ import annotations

import os

import pytest
from helpers.scan_fixtures import put

from gdest.core.calibration import CalibrationSettings
from gdest.core.files import image_files
from gdest.core.records import ImageFile
from gdest.core.settings import GradeSettings
from gdest.scan import archive
from gdest.scan.archive import look, look_at, look_for_images


def test_a_root_that_vanished_makes_no_whole_archive(tmp_path):
    for name in ("one/a.tif", "two/b.tif"):
        put(tmp_path, name, 1)
    roots = [tmp_path / "one", tmp_path / "two"]
    assert [file.name for file in look(roots).files] == ["one/a.tif", "two/b.tif"]
    assert look(roots).whole
    (tmp_path / "two").rename(tmp_path / "elsewhere")
    assert not look(roots).whole
    assert [file.name for file in look(roots).files] == ["one/a.tif"]  # not a new file of another name


def test_an_archive_without_a_file_is_not_whole(tmp_path):
    assert look([tmp_path]).files == ()
    assert not look([tmp_path]).whole


def test_a_file_is_known_by_its_size_and_time_and_one_that_is_gone_has_no_size(tmp_path):
    path = put(tmp_path, "a.tif", 1)
    os.utime(path, ns=(5, 7))
    state = look_at(ImageFile(path, "x/a.tif"))
    assert (state.name, state.path, state.size, state.mtime_ns) == ("x/a.tif", str(path), path.stat().st_size, 7)
    path.unlink()
    assert look_at(ImageFile(path, "x/a.tif")).size == -1


def test_folders_of_a_file_server_are_told_once_and_do_not_make_an_archive_partial(tmp_path, capsys):
    for name in ("a.tif", "@eaDir/a.tif/thumb.jpg", "#recycle/b.tif"):
        put(tmp_path, name, 1)
    archive = look_for_images([tmp_path])
    assert [file.name for file in archive.files] == ["a.tif"]
    assert archive.whole
    said = capsys.readouterr().err
    assert said.startswith("Left out 2 of the folders that file servers and recycle bins keep: ")
    assert str(tmp_path / "@eaDir") in said


@pytest.mark.parametrize("settings", [GradeSettings(), GradeSettings(CalibrationSettings(um_per_px=1.0))])
def test_a_scan_walks_the_archive_once_whether_a_pixel_size_is_stated_or_not(run, monkeypatch, settings):
    walked = []
    monkeypatch.setattr(archive, "image_files", lambda *found: walked.append(found[0]) or image_files(*found))
    assert run(settings=settings)[0] == 0
    assert len(walked) == 1
