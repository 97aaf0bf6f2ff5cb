"""Long work says what it does: every stage has a title, and counts all its steps."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest
from helpers.command_line import EXAMPLES, gdest
from helpers.small_training import QUICK

from gdest.core import terminal
from gdest.core.settings import GradeSettings
from gdest.training import fit
from gdest.training.evaluation import evaluate


class Stages:
    """Record each stage with its steps and how many were done; one stage ends before the next begins."""

    def __init__(self):
        self.seen, self.inside = [], False

    @contextmanager
    def __call__(self, title, steps):
        assert not self.inside, title
        self.inside, done = True, [0]
        yield lambda step: done.__setitem__(0, done[0] + step)
        self.inside = False
        self.seen.append((title, steps, done[0]))

    def titles(self):
        return [title for title, _, _ in self.seen]

    def require_all_counted(self):
        assert [(title, steps) for title, steps, done in self.seen if steps != done] == []


def test_training_tells_each_of_its_stages_and_counts_every_step(drawn, tmp_path):
    stages = Stages()
    fit.train(drawn, tmp_path / "w.safetensors", replace(QUICK, test_share=0.3), stage=stages)
    stages.require_all_counted()
    titles = stages.titles()
    assert titles.index("training") < titles.index("learning what not to grade") < titles.index("measuring")
    assert titles[-1] == "measuring on the test set"
    assert {"drawing pictures: gradeable", "finding the limits of doubt"} <= set(titles)
    assert any(title.startswith("reading ") for title in titles)


def test_measuring_counts_every_micrograph(tmp_path, bundled_model):
    lines = [f"{EXAMPLES / name},{g},1.0" for name, g in (("steel-5.tif", 9.0), ("steel-6.tif", 10.5))]
    (tmp_path / "labels.csv").write_text("\n".join(["file,g,um_per_px", *lines]))
    stages = Stages()
    evaluate(tmp_path, bundled_model, GradeSettings(), stages)
    assert stages.seen == [("measuring", 2, 2)]


@pytest.mark.parametrize("epochs", [0, 1])
def test_only_files_that_exist_are_named_as_written(drawn, trained, tmp_path, epochs, monkeypatch):
    monkeypatch.setattr(terminal, "EVERY_S", 0.5)
    out = tmp_path / "w.safetensors"
    words = ("train", drawn, "-o", out, "--epochs", epochs, "--init", trained.weights, "--unfit-pictures", "3")
    finished = gdest(*words, "--crop-px", "64", "--device", "cpu")
    assert finished.returncode == 0, finished.stderr
    (line,) = [line for line in finished.stderr.splitlines() if line.startswith("Written: ")]
    named = line.removeprefix("Written: ").split(", ")
    assert sorted(named) == sorted(str(path) for path in tmp_path.iterdir())
    assert len(named) == (3 if epochs else 1)
    assert "s so far" in finished.stderr
