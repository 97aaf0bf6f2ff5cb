from __future__ import annotations

import ast
import platform
import sys
from pathlib import Path

import numpy
import torch
import torchvision
from helpers.table_rows import row

import gdest
from gdest import __version__
from gdest.reading.vendor import READERS
from gdest.reports.record import LIBRARIES, Record, caution, library_versions, this_host


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


def test_the_version_of_every_library_that_touches_a_pixel_is_recorded():
    """By the imports of the rooms that read, grade and draw; what only prints or finds folders is left out."""
    imported = set()
    for room in ("core", "reading", "grading", "model", "reports"):
        for path in (Path(gdest.__file__).parent / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    imported.update(name.name.split(".")[0] for name in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    imported.add(node.module.split(".")[0])
    names = {"PIL": "pillow", "skimage": "scikit-image", "pylibCZIrw": "pylibCZIrw"}
    others = {"gdest", "lazy_loader", "rich", "platformdirs", "psutil", "markupsafe", "roifile"}
    foreign = {names.get(name, name) for name in imported - others if name not in sys.stdlib_module_names}
    vendors = {module.split(".")[0] for _, module, _ in READERS.values()}
    assert "scikit-image" in foreign
    assert (foreign | vendors) - set(LIBRARIES) == set()
