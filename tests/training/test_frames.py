"""The tables of training are read by programs, and hold names of files that a spreadsheet must not run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from gdest.core.records import ImageFile
from gdest.core.tables import read_table
from gdest.training.evaluation import Answered, write_errors, write_scores
from gdest.training.frames import write_frame
from gdest.training.labels import Labelled, Split
from gdest.training.log import write_split
from gdest.training.paper_scores import Answers
from gdest.training.study.training_runs import read_runs, write_runs

EVIL = "=cmd|calc!A1;+2.tif"
ITEM = Labelled(ImageFile(Path(EVIL), EVIL), 6.0, 1.0, "@P1", None)


def is_inert(path):
    text = path.read_text(encoding="utf-8")
    assert "'=cmd|calc!A1;'+2.tif" in text
    assert read_table(path)[0]["file"] == "=cmd|calc!A1;'+2.tif"


def test_an_evaluation_holds_no_formula(tmp_path):
    statistics = SimpleNamespace(g_low=5.5, g_high=6.5)
    row = SimpleNamespace(status="graded", reason=None)
    measured = SimpleNamespace(item=ITEM, g=6.1, error=0.1, statistics=statistics, row=row, count=None)
    write_errors([measured] * 2, tmp_path)
    is_inert(tmp_path / "evaluation.csv")


def test_an_evaluation_as_the_paper_counts_holds_no_formula(tmp_path):
    g = np.array([6.0, 7.0])
    nothing = np.zeros(0)
    answers = Answers(truth=g, g=g + 0.1, embedding=np.zeros((2, 2)), crop_truth=nothing, crop_g=nothing)
    write_scores(Answered([ITEM, ITEM], answers, (6.0, 7.0)), tmp_path)
    is_inert(tmp_path / "evaluation.csv")


def test_the_sides_of_a_split_hold_no_formula(tmp_path):
    write_split(tmp_path / "w.safetensors", Split([ITEM], [], []))
    is_inert(tmp_path / "w.split.csv")
    assert read_table(tmp_path / "w.split.csv")[0]["specimen"] == "@P1"


def test_the_runs_of_a_study_are_read_as_they_were_written(tmp_path):
    rows = [
        {"config": "a", "init": "-w.safetensors", "seed": 1, "validation_loss": 0.25, "rescale": True, "preset": ""},
        {
            "config": "b",
            "init": "none",
            "seed": 2,
            "validation_loss": float("nan"),
            "rescale": False,
            "preset": "azimi",
        },
    ]
    write_runs(tmp_path, rows)
    assert "'-w.safetensors" in (tmp_path / "runs.csv").read_text()
    found = read_runs(tmp_path)
    assert found[0] == rows[0]
    assert np.isnan(found[1].pop("validation_loss"))
    assert found[1] == {name: value for name, value in rows[1].items() if name != "validation_loss"}


@pytest.mark.parametrize("index", [True, False])
def test_a_table_keeps_its_index_where_that_says_something(tmp_path, index):
    frame = pd.DataFrame({"x": [1, 2], "y": [0.5, np.nan]}, index=["=a", "b"])
    write_frame(frame, tmp_path / "a.csv", index=index)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines == ([",x,y", "'=a,1,0.5", "b,2,"] if index else ["x,y", "1,0.5", "2,"])
