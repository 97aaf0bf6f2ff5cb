from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_a_wheel_works_from_any_folder_with_the_weights_it_contains(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = "import sys; sys.argv = ['gdest', 'info']; from gdest.cli import main; main()"
    environment = os.environ | {"PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert re.search(rf"^weights +{re.escape(str(site))}", finished.stdout, re.MULTILINE)


def test_the_readmes_test_command_is_what_ci_runs():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert commands[1].endswith("pytest")
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


def test_a_wheel_holds_the_manual_and_says_that_it_is_typed(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "gdest" / "manual").iterdir()}
    assert pages
    assert pages | {"gdest/py.typed"} <= inside
