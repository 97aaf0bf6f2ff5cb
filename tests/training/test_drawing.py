"""Micrographs that are drawn while a network trains: the same for the same seed, whoever draws them, and bounded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.interruptions import interrupt_in_the_second_epoch
from helpers.small_training import QUICK

from gdest.core.errors import DataError, SettingsError
from gdest.model import network
from gdest.synth.dataset import write_dataset
from gdest.training import feeding
from gdest.training.draw_settings import DrawSettings
from gdest.training.drawing import Drawing
from gdest.training.drawn_sets import drawn_to_judge, drawn_to_validate
from gdest.training.examples import Example, load_examples
from gdest.training.feeding import Decoded, order_of_drawn
from gdest.training.fit import fit, new_card, train
from gdest.training.labels import read_labels
from gdest.training.run_files import unfinished_path
from gdest.training.settings import TrainSettings
from gdest.training.stages import no_stage

SMALL = DrawSettings(4, "224x230", 8.0, 11.0, draw_seed=5, draw_workers=2)
DRAWING = replace(QUICK, drawing=SMALL)


def state(path):
    return network.load_model(path).network.state_dict()


def same(one, other):
    return (one.g_seen, one.log2_density) == (other.g_seen, other.log2_density) and all(
        torch.equal(a, b) for a, b in zip(one.pyramid, other.pyramid, strict=True)
    )


@pytest.fixture(scope="module")
def first_seven():
    with Drawing(range(7), DRAWING) as drawing:
        return list(drawing)


def test_drawn_micrographs_are_those_that_synth_makes_of_the_same_seed(first_seven, tmp_path):
    list(write_dataset(tmp_path, replace(SMALL.synthetic(1.0, count=7), workers=1)))
    read = load_examples(read_labels(tmp_path, None), 1.0, torch.device("cpu"))
    for drawn, known in zip(first_seven, read, strict=True):
        assert drawn.g_seen == pytest.approx(known.g_seen, abs=1e-4)  # labels.csv rounds
        assert same(replace(drawn, g_seen=known.g_seen), known)
        assert drawn.shows_features


def test_how_many_processes_draw_and_where_they_begin_changes_no_micrograph(first_seven, monkeypatch):
    """One that is ahead of a slow training waits until there is room."""
    monkeypatch.setattr("gdest.training.drawing.AHEAD", 1)
    alone = replace(DRAWING, drawing=replace(SMALL, draw_workers=1))
    again = []
    with Drawing([2, 5, 6], alone) as drawing:
        time.sleep(4.0)
        again.extend(drawing)
    assert [same(first_seven[number], one) for number, one in zip((2, 5, 6), again, strict=True)] == [True] * 3
    assert not same(first_seven[0], first_seven[1])
    assert alone.record() == DRAWING.record()
    assert "draw_workers" not in DRAWING.record()
    assert not any(name.startswith("draw") for name in QUICK.record())


def test_a_network_that_learns_from_no_label_map_gets_the_grey_picture_only():
    with Drawing([0], replace(DRAWING, backbone="alexnet")) as drawing:
        (one,) = drawing
    assert [level.shape for level in one.pyramid] == [(1, 230, 224), (1, 115, 112)]
    assert one.log2_density == ()


@pytest.mark.parametrize("decoded", [0, 7])
def test_every_micrograph_gives_as_many_crops_and_few_are_in_memory(decoded, monkeypatch):
    monkeypatch.setattr(feeding, "MOST_HELD", 20)
    settings = replace(DRAWING, epochs=3, batch=10, crops_per_micrograph=10, drawing=replace(SMALL, draw=100))
    order = order_of_drawn(decoded, settings)
    assert order.shape == (3, (decoded + 100) * 10)
    assert np.array_equal(order, order_of_drawn(decoded, settings))
    assert set(Counter(order.ravel().tolist()).values()) == ({10} if not decoded else {10, 30})
    assert all(Counter(epoch.tolist())[one] == 10 for epoch in order for one in range(decoded))
    held, most, where = set(), 0, {}
    feed = feeding._Drawn(order, decoded, range(300), range(300))  # in place of examples, their numbers
    known = [f"file {number}" for number in range(decoded)]
    for end in range(10, order.size + 1, 10):
        crops = order.ravel()[end - 10 : end]
        picked = feed.take(crops, known, end)
        assert picked == [known[one] if one < decoded else one - decoded for one in crops]
        most = max(most, len(feed._held))
        for one in picked:
            where.setdefault(one, []).append(end)
        held |= set(feed._held)
    assert held == set(range(300))
    assert not feed._held
    assert 15 < most <= 21
    spread = [max(places) - min(places) for name, places in where.items() if name not in known]
    assert np.median(spread) > 0.5 * 20 * 10


def test_the_same_seed_trains_the_same_weights_also_when_it_goes_on_after_an_interruption(decoded, tmp_path):
    paths = [tmp_path / f"{name}.safetensors" for name in ("whole", "cut", "other")]
    known = Decoded(decoded.training[:3], decoded.validation)
    for path, settings, stage in (
        (paths[0], DRAWING, no_stage),
        (paths[1], DRAWING, interrupt_in_the_second_epoch),
        (paths[2], replace(DRAWING, drawing=replace(SMALL, draw_seed=6)), no_stage),
    ):
        card = new_card(known.training, settings, "both", 11)
        try:
            fit(card, known, path, settings, stage=stage)
        except KeyboardInterrupt:
            said = []
            fit(card, known, path, replace(settings, drawing=replace(SMALL, draw_workers=1)), said.append)
            assert "Resumed after epoch 1." in said
    whole, cut, other = (state(unfinished_path(path)) for path in paths)
    assert all(torch.equal(value, cut[name]) for name, value in whole.items())
    assert not torch.equal(whole["body.conv1.weight"], other["body.conv1.weight"])


def test_without_data_everything_is_drawn_and_no_two_sets_share_a_micrograph(first_seven, tmp_path):
    settings = replace(DRAWING, epochs=1, validation_share=0.5)
    said = []
    card = train(None, tmp_path / "w.safetensors", settings, said.append)
    assert card.missing_for_grading() == ""
    assert card.boundaries
    assert (card.g_min, card.g_max) == (7.5, 11.5)
    assert card.training["micrographs"] == "4"
    assert (card.training["draw"], card.training["draw_seed"]) == ("4", "5")
    assert card.errors["validation_micrographs"] == 2
    assert said[0] == "4 to be drawn, 4 in each epoch, by 2 processes, 2 for validation, on cpu."
    with drawn_to_validate(settings, no_stage) as items:
        assert [item.g for item in items] == pytest.approx([one.g_seen for one in first_seven[4:6]], abs=1e-4)
        folder = items[0].file.path.parent
    assert not folder.exists()
    judged = drawn_to_judge(settings, no_stage)
    assert len(judged) == 4
    assert same(
        judged[0],
        replace(first_seven[6], pyramid=(first_seven[6].pyramid[0][:1],), log2_density=(), shows_features=False),
    )
    assert not list(tmp_path.glob("*.checkpoint"))


def test_drawn_micrographs_join_files_without_label_maps(decoded, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("gdest.training.trainer.Trainer.step", lambda _, batch: seen.append(batch) or torch.tensor(0.0))
    plain = [Example((one.pyramid[0][:1],), one.g_seen) for one in decoded.training[:4]]
    known = Decoded(plain, [*plain, *decoded.validation])
    settings = replace(DRAWING, epochs=1, average=0.0)
    fit(new_card(plain, settings, "both", 8), known, tmp_path / "w.safetensors", settings)
    assert [len(batch.crops) for batch in seen] == [8, 8]
    assert [0 < len(batch.dense) < 8 for batch in seen] == [True, True]
    assert sum(len(batch.dense) for batch in seen) == 4 * 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_process_that_dies_is_one_sentence():
    with Drawing(range(300), DRAWING) as drawing, pytest.raises(DataError, match=r"killed \(signal 9\).*same command"):
        for number, _ in enumerate(drawing):
            if number == 1:
                os.kill(drawing._processes[1].pid, signal.SIGKILL)


def children_of(pid):
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


def alive(pids):
    found = []
    for pid in pids:
        with open(f"/proc/{pid}/stat") if os.path.exists(f"/proc/{pid}/stat") else open(os.devnull) as file:
            fields = file.read().rpartition(")")[2].split()
        found += [pid] if fields and fields[0] != "Z" else []
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes as Linux shows them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whoever_stops_the_training_stops_the_drawing_and_ctrl_c_says_what_is_kept(tmp_path, number):
    """A terminal sends Ctrl-C to all processes of the group."""
    out = tmp_path / "w.safetensors"
    words = "--draw 4 --draw-size 224x224 --draw-workers 2 --epochs 4000 --batch 4 --crop-px 64 --device cpu"
    command = [sys.executable, "-m", "gdest", "train", "-o", str(out), *words.split(), "--crops-per-micrograph", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("epoch 2/"):
            break
    drawing = children_of(process.pid)
    assert len(alive(drawing)) >= 2
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    rest = process.stderr.read()
    if number == signal.SIGINT:
        assert process.wait() == 130
        assert "stopped by Ctrl-C" in rest
        assert f"{out.with_suffix('.checkpoint')} keeps" in rest
        assert "of 4000 epochs, and the same command goes on from there." in rest
        assert "Traceback" not in rest
    process.wait()
    end = time.monotonic() + 20
    while alive(drawing) and time.monotonic() < end:
        time.sleep(0.2)
    assert alive(drawing) == []


def test_a_process_that_draws_loads_no_torch():
    code = "import sys, gdest.training.drawing_process; assert not {'torch', 'pandas', 'openvino'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"draw": -1}, "--draw must not be negative"),
        ({"draw_size": "9x"}, "--draw-size 9x is not WIDTHxHEIGHT"),
        ({"draw_size": "100x100"}, "--draw-size must be at least 224x224"),
        ({"draw_g_min": 9.0, "draw_g_max": 8.0}, "--draw-g-min and --draw-g-max must satisfy"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence_that_names_the_option(words, sentence):
    with pytest.raises(SettingsError, match=sentence):
        DrawSettings(**words)


def test_a_classifier_is_not_trained_on_drawn_grades_and_nothing_is_trained_on_nothing(tmp_path):
    with pytest.raises(SettingsError, match="--task regression"):
        TrainSettings(drawing=SMALL, task="classification")
    with pytest.raises(SettingsError, match="--draw"):
        train(None, tmp_path / "w.safetensors", QUICK)
