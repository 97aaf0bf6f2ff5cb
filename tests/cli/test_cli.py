"""The commands as a user types them, with the bundled weights."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys

import openpyxl
import pandas as pd
import pytest
from helpers.command_line import EXAMPLES, gdest, gdest_process
from PIL import Image

from gdest.model import weights_path


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A folder with spaces and umlauts, good files in two folders, and one that is really broken."""
    root = tmp_path_factory.mktemp("x") / "Schliffe März 2026 äöü"
    (root / "Ofen 1").mkdir(parents=True)
    shutil.copy(EXAMPLES / "steel-5.tif", root / "Ofen 1" / "1.tif")
    shutil.copy(EXAMPLES / "steel-3.tif", root / "1.tif")
    content = (EXAMPLES / "steel-7.tif").read_bytes()
    (root / "broken <b>.tif").write_bytes(content[: len(content) // 2])
    return root


@pytest.fixture(scope="module")
def scanned(archive, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "Ergebnis"
    return gdest("scan", archive, "--out", out), out


def test_a_scan_names_the_broken_file_and_grades_the_rest(scanned):
    finished, out = scanned
    assert finished.returncode == 3, finished.stderr
    assert "broken <b>.tif: failed" in finished.stderr
    assert finished.stdout == ""
    frame = pd.read_csv(out / "results.csv").set_index("file")
    assert list(frame.index) == ["1.tif", "Ofen 1/1.tif", "broken <b>.tif"]
    assert list(frame["status"]) == ["graded", "graded", "failed"]
    labels = pd.read_csv(EXAMPLES / "labels.csv").set_index("file")["g"]
    assert frame["g"]["Ofen 1/1.tif"] == pytest.approx(labels["steel-5.tif"], abs=0.5)
    assert frame["g"]["1.tif"] == pytest.approx(labels["steel-3.tif"], abs=0.5)
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*.png")) == [
        f"{folder}/{name}.png" for folder in ("heatmaps", "layers", "overlays") for name in ("1.tif", "Ofen 1/1.tif")
    ]


def test_the_workbook_says_what_the_csv_says(scanned):
    _, out = scanned
    book = openpyxl.load_workbook(out / "results.xlsx")
    summary = {row[0].value: row[1].value for row in book["Summary"] if row[0].value and len(row) > 1}
    assert (summary["micrographs"], summary["graded"], summary["failed"]) == (3, 2, 1)
    assert summary["time taken, s"] > 0
    frame = pd.read_csv(out / "results.csv")
    sheet = pd.read_excel(out / "results.xlsx", sheet_name="Micrographs").rename(columns={"G": "g"})
    pd.testing.assert_frame_equal(frame[["file", "status", "g"]], sheet[["file", "status", "g"]], check_dtype=False)


@pytest.mark.usefixtures("scanned")
def test_the_scanned_folder_is_left_as_it_was(archive):
    assert sorted(p.name for p in archive.rglob("*.tif")) == ["1.tif", "1.tif", "broken <b>.tif"]
    assert len(list(archive.rglob("*"))) == 4


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    """A part of an example, of four tiles, in a file that does not say its pixel size."""
    path = tmp_path_factory.mktemp("part") / "part.png"
    with Image.open(EXAMPLES / "steel-5.tif") as image:
        image.crop((0, 0, 448, 448)).save(path)
    return path


def test_analyze_prints_json_on_stdout_and_nothing_else(tmp_path, capfd):
    finished = gdest("analyze", EXAMPLES / "steel-3.tif", "--json", "--heatmap", cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert capfd.readouterr().out == ""
    (row,) = json.loads(finished.stdout)
    assert row["g_low"] < row["g"] < row["g_high"]
    assert row["um_per_px_source"] == "tiff-resolution"
    assert row["reason"] is None
    assert (tmp_path / "steel-3.tif.heatmap.png").is_file()


def test_twice_the_pixel_size_is_two_grades_coarser_from_the_command_line_and_from_the_rules(part, tmp_path):
    rules = tmp_path / "gdest.toml"
    rules.write_text('[[pixel_size]]\nglob = "*part*"\num_per_px = 2.0\ntrust = true\n')
    rows = []
    for words in (("--um-per-px", "1.0"), ("--um-per-px", "2.0"), ("--config", rules)):
        finished = gdest("analyze", part, "--json", *words)
        rows += json.loads(finished.stdout)
    assert rows[0]["g"] - rows[1]["g"] == pytest.approx(2.0, abs=0.002)
    assert rows[2]["g"] == rows[1]["g"]
    assert [row["um_per_px_source"] for row in rows] == ["command-line", "command-line", "gdest.toml"]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["scan", "missing", "--out", "o"], 2, "cannot be found"),
        (["scan", ".", "--out", "./inside"], 2, "scanned folder"),
        (["scan", "empty", "--out", "o"], 4, "No image"),
        (["analyze", "text.tif"], 4, "not an image"),
        (["analyze", "text.tif", "--magnification", "100"], 2, "--camera-um"),
        (["analyze", "text.tif", "--weights", "text.tif"], 5, "text.tif cannot be used"),
        (["analyze", "text.tif", "--device", "toaster"], 2, "toaster"),
        (["analyze", "text.tif", "--stride", "500"], 2, "--stride"),
        (["synth", "o", "--size", "large"], 2, "WIDTHxHEIGHT"),
        (["train", "empty", "--out", "w.bin"], 2, ".safetensors"),
        (["train", "empty", "--out", "w.safetensors"], 2, "no labelled"),
    ],
)
def test_what_a_user_does_wrong_is_one_clear_sentence_and_the_designed_code(tmp_path, arguments, code, word):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tif").write_text("no image")
    finished = gdest(*arguments, cwd=tmp_path)
    assert finished.returncode == code, finished.stderr
    assert word in finished.stderr


def test_a_process_that_cannot_do_as_told_ends_without_a_traceback():
    finished = gdest_process("frobnicate")
    assert finished.returncode == 2
    assert "frobnicate" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_an_uncalibrated_image_gets_no_g_and_says_so_by_its_exit_code(part):
    finished = gdest("analyze", part, "--json")
    (row,) = json.loads(finished.stdout)
    assert finished.returncode == 4
    assert (row["status"], row["g"], row["um_per_px"]) == ("uncalibrated", None, None)
    assert row["g_seen"] is not None


def test_without_json_the_grade_and_its_interval_stand_in_a_table(part):
    finished = gdest("analyze", part, "--um-per-px", "1.0")
    assert finished.returncode == 0, finished.stderr
    (row,) = json.loads(gdest("analyze", part, "--um-per-px", "1.0", "--json").stdout)
    (line,) = [line for line in finished.stdout.splitlines() if " graded " in line]
    assert f" {row['g']:.1f} " in line
    assert f" {row['g_low']:.1f}..{row['g_high']:.1f} " in line
    assert row["model"] in finished.stderr


def hear_ctrl_c():
    """Undo what a shell does to jobs in its background, which are deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_keeps_what_was_done_and_exits_with_130(tmp_path):
    root = tmp_path / "many"
    root.mkdir()
    for i in range(40):
        shutil.copy(EXAMPLES / "steel-5.tif", root / f"{i:02d}.tif")
    command = [sys.executable, "-m", "gdest", "scan", str(root), "--out", str(tmp_path / "out")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    with subprocess.Popen(command, **pipes, preexec_fn=hear_ctrl_c) as process:
        for line in process.stderr:
            if "grading: 4/40" in line:
                process.send_signal(signal.SIGINT)
                break
        rest, printed = process.stderr.read(), process.stdout.read()
    assert process.returncode == 130, rest
    assert printed == ""
    done = pd.read_csv(tmp_path / "out" / "results.csv")
    assert 4 <= len(done) < 40
    assert set(done["status"]) == {"graded"}


def test_info_prints_the_model_card_for_a_person_and_as_json():
    finished = gdest("info")
    assert finished.returncode == 0
    lines = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in finished.stdout.splitlines() if "  " in line)
    card = json.loads(gdest("info", "--json").stdout)
    assert lines["um per px"] == "1" and card["model card"]["um_per_px"] == 1.0
    assert lines["sha256"] == card["sha256"] == hashlib.sha256(weights_path(None).read_bytes()).hexdigest()
    first, *_ = card["model card"]["tile_scatter"]
    assert lines["tile scatter"].startswith(f"G {first[0]:g}: {first[1]:g}, G ")
    assert float(lines["limits: novelty"]) == pytest.approx(card["model card"]["limits"]["novelty"], rel=1e-4)
    assert not {"{", "[", '"', "_", "\xa0"} & set(finished.stdout.partition("Model card")[2].partition("training")[0])


@pytest.mark.parametrize("command", ["analyze", "count", "explain"])
def test_a_folder_is_sent_to_the_command_for_folders(tmp_path, command):
    finished = gdest(command, EXAMPLES / "steel-5.tif", tmp_path)
    assert (finished.returncode, finished.stderr) == (
        2,
        f"gdest: {tmp_path} is a folder; use gdest scan {tmp_path} --out results.\n",
    )


@pytest.mark.parametrize("command", [("analyze", "steel-5.tif"), ("count", "steel-5.tif"), ("scan", ".", "-o", "/x/o")])
def test_without_the_reader_of_scale_bars_nothing_is_begun(monkeypatch, command):
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    finished = gdest(*command, "--read-scale-bar", cwd=EXAMPLES)
    assert finished.returncode == 2
    (sentence,) = finished.stderr.splitlines()
    assert "gdest[ocr]" in sentence
    assert "--scale-bar-um" in sentence


def test_the_first_command_of_the_readme_grades_every_example(tmp_path):
    ended = gdest("scan", EXAMPLES, "--out", tmp_path / "results", "--quiet")
    assert ended.returncode == 0, ended.stderr
