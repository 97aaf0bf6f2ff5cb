from __future__ import annotations

import platform

import numpy
import torch
import torchvision
from helpers.table_rows import row

from gdest import __version__
from gdest.reports.record import Record, caution, library_versions, this_host


def test_the_versions_of_every_library_that_makes_the_numbers_are_known():
    found = library_versions()
    assert found["python"] == platform.python_version()
    assert found["gdest"] == __version__
    for library in (torch, torchvision, numpy):
        assert found[library.__name__].partition("+")[0] == library.__version__.partition("+")[0]
    assert {"scipy", "pillow", "tifffile", "pandas", "xlsxwriter", "itables"} <= set(found)


def test_the_host_names_machine_and_system():
    assert platform.node() in this_host()
    assert platform.system() in this_host()


def test_the_caution_names_the_model():
    assert caution("model m7") == (
        "G is an estimate by model m7, not an E112 measurement; duplex is an indication, not an E1181 rating."
    )


def test_counts_leave_out_what_is_unknown():
    table = [row("1.tif", verdict="fail"), row("2.tif", verdict="fail"), row("3.tif", verdict="pass"), row("4.tif")]
    assert Record(table, (), "w", "").counts("verdict") == {"fail": 2, "pass": 1}


def test_the_second_micrograph_of_a_file_lies_in_that_file(tmp_path):
    for root in ("one", "two"):
        (tmp_path / root).mkdir()
        (tmp_path / root / "stack.tif").touch()
    (tmp_path / "one" / "odd#3").touch()
    single = Record([], (str(tmp_path / "one"),), "w", "")
    several = Record([], (str(tmp_path / "one"), str(tmp_path / "two")), "w", "")
    assert single.path_of("stack.tif#2") == tmp_path / "one" / "stack.tif"
    assert single.path_of("odd#3") == tmp_path / "one" / "odd#3"
    assert several.path_of("two/stack.tif#2") == tmp_path / "two" / "stack.tif"
    assert several.path_of("three/stack.tif") is None
