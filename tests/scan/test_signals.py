"""Scans that a signal ends: Ctrl-C, SIGTERM, kill -9."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import suppress
from itertools import islice

import pandas as pd
import pytest
from helpers.scan_fixtures import fake_scan, put, results

from gdest.grading.pipeline import grade_files
from gdest.scan import scan, stopping
from gdest.scan.ledger import Ledger
from gdest.scan.planning import Plan
from gdest.scan.settings import ScanSettings


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_keep_what_was_done_and_say_so_by_the_exit_code(root, tmp_path, number, code):
    for i in range(6, 40):
        put(root, f"a/{i}.tif", i)
    process = fake_scan(root, tmp_path / "out", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    for line in process.stderr:
        if "grading" in line:
            process.send_signal(number)
            break
    process.communicate(timeout=60)
    assert process.returncode == code
    assert 1 <= len(pd.read_csv(tmp_path / "out" / "results.csv")) < 40


def test_ctrl_c_is_acknowledged_at_once_and_a_second_one_waits_for_no_file(root, tmp_path):
    """Each batch of the network takes a minute; nobody waits for it."""
    process = fake_scan(
        root, tmp_path / "out", seconds=60, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    )
    lines = iter(process.stderr.readline, "")
    next(line for line in lines if "6 new" in line)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    said, began = next(line for line in lines if "grading" not in line), time.monotonic()
    assert said == "Ctrl-C: stopping after the files in hand; press Ctrl-C again to stop at once.\n"
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=50)[1]
    assert time.monotonic() - began < 30
    assert process.returncode == 130
    assert "Stopped at once; what was recorded is kept, and the next scan goes on from there." in rest


def interrupted_after(count, times):
    """Return what grades `count` files like `grade_files` and then hears Ctrl-C so often."""

    def grade(*arguments):
        for number, answer in enumerate(grade_files(*arguments)):
            if number == count:
                for _ in range(times):
                    os.kill(os.getpid(), signal.SIGINT)
            yield answer

    return grade


def test_ctrl_c_before_the_first_micrograph_leaves_older_reports_alone(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.csv").write_text("of last night")

    def nothing(*_arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return iter(())

    monkeypatch.setattr(scan, "grade_files", nothing)
    assert run()[0] == 130
    assert (tmp_path / "out" / "results.csv").read_text() == "of last night"
    assert "Stopped by Ctrl-C; nothing was done yet." in capsys.readouterr().err


def test_a_first_ctrl_c_lets_the_scan_finish_what_it_holds(run, table, monkeypatch):
    monkeypatch.setattr(scan, "grade_files", interrupted_after(2, times=1))
    assert run()[0] == 130
    assert len(table()) == 6  # all were in hand


def test_a_second_ctrl_c_ends_the_scan_at_once_and_what_was_done_is_kept(run, tmp_path, monkeypatch):
    monkeypatch.setattr(stopping, "GRACE_S", 600.0)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(scan, "grade_files", interrupted_after(2, times=2))
        run()
    assert not (tmp_path / "out" / "results.csv").exists()
    with Ledger.open(tmp_path / "out") as ledger:
        assert ledger.counts(ledger.recipes()[0].id) == {"graded": 2}
    assert run() == (0, 16)


@pytest.mark.parametrize(("times", "code"), [(1, 143), (2, 130)])
def test_the_log_tells_of_the_signal_and_of_the_end(run, tmp_path, monkeypatch, times, code):
    monkeypatch.setattr(stopping, "GRACE_S", 600.0)

    def stopped(*_arguments, **_how):
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGTERM)
        return iter(())

    monkeypatch.setattr(Plan, "require_any", stopped)
    with suppress(KeyboardInterrupt):
        run(ScanSettings(log_file=tmp_path / "log"))
    events = [json.loads(line) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    assert ("signal", "SIGTERM") in [(event["event"], event.get("signal")) for event in events]
    assert ("end", code) in [(event["event"], event.get("exit_code")) for event in events]


def test_a_scan_killed_at_random_moments_ends_with_the_results_of_an_undisturbed_one(root, tmp_path):
    for i in range(6, 30):
        put(root, f"a/{i}.tif", i)
    whole, out = tmp_path / "whole", tmp_path / "out"
    undisturbed = fake_scan(root, whole, seconds=0.0)
    moments, kept = random.Random(7), []
    for lines in (8, 8, 30):  # the third dies while it writes the reports, or just before or after
        process = fake_scan(root, out, seconds=0.02, between_writes=0.0)
        list(islice((line for line in process.stderr if "grading" in line), lines))
        time.sleep(moments.uniform(0.0, 0.1))
        process.kill()
        process.communicate()
        with Ledger.open(out) as ledger:
            kept.append(sum(ledger.counts(ledger.recipes()[0].id).values()))
    assert 0 < kept[0] < kept[1] < kept[2] == 30
    assert fake_scan(root, out).wait(120) == 0
    assert undisturbed.wait(120) == 0
    assert results(out) == results(whole)
    assert list(out.rglob(".gdest-unfinished-*")) == []
