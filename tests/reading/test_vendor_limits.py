"""What the process of a vendor's reader may take, and who ends it; a stand-in of nd2 runs code before it answers."""

from __future__ import annotations

import sys
import time

import pytest

from gdest.core.records import ImageFile
from gdest.core.settings import GradeSettings
from gdest.core.words import NO_MEMORY
from gdest.reading import vendor_pool
from gdest.reading.micrograph import read_micrographs

STAND_IN = """
class ND2File:
    sizes = {"Y": 240, "X": 260}
    def __init__(self, path):
        self.code = path.read_text()
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
    def read_frame(self, index):
        import numpy
        pixels = numpy.full((240, 260), 7, numpy.uint8)
        names = {"pixels": pixels}
        exec(self.code, names)
        return names["pixels"]
"""


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """Put a pool whose processes find the stand-in in the place of gdest's own, and end them."""
    library = tmp_path_factory.mktemp("library")
    (library / "nd2.py").write_text(STAND_IN)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(library)
        patch.delitem(sys.modules, "nd2", raising=False)
        patch.setattr(vendor_pool, "POOL", vendor_pool.VendorPool())
        yield vendor_pool.POOL
        vendor_pool.POOL.close()


@pytest.fixture
def reading(tmp_path, pool):  # noqa: ARG001
    """Return the grey level of a file whose reader runs some code, or why it was not read."""

    def read(code):
        (tmp_path / "a.nd2").write_text(code + "\n#" + "-" * 1000)
        (row,) = read_micrographs(ImageFile(tmp_path / "a.nd2", "a.nd2"), GradeSettings())
        return getattr(row, "reason", None) or int(row.pixels.mean())

    return read


def test_a_reader_may_take_so_much_memory_and_no_more(reading):
    """Memory that is asked for but never touched counts, and costs the machine nothing."""
    assert reading("kept = bytearray(300_000_000)") == 7
    assert reading("kept = bytearray(3_000_000_000)") == "too large for the memory of this machine"
    assert reading("") == 7


def test_the_limits_of_an_answer_follow_the_pixels_it_decodes(reading):
    """2 s and 0.5 us a pixel, after what was used; 700 MB and four copies of 4 bytes a pixel; no core file."""
    code = (
        "from resource import *\n"
        "used = getrusage(RUSAGE_SELF)\n"
        "cpu_s = getrlimit(RLIMIT_CPU)[0] - used.ru_utime - used.ru_stime\n"
        "class Told(Exception): pass\n"
        "raise Told(f'{2 < cpu_s <= 3.1} {getrlimit(RLIMIT_DATA)[0]} {getrlimit(RLIMIT_CORE)[0]}')"
    )
    assert reading(code) == f"cannot decode: True {700_000_000 + 16 * 240 * 260} 0"


def test_what_a_reader_prints_is_lost_and_what_is_not_pixels_is_a_named_failure(reading):
    assert reading("import sys; print('noise'); print('noise', file=sys.stderr)") == 7
    objects = "class Any(type(pixels)): any = lambda self: True\npixels = pixels.astype(object).view(Any)"
    assert reading(objects) == "cannot decode: its pixels are not numbers"
    assert reading("import os; os._exit(3)") == "cannot decode: its reader ended (exit code 3)"


def test_only_so_many_idle_processes_are_kept(reading, pool, tmp_path, monkeypatch):
    reading("")
    monkeypatch.setattr(vendor_pool, "MOST_IDLE", 1)
    with pool.open(tmp_path / "a.nd2") as one, pool.open(tmp_path / "a.nd2") as other:
        processes = [file._process.process for file in (one, other)]
    assert sorted(process.poll() is None for process in processes) == [False, True]


@pytest.fixture
def reading_without_limits(tmp_path, monkeypatch, reading, pool):
    """Read in a process that finds no `resource`, as on Windows."""
    pytest.importorskip("psutil")
    pool.close()
    (tmp_path / "windows").mkdir()
    (tmp_path / "windows/resource.py").write_text("raise ImportError")
    monkeypatch.syspath_prepend(tmp_path / "windows")
    yield reading
    pool.close()


def test_a_system_that_keeps_no_limits_ends_a_reader_from_outside(reading_without_limits):
    read = reading_without_limits
    assert read("") == 7
    assert read("kept = bytes(900_000_000) + b'x'\nimport time; time.sleep(20)") == NO_MEMORY
    began = time.monotonic()
    assert read("while True: pass") == "cannot decode: its reader does not finish"
    assert 2 < time.monotonic() - began < 15
    assert read("") == 7
