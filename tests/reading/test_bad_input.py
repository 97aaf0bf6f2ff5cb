"""Really broken files: each is one named failure, none a crash, a hang or a guess."""

from __future__ import annotations

import csv
import io
import os
import resource
import socket
import struct
import zlib

import numpy as np
import openpyxl
import pytest
import tifffile
from helpers.damaged_files import SOURCES, lay_out, mutate, valid
from helpers.predictors import FakePredictor
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image

from gdest.core.files import image_files
from gdest.core.records import Failed, ImageFile, Micrograph
from gdest.core.settings import GradeSettings
from gdest.grading.pipeline import grade_micrographs
from gdest.reading.micrograph import read_micrographs
from gdest.reports.record import Record
from gdest.reports.results_csv import write_csv
from gdest.reports.table import ModelName, cells
from gdest.reports.workbook import write_workbook


def refused(path, **options):
    """Return the one sentence that says why a file gives no micrograph."""
    rows = list(read_micrographs(ImageFile(path, path.name), GradeSettings(**options)))
    assert [type(row) for row in rows] == [Failed]
    assert rows[0].reason
    assert "\n" not in rows[0].reason
    return rows[0].reason


@pytest.mark.parametrize(
    "suffix", ["tif", "png", "jpg", "jp2", "bmp", "gif", "webp", "czi", "nd2", "lif", "oib", "oif", "vsi"]
)
def test_zero_bytes_and_text_are_named_under_every_suffix(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.touch()
    assert "empty (0 bytes)" in refused(path)
    path.write_text("Schliff 4711, siehe Prüfbuch\n" * 20)
    assert refused(path)


@pytest.mark.parametrize("suffix", ["tif", "bmp", "jpg", "czi", "lif", "nd2", "oib", "oif"])
def test_an_image_with_another_formats_suffix_is_read_for_what_it_is(tmp_path, grey, suffix):
    Image.fromarray(grey).save(tmp_path / "a.png")
    (tmp_path / f"b.{suffix}").write_bytes((tmp_path / "a.png").read_bytes())
    (row,) = read_micrographs(ImageFile(tmp_path / f"b.{suffix}", "b"), GradeSettings())
    assert isinstance(row, Micrograph)
    assert np.array_equal(row.pixels, grey)


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_file_cut_anywhere_is_whole_or_refused(tmp_path, name):
    """A cut that loses pixels is refused; one that only loses trailing metadata gives the same pixels."""
    content = valid(name)
    path = lay_out(tmp_path, name, content)
    whole = next(read_micrographs(ImageFile(path, name), GradeSettings()))
    for end in {1, 3, 8, 100, *np.linspace(1, len(content) - 1, 40).astype(int).tolist()}:
        (tmp_path / name).write_bytes(content[:end])
        row = next(read_micrographs(ImageFile(path, name), GradeSettings()))
        assert isinstance(row, Failed) or np.array_equal(row.pixels, whole.pixels)
    if name != "a.vsi":  # of it little is needed
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        assert refused(path)


def test_headers_of_50000_by_50000_px_are_refused_before_a_pixel_is_decoded(tmp_path):
    side = 50_000
    chunk = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(png + struct.pack(">I", 50) + b"IDAT" + b"\0" * 100)
    sizes = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 0, 0, 0, 0, 0, 0)
    bmp = b"BM" + struct.pack("<IHHI", 154, 0, 0, 54) + sizes
    (tmp_path / "a.bmp").write_bytes(bmp + b"\0" * 100)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((256, 256), np.uint8), metadata=None)
    tags = buffer.getvalue().replace(struct.pack("<HHII", 256, 4, 1, 256), struct.pack("<HHII", 256, 4, 1, side))
    tags = tags.replace(struct.pack("<HHII", 257, 4, 1, 256), struct.pack("<HHII", 257, 4, 1, side))
    (tmp_path / "a.tif").write_bytes(tags)
    assert "megapixels" in refused(tmp_path / "a.png")
    assert "megapixels" in refused(tmp_path / "a.bmp")
    assert refused(tmp_path / "a.tif")


def test_a_small_file_that_promises_many_pixels_is_a_bomb_whatever_the_limit(tmp_path):
    Image.new("1", (20_000, 4_000)).save(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size < 100_000
    assert "cannot hold" in refused(tmp_path / "a.png", max_megapixels=1e6)


def test_a_later_frame_that_enlarges_a_gif_is_refused_before_it_is_allocated(tmp_path):
    buffer = io.BytesIO()
    frames = [Image.fromarray(np.full((240, 260), grey, np.uint8)) for grey in (40, 200)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    content = bytearray(buffer.getvalue())
    descriptor = content.rindex(b",\0\0\0\0" + (260).to_bytes(2, "little"))
    content[descriptor + 5 : descriptor + 9] = b"\xff\xff\xff\xff"  # the second frame's width and height
    (tmp_path / "a.gif").write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first, second = read_micrographs(ImageFile(tmp_path / "a.gif", "a.gif"), GradeSettings())
    assert isinstance(first, Micrograph)
    assert "exceeds limit" in second.reason
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


def test_the_limit_in_megapixels_is_the_users(tmp_path, rng):
    Image.fromarray(rng.integers(0, 256, (500, 600), dtype=np.uint8)).save(tmp_path / "a.png")
    assert "the limit is 0.25 megapixels" in refused(tmp_path / "a.png", max_megapixels=0.25)


def test_cyclic_directories_of_a_tiff_end(tmp_path, grey):
    tifffile.imwrite(tmp_path / "a.tif", grey, metadata=None)
    content = bytearray((tmp_path / "a.tif").read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, first)
    struct.pack_into("<I", content, first + 2 + 12 * count, first)  # the next directory is the first again
    (tmp_path / "a.tif").write_bytes(content)
    rows = list(read_micrographs(ImageFile(tmp_path / "a.tif", "a.tif"), GradeSettings()))
    assert np.array_equal(rows[0].pixels, grey)
    assert len(rows) <= 100


@pytest.mark.filterwarnings("ignore")
def test_folders_links_fifos_and_sockets_are_named_and_never_waited_for(tmp_path):
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "loop.tif").symlink_to(tmp_path / "loop.tif")
    (tmp_path / "broken.tif").symlink_to(tmp_path / "nowhere.tif")
    os.mkfifo(tmp_path / "fifo.tif")
    listener = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(tmp_path)  # a socket's path must be short
    try:
        listener.bind("socket.tif")
    finally:
        os.chdir(here)
        listener.close()
    found = {file.name: refused(file.path) for file in image_files([tmp_path])}
    assert sorted(found) == ["broken.tif", "fifo.tif", "loop.tif", "socket.tif"]
    assert "not a regular file" in found["fifo.tif"]
    assert "not a regular file" in found["socket.tif"]
    assert "links" in found["loop.tif"]
    assert "No such file" in found["broken.tif"]
    assert "a folder" in refused(tmp_path / "folder.tif")


def test_a_link_to_the_folder_above_does_not_go_round(tmp_path, grey):
    (tmp_path / "sub").mkdir()
    Image.fromarray(grey).save(tmp_path / "sub/a.png")
    (tmp_path / "sub/up").symlink_to(tmp_path)
    assert [file.name for file in image_files([tmp_path])] == ["sub/a.png"]


def test_a_file_without_permission_is_named(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0")
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads everything, so the system's answer is put in its place

        def denied(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("gdest.reading.disk_file._Disk", denied)
    assert "Permission denied" in refused(path)


NAMES = ["=1+2.png", "+1.png", "-1.png", "@SUM(A1).png", "a\nb.png", "a\tb.png", 'a",b.png', "ü µ.png", "#2.png"]


def test_odd_names_are_graded_and_never_run_as_a_formula(tmp_path, grey):
    for name in NAMES:
        Image.fromarray(grey).save(tmp_path / name)
    Image.fromarray(grey).save(os.path.join(os.fsencode(tmp_path), b"gef\xfcge.png"))
    for name in ("._a.png", "Thumbs.db", ".hidden.tif", "desktop.ini"):
        (tmp_path / name).write_bytes(b"\0" * 100)
    files = image_files([tmp_path])
    assert sorted(file.name for file in files) == sorted([*NAMES, "gef\\xfcge.png"])
    rows = list(grade_micrographs(files, FakePredictor(), GradeSettings()))
    table = [cells(row, ModelName("fake", "")) for row in rows]
    write_csv(table, tmp_path / "out/results.csv")
    write_workbook(Record(table, (), "fake", ""), [], (), tmp_path / "out/results.xlsx")
    with open(tmp_path / "out/results.csv", newline="", encoding="utf-8") as text:
        read = [row["file"] for row in csv.DictReader(text)]
    assert len(read) == len(files)
    assert not any(name.startswith(("=", "+", "-", "@")) for name in read)
    sheet = openpyxl.load_workbook(tmp_path / "out/results.xlsx")["Micrographs"]
    assert {cell.data_type for cell in sheet["A"][1:]} == {"s"}


@settings(max_examples=150, deadline=10_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(SOURCES)), st.integers(0, 2**32 - 1))
def test_mutants_of_valid_files_are_read_or_named(tmp_path, name, seed):
    path = lay_out(tmp_path, name, mutate(valid(name), np.random.default_rng(seed)))
    rows = list(read_micrographs(ImageFile(path, name), GradeSettings()))
    assert rows
    for row in rows:
        assert isinstance(row, Micrograph) or (row.reason and "\n" not in row.reason)
