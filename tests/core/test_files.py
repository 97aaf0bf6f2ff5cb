from __future__ import annotations

import errno
import os
import sqlite3
import stat
from functools import partial

import pytest

from gdest.core.errors import OutputError, SettingsError
from gdest.core.files import SUFFIXES, image_files, page_name, remove_unfinished, split_page, write_atomically
from gdest.core.own_output import LEDGER_ID, PICTURES
from gdest.reports.pictures import PICTURE_FOLDERS


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


def test_a_file_of_two_roots_that_overlap_is_there_once_by_the_root_named_first(tmp_path):
    make(tmp_path, "all/1.tif", "all/2026/2.tif")
    (tmp_path / "year").symlink_to(tmp_path / "all/2026")
    assert names([tmp_path / "all", tmp_path / "all/2026"]) == ["all/1.tif", "all/2026/2.tif"]
    assert names([tmp_path / "all/2026", tmp_path / "all"]) == ["2026/2.tif", "all/1.tif"]
    assert names([tmp_path / "year", tmp_path / "all"]) == ["2026/2.tif", "all/1.tif"]


def test_every_format_is_found_by_its_suffix_in_any_case(tmp_path):
    known = ["tif", "tiff", "btf", "tf8", "png", "jpg", "jpeg", "jpe", "jfif", "jp2", "j2k", "jpx", "j2c", "bmp", "gif"]
    known += ["webp", "czi", "lif", "nd2", "oib", "oif", "vsi"]
    assert {f".{suffix}" for suffix in known} == SUFFIXES
    make(tmp_path, *(f"{suffix}/a.{suffix.upper()}" for suffix in known), "a.svg", "b/tif", "a.tif.txt", ".tif")
    assert names([tmp_path]) == sorted(f"{suffix}/a.{suffix.upper()}" for suffix in known)


def test_names_are_sorted_over_all_roots_and_a_linked_root_has_the_name_of_its_target(tmp_path):
    make(tmp_path, "z/1.tif", "a/2.tif")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert names([tmp_path / "z", tmp_path / "b"]) == ["a/2.tif", "z/1.tif"]
    assert image_files([tmp_path / "a"])[0].path == tmp_path / "a/2.tif"


def test_a_folder_that_cannot_be_listed_is_told_and_the_others_are_searched(tmp_path, monkeypatch):
    make(tmp_path, "a/1.tif", "b/2.tif")
    scandir = os.scandir

    def denied(path):
        if os.fspath(path).endswith("a"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    unreadable = []
    assert [file.name for file in image_files([tmp_path], unreadable)] == ["b/2.tif"]
    assert unreadable == [str(tmp_path / "a")]
    assert names([tmp_path]) == ["b/2.tif"]


def test_the_planes_beside_an_oif_are_no_micrographs_but_other_folders_of_files_are(tmp_path):
    make(tmp_path, "a.OIF", "a.OIF.files/1.tif", "b.oif.files/2.tif", "c.files/3.tif")
    assert names([tmp_path]) == ["a.OIF", "b.oif.files/2.tif", "c.files/3.tif"]


def test_folders_of_file_servers_and_recycle_bins_are_left_out_and_told(tmp_path):
    left = ["@eaDir/1.tif", "a/#recycle/2.tif", "$RECYCLE.BIN/x/3.tif", "__MACOSX/4.tif", "a/@Recently-Snapshot/5.tif"]
    make(tmp_path, *left, "a/6.tif", "recycle/7.tif")
    passed_over = []
    assert [file.name for file in image_files([tmp_path], passed_over=passed_over)] == ["a/6.tif", "recycle/7.tif"]
    told = sorted(path.relative_to(tmp_path).as_posix() for path in passed_over)
    assert told == ["$RECYCLE.BIN", "@eaDir", "__MACOSX", "a/#recycle", "a/@Recently-Snapshot"]


def test_linked_folders_are_walked_once_and_loops_end(tmp_path):
    make(tmp_path, "archive/a/1.tif", "elsewhere/deep/2.tif", "elsewhere/3.tif")
    root = tmp_path / "archive"
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "again").symlink_to(tmp_path / "elsewhere/deep")
    (root / "same").symlink_to(root / "a")
    (root / "a/loop").symlink_to(root)
    (root / "a/up").symlink_to(tmp_path)
    (tmp_path / "elsewhere/back").symlink_to(root / "a")
    (root / "broken").symlink_to(tmp_path / "missing")
    assert names([root]) == ["a/1.tif", "again/2.tif", "link/3.tif"]


def test_missing_roots_and_roots_of_one_name_are_refused(tmp_path):
    make(tmp_path, "a/x/1.tif", "b/x/1.tif")
    with pytest.raises(SettingsError, match=r"missing does not exist\.$"):
        image_files([tmp_path / "missing"])
    with pytest.raises(SettingsError, match=r"^Two roots have the same name; scan them into two output folders\.$"):
        image_files([tmp_path / "a/x", tmp_path / "b/x"])


def test_a_write_that_fails_half_way_leaves_no_file_behind(tmp_path):
    def fails(path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"^Cannot write .*out\.csv: No space left on device\.$"):
        write_atomically(tmp_path / "new/out.csv", fails)
    assert list((tmp_path / "new").iterdir()) == []


def test_a_write_replaces_the_old_file_and_lets_others_read_it(tmp_path):
    path = tmp_path / "new/deep/out.csv"
    seen = []

    def write(content):
        def fill(temporary):
            seen.append(temporary)
            temporary.write_text(content)

        write_atomically(path, fill)

    write("old")
    write("new")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]
    assert {(one.parent, one.suffix) for one in seen} == {(path.parent, ".csv")}
    assert all(one.name.startswith(".gdest-unfinished-") for one in seen)


def test_a_bug_in_a_writer_is_not_taken_for_a_full_disk_and_leaves_nothing(tmp_path):
    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(ZeroDivisionError):
        write_atomically(tmp_path / "out.csv", lambda _path: 1 / 0)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.csv", "old")]


def test_what_killed_processes_left_is_swept_up_in_every_folder_and_nothing_else(tmp_path):
    make(tmp_path, ".gdest-unfinished-x.csv", "a/b/.gdest-unfinished-y.png", "a/results.csv", "gdest-unfinished-z")
    remove_unfinished(tmp_path)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["a/results.csv", "gdest-unfinished-z"]


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
    with pytest.raises(OutputError, match=r"^Cannot write .*out\.csv: (File exists|Not a directory)\.$"):
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
    [("a/b.tif", "a/b.tif", ""), ("a/b.tif#2", "a/b.tif", "#2"), ("a/b#c.tif", "a/b#c.tif", ""), ("#2", "#2", ""),
     ("a.tif#", "a.tif#", ""), ("a#2#13", "a#2", "#13"), ("a.tif#-1", "a.tif#-1", "")],
)  # fmt: skip
def test_the_name_of_a_further_page_is_put_together_and_taken_apart_alike(name, whole, page):
    assert split_page(name) == (whole, page)
    if page:
        assert page_name(whole, int(page[1:])) == name
    assert [page_name("a.tif", number) for number in (1, 2, 10)] == ["a.tif", "a.tif#2", "a.tif#10"]


STUDY = "Initial weights: none. Every run is a row of `runs.csv`.\n"


def ledger(path, application_id):
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA application_id = {application_id}")
        connection.execute("CREATE TABLE accounts (owner TEXT)")
    connection.close()


def test_only_the_pictures_that_gdest_wrote_are_left_out_and_they_are_counted(tmp_path):
    make(tmp_path, "a.tif", "old/heatmaps/x/a.tif.png", "old/previews/a.tif.jpg", "old/notes.txt", "old/mine/b.tif")
    make(tmp_path, "study/fig4.png", "study/runs.csv", "study/study.md", "killed/ledger.sqlite", "killed/.gdest.lock")
    make(tmp_path, "killed/overlays/c.tif.png")
    ledger(tmp_path / "old/ledger.sqlite", LEDGER_ID)
    (tmp_path / "study/study.md").write_text(STUDY)
    left_out = []
    assert [file.name for file in image_files([tmp_path], left_out=left_out)] == ["a.tif", "old/mine/b.tif"]
    assert {(one.folder.name, one.images) for one in left_out} == {("old", 2), ("study", 1), ("killed", 1)}
    (said,) = [str(one) for one in left_out if one.folder.name == "old"]
    assert said == f"{tmp_path / 'old'}: an output folder of gdest; left out 2 pictures that it wrote."


def test_a_folder_that_only_looks_like_output_of_gdest_hides_nothing(tmp_path):
    make(tmp_path, "empty/ledger.sqlite", "empty/a.tif", "empty/heatmaps/b.tif", "linked/d.tif")
    make(tmp_path, "notes/study.md", "notes/runs.csv", "notes/c.png", "books/overlays/e.tif")
    ledger(tmp_path / "books/ledger.sqlite", 7)
    (tmp_path / "linked/ledger.sqlite").symlink_to(tmp_path / "nowhere")
    left_out = []
    found = [file.name for file in image_files([tmp_path], left_out=left_out)]
    assert found == ["books/overlays/e.tif", "empty/a.tif", "empty/heatmaps/b.tif", "linked/d.tif", "notes/c.png"]
    assert left_out == []


def test_every_folder_of_pictures_is_known_as_one():
    assert set(PICTURE_FOLDERS) < PICTURES


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_file_has_the_mode_that_the_umask_gives_and_the_group_of_a_setgid_folder(tmp_path, umask, mode):
    tmp_path.chmod(0o2770)
    (tmp_path / "out.csv").touch(0o600)  # of an earlier run
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "out.csv", lambda path: path.write_text("a"))
        write_atomically(tmp_path / "new/out.csv", lambda path: path.write_text("a"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o2777 & ~umask
    assert {path.stat().st_gid for path in tmp_path.rglob("*")} == {tmp_path.stat().st_gid}


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_a_disk_that_puts_no_folders_on_itself_is_written_to_all_the_same(tmp_path, monkeypatch, number):
    fsync = os.fsync

    def of_files_only(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", of_files_only)
    write = partial(write_atomically, tmp_path / "out.csv", lambda path: path.write_text("a"))
    if number == errno.EIO:
        with pytest.raises(OutputError, match="Input/output error"):
            write()
    else:
        write()
        assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_no_mode_is_asked_of_a_disk_that_has_none(tmp_path, monkeypatch):
    def refused(*_arguments, **_options):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    for function in ("chmod", "fchmod"):
        monkeypatch.setattr(os, function, refused)
    write_atomically(tmp_path / "out.csv", lambda path: path.write_text("a"))
    assert (tmp_path / "out.csv").read_text() == "a"
