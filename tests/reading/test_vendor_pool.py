"""Who starts, shares and ends the processes that read the microscopes' own formats."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers.vendor_files import nd2

from gdest.core.errors import MicrographError
from gdest.core.records import ImageFile
from gdest.core.settings import GradeSettings
from gdest.reading import vendor_pool
from gdest.reading.micrograph import read_micrographs

pytest.importorskip("nd2", reason="the extra vendor is not installed")


def rows(path):
    return list(read_micrographs(ImageFile(path, path.name), GradeSettings()))


def test_a_reader_that_dies_costs_one_file_and_the_next_is_read(tmp_path, grey, monkeypatch):
    (tmp_path / "a.nd2").write_bytes(nd2([grey], 0.345))
    ask = vendor_pool.VendorProcess.ask

    def dying(self, *request):
        if request[0] == "pixels":
            self.process.send_signal(signal.SIGSEGV)
            self.process.wait()
        return ask(self, *request)

    with monkeypatch.context() as patch:
        patch.setattr(vendor_pool.VendorProcess, "ask", dying)
        (row,) = rows(tmp_path / "a.nd2")
    assert row.reason == "cannot decode: its reader crashed (signal 11)"
    (row,) = rows(tmp_path / "a.nd2")
    assert np.array_equal(row.pixels, grey)


def test_a_reader_that_dies_between_two_pages_loses_none_in_silence(tmp_path, grey):
    (tmp_path / "a.nd2").write_bytes(nd2([grey, grey], 0.345))
    found = read_micrographs(ImageFile(tmp_path / "a.nd2", "a.nd2"), GradeSettings())
    first = next(found)
    assert np.array_equal(first.pixels, grey)
    (process,) = vendor_pool.POOL._lent
    process.process.kill()
    process.process.wait()
    (second,) = found
    assert (second.file.name, second.reason) == ("a.nd2#2", "cannot decode: its reader crashed (signal 9)")


def test_a_process_is_used_again_replaced_when_it_died_and_ended_by_its_pool(tmp_path, grey):
    pool = vendor_pool.VendorPool()
    (tmp_path / "a.nd2").write_bytes(nd2([grey], 0.345))

    def process_of():
        with pool.open(tmp_path / "a.nd2") as file:
            return file._process.process

    first = process_of()
    assert process_of() is first
    first.kill()
    first.wait()
    second = process_of()
    assert second is not first
    assert second.poll() is None
    pool.close()
    assert second.poll() is not None


def test_a_page_of_a_closed_file_gives_no_other_files_pixels(tmp_path, grey):
    """The process reads another file by then."""
    (tmp_path / "a.nd2").write_bytes(nd2([grey], 0.345))
    (tmp_path / "b.nd2").write_bytes(nd2([255 - grey], 0.345))
    pages = vendor_pool.vendor_pages(tmp_path / "a.nd2")
    page = next(pages)
    assert np.array_equal(page.decode(), grey)
    pages.close()
    others = vendor_pool.vendor_pages(tmp_path / "b.nd2")
    next(others)
    with pytest.raises(MicrographError, match="its file is closed"):
        page.decode()


def test_a_generator_that_is_garbage_in_a_cycle_gives_back_a_process_that_can_be_used(tmp_path, grey):
    """The garbage collector finalizes a connection and the generator that uses it in any order."""
    (tmp_path / "a.nd2").write_bytes(nd2([grey], 0.345))
    pool = vendor_pool.VendorPool()

    def abandoned():
        file = pool.open(tmp_path / "a.nd2")
        cycle = [file, file.__enter__()]
        cycle.append(cycle)
        return cycle[1]._process.process

    process = abandoned()
    gc.collect()
    with pool.open(tmp_path / "a.nd2") as file:
        assert file._process.process is process
        assert file.ask("next")[:2] == grey.shape
    pool.close()
    assert process.poll() is not None


def test_threads_that_share_a_file_each_get_the_pixels_they_asked_for(tmp_path, grey):
    (tmp_path / "a.nd2").write_bytes(nd2([grey, 255 - grey], 0.345))
    pages = vendor_pool.vendor_pages(tmp_path / "a.nd2")
    both = [next(pages), next(pages)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda number: both[number % 2].decode(), range(100)))
    assert all(np.array_equal(pixels, grey if number % 2 == 0 else 255 - grey) for number, pixels in enumerate(found))


def test_a_reader_reads_one_file_after_another_and_ends_with_who_started_it(tmp_path, grey):
    (tmp_path / "a.nd2").write_bytes(nd2([grey], 0.345))
    code = (
        "import sys; from pathlib import Path; from gdest.reading.vendor_pool import POOL, vendor_pages\n"
        "for _ in range(3): [page.decode() for page in vendor_pages(Path(sys.argv[1]))]\n"
        "print(*(reader.process.pid for reader in POOL._idle))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.nd2")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    (pid,) = done.stdout.split()
    for _ in range(100):
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the reader lives on")
