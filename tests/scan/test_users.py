"""Results belong to whom the umask and the folder say."""

from __future__ import annotations

import os
import stat

import pytest

from gdest.scan.settings import ScanSettings


@pytest.mark.parametrize(("umask", "given", "kept_from"), [(0o002, 0o660, 0o002), (0o077, 0o600, 0o077)])
def test_all_that_a_scan_writes_has_the_mode_of_the_umask_and_the_group_of_the_folder(
    run, tmp_path, umask, given, kept_from
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o2775)
    before = os.umask(umask)
    try:
        assert run(ScanSettings(log_file=tmp_path / "out/scan.jsonl"))[0] == 0
    finally:
        os.umask(before)
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {"ledger.sqlite", ".gdest.lock", "results.xlsx", "run.json", "scan.jsonl"} <= {path.name for path in written}
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in written}
    assert {name: oct(mode) for name, mode in modes.items() if mode & given != given or mode & kept_from} == {}
    assert {path.stat().st_gid for path in written} == {(tmp_path / "out").stat().st_gid}
