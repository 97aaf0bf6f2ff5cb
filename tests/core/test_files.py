from __future__ import annotations

import os

import pytest

from gdest.core.errors import OutputError, SettingsError
from gdest.core.files import image_files, page_name, split_page, write_atomically


def make(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(roots):
    return [file.name for file in image_files(roots)]


def test_images_of_all_subfolders_are_found_sorted_and_nothing_else(tmp_path):
    make(tmp_path, "b.TIF", "a/ü ö.jpeg", "a/1.png", "a/notes.txt", "._b.TIF", ".hidden/c.png", "Thumbs.db")
    assert names([tmp_path]) == ["a/1.png", "a/ü ö.jpeg", "b.TIF"]


def test_with_several_roots_names_begin_with_the_root(tmp_path):
    make(tmp_path, "one/1.tif", "two/1.tif")
    assert names([tmp_path / "one", tmp_path / "two"]) == ["one/1.tif", "two/1.tif"]
    assert names([tmp_path / "one"]) == ["1.tif"]


def test_missing_roots_and_roots_of_one_name_are_refused(tmp_path):
    make(tmp_path, "a/x/1.tif", "b/x/1.tif")
    with pytest.raises(SettingsError, match="does not exist"):
        image_files([tmp_path / "missing"])
    with pytest.raises(SettingsError, match="same name"):
        image_files([tmp_path / "a/x", tmp_path / "b/x"])


def test_a_write_that_fails_half_way_leaves_no_file_behind(tmp_path):
    def fails(path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"out\.csv: No space left"):
        write_atomically(tmp_path / "new/out.csv", fails)
    assert list((tmp_path / "new").iterdir()) == []


def test_the_content_is_on_the_disk_before_its_name_and_then_the_name(tmp_path, monkeypatch):
    steps, replace = [], os.replace

    def fsync(handle):
        steps.append(("on disk", os.path.basename(os.readlink(f"/proc/self/fd/{handle}")), os.fstat(handle).st_size))

    def named(old, new):
        steps.append(("named", os.path.basename(new), os.stat(old).st_size))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", named)
    write_atomically(tmp_path / "out.csv", lambda path: path.write_bytes(b"whole"))
    (first, temporary, size), second, (third, folder, _) = steps
    assert (first, size, second, third) == ("on disk", 5, ("named", "out.csv", 5), "on disk")
    assert temporary != "out.csv"
    assert folder == tmp_path.name


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    make(tmp_path, "file")
    with pytest.raises(OutputError, match="Cannot write"):
        write_atomically(tmp_path / "file/out.csv", lambda path: path.write_bytes(b""))


def test_a_name_that_is_no_utf_8_gets_one_a_report_can_hold(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"gef\xfcge.tif")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system allows UTF-8 names only")
    (file,) = image_files([tmp_path])
    assert file.name == "gef\\xfcge.tif"
    assert file.path.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("name", "whole", "page"),
    [("a/b.tif", "a/b.tif", ""), ("a/b.tif#2", "a/b.tif", "#2"), ("a/b#c.tif", "a/b#c.tif", ""), ("#2", "#2", "")],
)
def test_the_name_of_a_further_page_is_put_together_and_taken_apart_alike(name, whole, page):
    assert split_page(name) == (whole, page)
    if page:
        assert page_name(whole, int(page[1:])) == name


def test_what_gdest_itself_has_written_is_no_archive(tmp_path):
    make(tmp_path, "a.tif", "old/ledger.sqlite", "old/heatmaps/a.tif.png", "study/study.md", "study/runs.csv")
    make(tmp_path, "study/fig4.png", "notes/study.md", "notes/b.png")
    assert names([tmp_path]) == ["a.tif", "notes/b.png"]
