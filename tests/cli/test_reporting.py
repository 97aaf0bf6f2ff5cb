"""Limits, specimens, verify and report as a user types them, with the bundled weights."""

from __future__ import annotations

import re
import shutil

import pandas as pd
import pytest
from helpers.command_line import EXAMPLES, gdest

RULES = """
[specimen]
regex = "(?P<specimen>steel)-"
[[limit]]
rule = "g >= 5.0"
on = "micrograph"
"""


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("x")
    (folder / "archive").mkdir()
    for name in ("steel-3.tif", "steel-1.tif"):
        shutil.copy(EXAMPLES / name, folder / "archive")
    (folder / "gdest.toml").write_text(RULES)
    arguments = (
        "scan",
        folder / "archive",
        "--out",
        folder / "out",
        "--config",
        folder / "gdest.toml",
        "--count",
    )
    return gdest(*arguments, "--fail-on-reject"), folder


def test_a_limit_that_fails_has_its_exit_code_and_its_verdicts(scanned):
    finished, folder = scanned
    assert finished.returncode == 6, finished.stderr
    said = finished.stderr.splitlines()
    assert "Limit 1: G >= 5.0, applies to 2 micrographs, 0 specimens." in said
    (failing,) = [line for line in said if ": fail: " in line]
    assert re.fullmatch(r"steel-1\.tif: fail: G 2\.\d \(.*, 90 %\) is below 5\.0", failing)
    frame = pd.read_csv(folder / "out" / "results.csv").set_index("file")
    assert frame["verdict"].to_dict()["steel-1.tif"] == "fail"
    assert frame["verdict"].to_dict()["steel-3.tif"] == "pass"
    specimens = pd.read_csv(folder / "out" / "specimens.csv")
    assert specimens["fields"].tolist() == [2]
    assert {path.name for path in (folder / "out").iterdir()} >= {"index.html", "run.json", "results.xlsx", "previews"}


def test_other_limits_follow_without_grading_again_and_verify_says_what_changed(scanned):
    _, folder = scanned
    out, other = folder / "out", folder / "other.toml"
    assert gdest("verify", out).returncode == 0
    other.write_text('[[limit]]\nrule = "g >= 1.0"\non = "micrograph"\n')
    written = gdest("report", out, "--config", other, "--fail-on-reject")
    assert written.returncode == 0
    assert "Limit 1: G >= 1.0, applies to 2 micrographs, 0 specimens." in written.stderr.splitlines()
    assert set(pd.read_csv(out / "results.csv")["verdict"]) == {"pass"}
    (folder / "archive" / "steel-3.tif").unlink()
    finished = gdest("verify", out)
    assert finished.returncode == 3
    assert finished.stdout == "steel-3.tif: missing\n"


@pytest.mark.parametrize("command", ["verify", "report"])
def test_a_folder_without_a_scan_is_one_sentence(tmp_path, command):
    finished = gdest(command, tmp_path)
    assert finished.returncode == 2
    assert "run.json does not exist" in finished.stderr
    assert finished.stdout == ""
