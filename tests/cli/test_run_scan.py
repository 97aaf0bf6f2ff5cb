"""What `gdest scan` and `gdest merge` print of an outcome."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from gdest.cli.run_merge import print_merge
from gdest.cli.run_scan import print_scan
from gdest.reports.limits_found import Acceptance
from gdest.scan.outcome import MergeOutcome, Results, ScanOutcome

REPORTS = (Path("out/results.csv"), Path("out/index.html"))
FAILED = {"file": "b.tif", "status": "failed", "reason": "it is empty"}


def results(written=True, unassigned=0, counts=(("graded", 2), ("failed", 1)), problems=(FAILED,)):
    return Results(dict(counts), list(problems), REPORTS, written, unassigned)


@pytest.fixture
def said(capsys):
    """Print an outcome and return the lines on standard error without the table; nothing may reach standard output."""

    def told(tell, outcome):
        tell(outcome)
        out, err = capsys.readouterr()
        assert out == ""
        return [line for line in err.splitlines() if line[0] not in "┏┃┡│└"]

    return told


def test_a_scan_names_its_problems_its_speed_and_its_reports(said):
    assert said(print_scan, ScanOutcome(results(), 3, 1.5)) == [
        "b.tif: failed: it is empty",
        "3 files read in 1.5 s (2.0/s)",
        "Written: out/results.csv, out/index.html",
    ]


def test_a_scan_of_one_file_says_no_rate_and_one_of_none_that_nothing_is_new(said):
    assert said(print_scan, ScanOutcome(results(problems=(), counts={"graded": 1}.items()), 1, 1.5)) == [
        "1 file read in 1.5 s",
        "Written: out/results.csv, out/index.html",
    ]
    assert said(print_scan, ScanOutcome(results(written=False), 0, 0.0))[-2:] == [
        "0 files read in 0.0 s",
        "Nothing new; out/results.csv, out/index.html are up to date.",
    ]


@pytest.mark.parametrize(("signal", "name"), [(2, "Ctrl-C"), (15, "SIGTERM")])
def test_a_scan_that_was_stopped_says_so_first(said, signal, name):
    lines = said(print_scan, ScanOutcome(results(unassigned=2), 3, 1.5, signal))
    assert lines[:2] == [
        f"Stopped by {name}; the reports hold what was done.",
        "2 of 3 micrographs belong to no specimen by the rule in gdest.toml.",
    ]
    assert said(print_scan, ScanOutcome(None, 0, 1.5, signal)) == [f"Stopped by {name}; nothing was done yet."]


def test_problems_that_are_not_named_are_counted(said):
    lines = said(print_scan, ScanOutcome(results(counts={"graded": 2, "review": 3, "failed": 1}.items()), 6, 1.0))
    assert lines[1] == "... and 3 more; the reports name each."


def test_a_scan_ends_with_what_its_limits_applied_to_and_what_fails(said):
    failing = [f"{i}.tif: fail: G 3.0 (2.7..3.2, 90 %) is below 5.0" for i in range(22)]
    found = Acceptance(
        ("G >= 5.0, applies to 24 micrographs, 1 specimen", "G >= 5 (heat H9*), applies to 0 micrographs, 0 specimens"),
        {"micrograph": Counter({"fail": 22, "pass": 2}), "specimen": Counter({"undecided": 1})},
        ("specimen P1: fail: homogeneity is duplex in 1 of 5 fields, must be uniform", *failing[:19]),
        23,
    )
    outcome = ScanOutcome(
        replace(results(written=False, counts=(("graded", 24),), problems=()), acceptance=found), 0, 0.0
    )
    assert said(print_scan, outcome)[:-1] == [
        "Limit 1: G >= 5.0, applies to 24 micrographs, 1 specimen.",
        "Limit 2: G >= 5 (heat H9*), applies to 0 micrographs, 0 specimens.",
        "Micrographs: 2 pass, 22 fail.",
        "Specimens: 1 undecided.",
        "specimen P1: fail: homogeneity is duplex in 1 of 5 fields, must be uniform",
        *failing[:19],
        "... and 3 more fail; the reports name each.",
        "0 files read in 0.0 s",
    ]


def test_a_merge_names_gaps_and_doubles_but_no_more_than_twenty_of_each(said):
    gaps = tuple(f"{i}.tif: not graded by any shard" for i in range(22))
    assert said(print_merge, MergeOutcome(results(problems=()), 2, ("a.tif",), gaps))[1:] == [
        *gaps[:20],
        "... and 2 more.",
        "a.tif: graded by more than one shard; the later row is kept",
        "2 shards: 1 file graded twice, 22 gaps.",
        "Written: out/results.csv, out/index.html",
    ]
