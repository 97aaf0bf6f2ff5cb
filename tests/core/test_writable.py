from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from gdest.core.errors import OutputError
from gdest.core.writable import require_writable


def test_what_can_be_written_passes_and_nothing_is_made(tmp_path):
    (tmp_path / "old.csv").write_text("")
    require_writable(tmp_path / "a" / "b" / "new.csv")
    require_writable(tmp_path / "old.csv")
    require_writable(tmp_path / "a" / "out", folder=True)
    require_writable(tmp_path, folder=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["old.csv"]


@pytest.mark.parametrize(
    ("path", "folder", "why"),
    [
        ("file/new.csv", False, "file is not a folder"),
        ("file", True, "it is not a folder"),
        ("folder", False, "it is a folder"),
        ("dangling/x", True, "dangling is not a folder"),
    ],
)
def test_what_lies_in_the_way_is_said(tmp_path, path, folder, why):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match=f"^Cannot write .*{path}: .*{why}.$"):
        require_writable(tmp_path / path, folder=folder)


@pytest.mark.parametrize(("path", "folder"), [("shut/new/a.csv", False), ("shut", True), ("file.csv", False)])
def test_missing_rights_are_said(tmp_path, monkeypatch, path, folder):
    (tmp_path / "shut").mkdir()
    (tmp_path / "file.csv").write_text("")
    closed = {str(tmp_path / "shut"), str(tmp_path / "file.csv")}
    real = os.access
    monkeypatch.setattr(os, "access", lambda one, mode: str(one) not in closed and real(one, mode))
    with pytest.raises(OutputError, match=r"permission denied"):
        require_writable(tmp_path / path, folder=folder)


def test_a_read_only_file_system_is_called_so(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    with pytest.raises(OutputError, match=r"out: read-only file system in"):
        require_writable(tmp_path / "out", folder=True)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=0))
    with pytest.raises(OutputError, match=r"out: permission denied in"):
        require_writable(tmp_path / "out", folder=True)
