"""The script that makes the paper's study on a GPU goes on where it was stopped, and replaces the old results."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from gdest.synth import SynthSettings

SCRIPT = Path(__file__).parent.parent.parent / "examples/study/make_study.py"


@pytest.fixture
def script(monkeypatch, tmp_path):
    """Return what the script defines, and the commands that it gives in place of running them."""
    monkeypatch.chdir(tmp_path)
    defined, given = runpy.run_path(str(SCRIPT)), []
    names = defined["make"].__globals__
    monkeypatch.setitem(names, "gdest", lambda words, folder: given.append((words, folder)) or 0)
    monkeypatch.setitem(names, "HERE", tmp_path / "results")
    (tmp_path / "results").mkdir()
    return names, given


def make(names, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["make_study.py", *words])
    names["make"]()


def test_a_set_is_drawn_once_and_one_that_was_stopped_is_drawn_anew(script, tmp_path):
    names, _ = script
    (tmp_path / "seen.unfinished").mkdir()
    (tmp_path / "seen.unfinished/stale.tif").write_bytes(b"")
    settings = SynthSettings(count=2, rows=224, cols=224, grades=(8.0, 9.0))
    names["draw"](tmp_path / "seen", settings)
    made = sorted(path.name for path in (tmp_path / "seen").iterdir())
    assert made == ["8.0", "9.0", "labels.csv"]
    (tmp_path / "seen/labels.csv").write_text("kept")
    names["draw"](tmp_path / "seen", settings)
    assert (tmp_path / "seen/labels.csv").read_text() == "kept"


def test_the_study_is_the_one_that_was_asked_for_and_its_results_take_the_old_ones_place(script, tmp_path, monkeypatch):
    names, given = script
    drawn = []
    monkeypatch.setitem(names, "draw", lambda folder, settings: drawn.append((folder.name, settings)))
    (tmp_path / "work/study").mkdir(parents=True)
    (tmp_path / "work/study/study.md").write_text("new")
    (tmp_path / "work/study/fig6.png").write_bytes(b"new")
    (tmp_path / "results/fig4.csv").write_text("old")
    (tmp_path / "results/make_study.py").write_text("stays")
    make(names, monkeypatch, "work", "--minutes", "7.5", "--device", "cuda")
    ((words, folder),) = given
    assert folder == tmp_path / "work"
    line = " ".join(words)
    assert "--configs *-resnet18-fc-* --seeds 3 --minutes 7.5 --device cuda" in line
    assert "study seen --unseen unseen --out study --init none" in line
    sizes = [(name, settings.count, settings.rows, settings.cols) for name, settings in drawn]
    assert sizes == [("seen", 242, 960, 1280), ("unseen", 108, 960, 1280)]
    found = {path.name: path.read_bytes() for path in (tmp_path / "results").iterdir()}
    assert found == {"study.md": b"new", "fig6.png": b"new", "make_study.py": b"stays"}


def test_in_small_nothing_is_replaced(script, tmp_path, monkeypatch):
    names, given = script
    monkeypatch.setitem(names, "draw", lambda *_: None)
    (tmp_path / "results/study.md").write_text("old")
    (tmp_path / "work/small/study").mkdir(parents=True)
    (tmp_path / "work/small/study/study.md").write_text("new")
    make(names, monkeypatch, "work", "--small")
    assert (tmp_path / "results/study.md").read_text() == "old"
    assert given[0][1] == tmp_path / "work/small"
