"""What `--help` shows of every command, and what a shell completes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from unittest import mock

import pytest
from helpers.command_line import gdest, gdest_process
from typer.main import get_command

from gdest.cli import app
from gdest.cli.manual import read_pages
from gdest.core import ExitCode

COMMANDS = get_command(app).commands
SIDE = "\N{BOX DRAWINGS LIGHT VERTICAL}"


def panels(*words):
    """Return the lines of each panel of a help, by the panel's title."""
    with mock.patch.dict(os.environ, COLUMNS="200"):
        shown = gdest(*words)
    found, title = {}, ""
    for line in shown.stdout.splitlines():
        if head := re.match(
            "\N{BOX DRAWINGS LIGHT ARC DOWN AND RIGHT}\N{BOX DRAWINGS LIGHT HORIZONTAL} ([^─]+) ", line
        ):
            title = head[1]
        elif line.startswith(SIDE):
            found.setdefault(title, []).append(line.strip(SIDE).strip())
    return found


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_options_stand_in_panels_by_what_they_are_for(flag):
    found = {title: " ".join(lines) for title, lines in panels("scan", flag).items()}
    assert list(found)[1:] == [
        "Options", "Pixel size", "Speed and limits", "Which files", "Nightly and on several machines", "Examples",
        "Exit codes",
    ]  # fmt: skip
    assert "--um-per-px" in found["Pixel size"]
    assert "--include" in found["Which files"]
    assert "--watch" in found["Nightly and on several machines"]
    assert re.search(r"--out +-o +FOLDER", found["Options"])


def test_what_only_the_paper_needs_stands_apart_in_the_help_of_train():
    found = {title: " ".join(lines) for title, lines in panels("train", "-h").items()}
    for option in ("--task", "--head", "--backbone", "--input", "--rescale", "--optimizer", "--preset"):
        assert option in found["The paper's comparisons"]
        assert option not in found["Options"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_nothing_is_shown_as_a_type_of_python(command):
    shown = "\n".join(line for lines in panels(*filter(None, [command]), "--help").values() for line in lines)
    assert "--help" in shown
    assert not re.search(r"<\w|list\[|bool", shown)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_two_examples_that_are_understood_and_its_exit_codes(command):
    found = panels(command, "-h")
    examples = found["Examples"]
    assert len(examples) == 2
    for example in examples:
        gdest_word, name, *words = shlex.split(example)
        assert (gdest_word, name) == ("gdest", command)
        COMMANDS[command].make_context(name, words)
    codes = [int(line.split()[0]) for line in found["Exit codes"]]
    assert codes == sorted(set(codes))
    assert {0} < set(codes) <= {int(code) for code in ExitCode}


def test_what_an_exit_code_means_is_said_alike_in_help_and_manual():
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", read_pages()["exit-codes"], re.MULTILINE))
    assert rows == {str(int(code)): code.meaning for code in ExitCode}


def complete(*words):
    environment = os.environ | {
        "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1), "_GDEST_COMPLETE": "complete_bash",
    }  # fmt: skip
    command = [sys.executable, "-m", "gdest"]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("gdest calib", ["calibrate"]),
        ("gdest scan --engine r", ["ray"]),
        ("gdest analyze --device cu", ["cuda"]),
        ("gdest train --preset a", ["azimi"]),
        ("gdest train --backbone v", ["vgg16"]),
        ("gdest synth --grades s", ["seen"]),
        ("gdest manual pixel", ["pixel-size"]),
    ],
)
def test_a_shell_completes_commands_and_the_words_of_options(words, offered):
    assert complete(*words.split()) == offered


def test_completion_is_installed_into_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    assert gdest_process("--install-completion", "bash").returncode == 0
    assert "_GDEST_COMPLETE" in (tmp_path / ".bash_completions" / "gdest.sh").read_text()


def test_a_home_folder_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    ended = gdest_process("--install-completion", "bash")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (ExitCode.USAGE, 1), ended.stderr
    assert ended.stderr.startswith("gdest: Cannot write ")


def test_quiet_leaves_results_and_errors(tmp_path):
    loud, quiet = (
        gdest("synth", tmp_path / name, "--count", "1", "--size", "224x224", *flag)
        for name, flag in (("a", ()), ("b", ("-q",)))
    )
    assert "Written: " in loud.stderr
    assert (quiet.returncode, quiet.stderr) == (0, "")
    ended = gdest("report", tmp_path / "none", "-q")
    assert ended.returncode == ExitCode.USAGE
    assert ended.stderr.startswith("gdest: ")


@pytest.mark.parametrize("words", ["0,37", "0.37"])
def test_a_number_has_a_decimal_point_or_comma(typed, words):
    assert typed("scan", "a", "--out", "o", "--um-per-px", words)[2].calibration.um_per_px == 0.37


def test_what_is_no_number_is_said_in_plain_words():
    ended = gdest("scan", "a", "-o", "o", "--um-per-px", "fine")
    assert ended.returncode == ExitCode.USAGE
    assert "'fine' is not a number, such as 0.37." in ended.stderr
    assert "float" not in ended.stderr
