"""Whoever scans, on whatever disk: results belong to whom the umask and the folder say, and are the same."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from helpers.scan_fixtures import KILLED, put

from gdest.cli.run_reports import run_report
from gdest.core.errors import OutputError
from gdest.reports import read_record
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


@pytest.mark.parametrize("name", ["", ".gdest.lock", "ledger.sqlite", "heatmaps"])
def test_what_belongs_to_another_user_is_told_before_any_work_with_what_to_do_once(run, tmp_path, monkeypatch, name):
    run()
    out, real = tmp_path / "out", os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != out / name and real(path, mode))
    monkeypatch.setattr(Path, "owner", lambda _path: "huber")
    with pytest.raises(OutputError) as told:
        run()
    assert str(told.value) == (
        f"{out / name} belongs to huber, and you may not write it. Once, its owner lets a group of you both write: "
        f"chgrp -R GROUP {out}; chmod -R g+rwX {out}. Then scan with umask 002: gdest manual nightly."
    )


def test_what_gdest_does_not_write_into_may_belong_to_anybody(run, tmp_path, monkeypatch):
    run()
    out, real = tmp_path / "out", os.access
    (out / "certificates").mkdir()
    theirs = [out / "certificates", out / "results.csv", out / "run.json"]
    monkeypatch.setattr(os, "access", lambda path, mode: path not in theirs and real(path, mode))
    assert run() == (0, 0)
    theirs += [out / "heatmaps", out / "ledger.sqlite"]
    assert run_report(out, None, fail_on_reject=False) == 0


NOBODY = """
import os, pwd, runpy, sys
def unknown(*_): raise KeyError("uid not found")
pwd.getpwuid = pwd.getpwnam = unknown
for name in ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR"):
    os.environ.pop(name, None)
sys.argv = sys.argv[1:]
if sys.argv[0] == "gdest":
    from gdest.cli import main
    main()
sys.path.insert(0, os.path.dirname(sys.argv[0]))  # as Python does for a script
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_scan_of_somebody_without_home_and_name_ends_as_any_other(root, tmp_path):
    out = str(tmp_path / "out")
    for words in ([str(KILLED), str(root), out, "0"], ["gdest", "report", out]):
        command = [sys.executable, "-c", NOBODY, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert "atplotlib" not in done.stderr
    assert read_record(tmp_path / "out")[0].history[-1]["by"] == ""


def test_settings_of_other_programs_that_lie_about_change_no_output(root, tmp_path):
    """Both look for their settings where they are started and in the user's own folder.

    Whoever imports itables there gets an error, so that a scan that did would end in one.
    """
    home = tmp_path / "home"
    (home / ".config/itables").mkdir(parents=True)
    (home / ".config/matplotlib").mkdir(parents=True)
    environment = os.environ | {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
    for name in ("MPLCONFIGDIR", "ITABLES_CONFIG"):
        environment.pop(name, None)

    def runs(*words):
        command = [sys.executable, *words]
        return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=120)

    told = {}
    for kind in ("none", "settings"):
        if kind == "settings":
            for place in (home, home / ".config/itables"):
                (place / "itables.toml").write_text("maxBytes = 'nonsense\nlengthMenu = [1]\n")
            for place in (home / "matplotlibrc", home / ".config/matplotlib/matplotlibrc"):
                place.write_text("image.cmap: gray\nimage.lut: 7\nfont.size: 40\nsavefig.dpi: 9\n")
        done = runs(str(KILLED), str(root), str(tmp_path / kind), "0")
        assert done.returncode == 0, done.stderr
        pictures = {path.relative_to(tmp_path / kind): path.read_bytes() for path in (tmp_path / kind).rglob("*.??g")}
        page = (tmp_path / kind / "index.html").read_text(encoding="utf-8")
        told[kind] = pictures, re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\+00:00)?", "", page)
    assert "Failed to load ITables config" in runs("-c", "import itables").stderr
    assert told["none"][0] == told["settings"][0]
    assert len(told["none"][0]) == 18
    assert len(told["none"][1]) == len(told["settings"][1])


def test_names_with_accents_of_both_kinds_are_files_of_their_own_and_fit_a_rule_of_either(run, table, root, tmp_path):
    composed, apart = (
        unicodedata.normalize(form, "pr\N{LATIN SMALL LETTER U WITH DIAERESIS}f.tif") for form in ("NFC", "NFD")
    )
    for level, name in enumerate((composed, apart)):
        put(root, f"a/{name}", 75 + 20 * level)
    for written in (composed, apart):
        (tmp_path / "origins.csv").write_text(f"file,specimen\na/{written},S-1\n", encoding="utf-8")
        (tmp_path / "gdest.toml").write_text(
            f"[[pixel_size]]\nglob = 'a/{written}'\num_per_px = 0.5\n[specimen]\ncsv = 'origins.csv'\n",
            encoding="utf-8",
        )
        run(ScanSettings(include=(f"*{written}",)), config=tmp_path / "gdest.toml")
        found = table()
        assert list(found.index) == sorted((f"a/{composed}", f"a/{apart}"))
        assert found["um_per_px"].eq(0.5).all()
        assert found["specimen"].eq("S-1").all()
        assert found["g"].nunique() == 2
    (tmp_path / "gdest.toml").write_text(f"[specimen]\nregex = '(?P<specimen>pr{composed[2]}f)'\n", encoding="utf-8")
    run(config=tmp_path / "gdest.toml")
    assert table()["specimen"].notna().sum() == 2
