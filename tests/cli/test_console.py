"""What is printed of micrographs: every interval with its level, and why a mixed field has none."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.table_rows import row

from gdest.cli.console import print_counted, print_opinions, print_rows, say_written
from gdest.training.own_steel import Opinion

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
