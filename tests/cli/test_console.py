"""What is printed of micrographs: every interval with its level, and why a mixed field has none."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.table_rows import row

from gdest.cli.console import print_counted, print_errors, print_opinions, print_rows, say_written
from gdest.core import NO_METAL
from gdest.training.measuring import Errors
from gdest.training.opinion import Opinion

SIDE = "\N{BOX DRAWINGS LIGHT VERTICAL}"
COUNTED = {"g_counted": 7.5, "g_counted_low": 7.0, "g_counted_high": 8.0, "grains_counted": 200.0}


def test_every_interval_bears_its_level_and_a_count_is_called_one(capsys):
    print_rows([row("a.tif", **COUNTED)])
    head = capsys.readouterr().out.splitlines()[1]
    titles = [
        title.strip()
        for title in head.strip("\N{BOX DRAWINGS HEAVY VERTICAL}").split("\N{BOX DRAWINGS HEAVY VERTICAL}")
    ]
    assert titles[2:7] == ["G counted", "95 % interval", "grains counted", "G estimated", "90 % interval"]


@pytest.mark.parametrize("kind", ["homogeneity", "homogeneity_counted"])
def test_a_mixed_field_has_no_interval_and_the_reason_is_said(capsys, kind):
    none = dict.fromkeys(("g_low", "g_high", "g_counted_low", "g_counted_high"))
    print_rows([row("a.tif", **(COUNTED | none | {kind: "duplex:bimodal"})), row("b.tif", **COUNTED)])
    printed = capsys.readouterr()
    assert "a.tif: duplex:bimodal: one G says little of a mixed field, so it has no interval." in printed.err
    assert "b.tif:" not in printed.err
    assert printed.out.count("..") == 2


def test_no_mixed_field_is_told_of_a_picture_without_metal(capsys):
    kinds = {"homogeneity": "unknown", "homogeneity_counted": "duplex:bimodal"}
    print_rows([row("a.tif", status="review", reason=f"{NO_METAL} (probability 99 %)", **kinds)])
    printed = capsys.readouterr()
    assert f"a.tif: review: {NO_METAL}" in printed.err
    assert "duplex:bimodal" not in printed.out + printed.err


@pytest.mark.parametrize("show", [print_rows, print_counted])
def test_a_name_in_a_table_is_neither_markup_nor_a_command_to_the_terminal(capsys, show):
    show([row("[red]:x:\x1b\u202e", reason="\x9b31m :skull:")])
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err
    assert "\u202e" not in printed.out + printed.err
    lines = [line.split(SIDE) for line in printed.out.splitlines() if SIDE in line]
    assert "".join(line[1].strip() for line in lines) == "[red]:x:\ufffd\ufffd"
    assert ":skull:" in printed.err
    assert all(line.isprintable() for line in (printed.out + printed.err).splitlines())


def test_a_file_that_is_not_there_is_not_named_as_written(capsys, tmp_path):
    (tmp_path / "a.csv").write_text("")
    say_written(tmp_path / "a.csv", tmp_path / "b.png")
    assert capsys.readouterr().err == f"Written: {tmp_path / 'a.csv'}\n"


def test_what_calibrating_shows_stands_in_two_tables_with_titles(capsys):
    errors, half_widths = np.array([0.3, 0.2, 0.3, 0.2, 0.25]), np.full(5, 0.22)
    both = [Opinion("estimate", errors, half_widths), Opinion("count", -errors, 2 * half_widths)]
    print_opinions(both)
    first, second = capsys.readouterr().out.split("What it brings: each field, calibrated by the others")
    assert first.startswith("What the fields show\n")
    assert all(f"{one.bias:+.2f}" in first and f"({one.coverage:.0%})" in first for one in both)
    assert ("40%" in second, "100%" in second, "0.25" in second) == (True,) * 3


@pytest.mark.parametrize("with_counts", [True, False])
def test_how_many_are_graded_stands_behind_the_estimates_columns_and_before_the_counts(capsys, with_counts):
    sets = {"all": Errors(9, 0.5, -0.1, 0.8, 0.7, graded=7), "graded only": Errors(7, 0.2, 0.1, 1.0, 0.9, graded=7)}
    print_errors(sets, {"all": Errors(8, 0.4, 0.3, 0.5, 0.6, graded=6)} if with_counts else {})
    lines = [line.strip(SIDE).split(SIDE) for line in capsys.readouterr().out.splitlines() if SIDE in line]
    cells = [[cell.strip() for cell in line] for line in lines]
    estimates = [["all", "9", "0.500", "-0.100", "80.0%", "70.0%", "7"], ["graded only", "7", "0.200", "+0.100"]]
    estimates[1] += ["100.0%", "90.0%", "7"]
    counts = [["8", "0.400", "+0.300", "60.0%"], [""] * 4] if with_counts else [[], []]
    assert cells == [one + count for one, count in zip(estimates, counts, strict=True)]
