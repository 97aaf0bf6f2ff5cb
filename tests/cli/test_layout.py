"""A table at any width: numbers stay whole, names keep their end."""

from __future__ import annotations

import io

import pytest
from helpers.table_rows import row
from rich.cells import cell_len
from rich.console import Console

from gdest.cli.console import print_counted, print_rows
from gdest.cli.layout import LEAST_NAME, Column, groups_within, print_columns, shortened

NAME = "archive/Ofen 1/2026-11/steel-5.tif"
COUNTED = {"g_counted": 7.5, "g_counted_low": 7.25, "g_counted_high": 8.125, "grains_counted": 123456.0}
NUMBERS = ("7.5", "7.2..8.1", "123456", "8.0", "7.6..8.4", "0.5000")


def printed(columns, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    output = io.StringIO()
    print_columns(columns, Console(file=output, highlight=False))
    return output.getvalue()


@pytest.mark.parametrize("width", [*range(1, 130, 7), 20, 40, 60, 80, 200])
def test_at_no_width_a_number_is_cut_or_split_and_a_row_is_lost(width, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    print_rows([row(NAME, **COUNTED), row("b.tif", **COUNTED)])
    words = capsys.readouterr().out.split()
    for number in NUMBERS:
        assert words.count(number) == 2, (number, words)
    assert sum(word.endswith("steel-5.tif") for word in words) >= 1


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_table_is_never_wider_than_the_terminal(width, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    print_counted([row(NAME, **COUNTED, relative_accuracy_counted=12.5, g_largest_grain=3.5)])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) <= width
    assert any("\N{HORIZONTAL ELLIPSIS}" in line for line in lines) == (width < 120)


def test_into_a_pipe_a_table_is_as_wide_as_it_needs(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    name = "folder/" * 40 + "a.tif"
    print_rows([row(name, **COUNTED)])
    assert any(f" {name} " in line for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("name", ["plain/steel.tif", "東京の鋼/結晶粒.tif", "a" * 30, ""])
@pytest.mark.parametrize("width", [1, 2, 5, 11, 12, 40])
def test_a_shortened_name_is_an_end_of_the_name_within_its_width(name, width):
    short = shortened(name, width)
    assert cell_len(short) <= width
    assert name.endswith(short.removeprefix("\N{HORIZONTAL ELLIPSIS}"))
    assert (short == name) == (cell_len(name) <= width)
    if short != name:  # one character more would not fit
        assert cell_len(short) + cell_len(name[len(name) - len(short)]) > width


def columns(name_length, *numbers):
    return [
        Column("file", ("x" * name_length,), name=True),
        *(Column("n", (number,), right=True) for number in numbers),
    ]


def test_columns_stand_in_one_table_while_a_name_of_twelve_fits_and_else_below_each_other():
    wide = 1 + (LEAST_NAME + 3) + 2 * (4 + 3)
    (one,) = groups_within(columns(30, "1234", "5678"), wide)
    assert [len(group) for group in groups_within(columns(30, "1234", "5678"), wide)] == [3]
    assert one[0].longest == LEAST_NAME
    assert [len(group) for group in groups_within(columns(30, "1234", "5678"), wide - 1)] == [2, 2]
    assert groups_within(columns(30, "1234", "5678"), wide - 8) == []


def test_where_no_table_fits_each_row_is_a_block_of_lines(monkeypatch):
    both = [Column("file", (NAME, "b.tif"), name=True), Column("G", ("7.5", "")), Column("grains", ("123456", "9"))]
    assert printed(both, 12, monkeypatch) == f"file:\n{NAME}\nG: 7.5\ngrains:\n123456\n\nfile: b.tif\ngrains: 9\n"
