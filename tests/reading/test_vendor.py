"""The microscopes' own formats: a file of each writer that can be had, and one sentence where a reader is missing."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from helpers.olympus_files import compound, oib, write_oif, write_vsi
from helpers.vendor_files import lif, nd2

from gdest.core.files import image_files
from gdest.core.records import Failed, ImageFile
from gdest.core.settings import GradeSettings
from gdest.reading.micrograph import read_micrographs
from gdest.reading.vendor import READERS

LUMA = np.array([0.299, 0.587, 0.114])


def rows(path):
    return list(read_micrographs(ImageFile(path, path.name), GradeSettings()))


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_a_missing_reader_is_one_sentence_that_says_what_to_install(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"\x01\x02\x03\x04 something")
    maker, module, _ = READERS[suffix]
    monkeypatch.setitem(sys.modules, module.split(".")[0], None)
    (row,) = rows(path)
    assert isinstance(row, Failed)
    assert row.reason == f"{maker} needs the extra readers: pip install 'gdest[vendor]'"


def test_zeiss_czi_gives_pixels_size_and_scenes(tmp_path, rng):
    czi = pytest.importorskip("pylibCZIrw.czi", reason="the extra vendor is not installed")
    scenes = rng.integers(0, 256, (2, 300, 400, 1), dtype=np.uint8)
    path = tmp_path / "a.czi"
    with czi.create_czi(str(path)) as document:
        for number, pixels in enumerate(scenes):
            document.write(data=pixels, plane={"C": 0}, location=(1000 * number, 0), scene=number)
        document.write_metadata("etch", scale_x=0.345e-6, scale_y=0.345e-6)
    first, second = rows(path)
    assert (first.file.name, second.file.name) == ("a.czi", "a.czi#2")
    assert np.array_equal(first.pixels, scenes[0, :, :, 0])
    assert np.array_equal(second.pixels, scenes[1, :, :, 0])
    assert (first.um_per_px, first.um_per_px_source) == (pytest.approx(0.345, rel=1e-3), "czi")


def test_zeiss_colour_is_not_turned_round(tmp_path):
    czi = pytest.importorskip("pylibCZIrw.czi", reason="the extra vendor is not installed")
    blue_first = np.zeros((300, 400, 3), np.uint8)
    blue_first[:, :, 2] = 200  # red
    with czi.create_czi(str(tmp_path / "a.czi")) as document:
        document.write(data=blue_first, plane={"C": 0})
    (row,) = rows(tmp_path / "a.czi")
    assert row.pixels[0, 0] == round(0.299 * 200)


def test_leica_lif_gives_pixels_and_size(tmp_path, grey):
    pytest.importorskip("liffile", reason="the extra vendor is not installed")
    (tmp_path / "a.lif").write_bytes(lif(grey, 0.5))
    (row,) = rows(tmp_path / "a.lif")
    assert not isinstance(row, Failed), row.reason
    assert np.array_equal(row.pixels, grey)
    assert (row.um_per_px, row.um_per_px_source) == (pytest.approx(0.5, rel=1e-3), "lif")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_section_in_depth_does_not_lose_the_fields_beside_it(tmp_path, grey, order):
    pytest.importorskip("liffile", reason="the extra vendor is not installed")
    pictures, kinds = (grey, grey[:256, :256].copy()), ((1, 2), (1, 3))
    content = lif(pictures[order[0]], 0.5, pictures[order[1]], kinds=[kinds[index] for index in order])
    (tmp_path / "a.lif").write_bytes(content)
    (row,) = rows(tmp_path / "a.lif")
    assert np.array_equal(row.pixels, grey)


def test_a_file_of_nothing_but_sections_in_depth_says_so(tmp_path, grey):
    pytest.importorskip("liffile", reason="the extra vendor is not installed")
    (tmp_path / "a.lif").write_bytes(lif(grey, 0.5, kinds=[(1, 3)]))
    (row,) = rows(tmp_path / "a.lif")
    assert row.reason == "holds sections in depth or single lines, and no field of view"


@pytest.fixture
def colour(rng):
    return rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)


def luma(rgb):
    return np.round(rgb @ LUMA)


def reader(name):
    return pytest.importorskip(name, reason="the extra vendor is not installed")


@pytest.mark.parametrize("compressed", [False, True])
def test_nikon_nd2_gives_pixels_size_and_positions(tmp_path, grey, compressed):
    reader("nd2")
    (tmp_path / "a.nd2").write_bytes(nd2([grey, grey[::-1].copy()], 0.345, compressed=compressed))
    first, second = rows(tmp_path / "a.nd2")
    assert (first.file.name, second.file.name) == ("a.nd2", "a.nd2#2")
    assert np.array_equal(first.pixels, grey)
    assert np.array_equal(second.pixels, grey[::-1])
    assert (first.um_per_px, first.um_per_px_source) == (pytest.approx(0.345, rel=1e-3), "nd2")


def test_nikon_colour_is_not_turned_round_and_deep_data_keep_their_contrast(tmp_path, colour, rng):
    reader("nd2")
    (tmp_path / "c.nd2").write_bytes(nd2([colour], 0.345))
    (row,) = rows(tmp_path / "c.nd2")
    assert np.abs(row.pixels - luma(colour)).max() <= 1
    deep = (500 + 100 * rng.random((300, 400))).astype(np.uint16)
    (tmp_path / "d.nd2").write_bytes(nd2([deep], 0.345))
    (row,) = rows(tmp_path / "d.nd2")
    assert np.corrcoef(row.pixels.ravel(), deep.ravel())[0, 1] > 0.999
    assert row.pixels.std() > 60


def test_an_uncalibrated_nikon_file_has_no_pixel_size_though_its_reader_says_one_um(tmp_path, grey):
    library = reader("nd2")
    (tmp_path / "a.nd2").write_bytes(nd2([grey], 1.0, calibrated=False))
    with library.ND2File(tmp_path / "a.nd2") as file:
        assert file.voxel_size().x == 1.0
    (row,) = rows(tmp_path / "a.nd2")
    assert row.um_per_px is None


def test_a_nikon_frame_that_is_not_there_is_refused_though_its_reader_gives_zeros(tmp_path, grey):
    reader("nd2")
    content = nd2([grey, grey], 0.345).replace(b"ImageDataSeq|1!", b"ImageDataSeq|9!")
    (tmp_path / "a.nd2").write_bytes(content)
    first, second = rows(tmp_path / "a.nd2")
    assert np.array_equal(first.pixels, grey)
    assert "holds no pixels of this frame" in second.reason


@pytest.mark.parametrize("options", [{}, {"decimal": ","}, {"with_axis": False}])
def test_olympus_oib_gives_the_first_channel_and_the_size(tmp_path, grey, options):
    reader("oiffile")
    (tmp_path / "a.oib").write_bytes(oib([grey, grey[::-1]], 0.345, **options))
    (row,) = rows(tmp_path / "a.oib")
    assert not isinstance(row, Failed), row.reason
    assert np.array_equal(row.pixels, grey)
    assert (row.um_per_px, row.um_per_px_source) == (pytest.approx(0.345, rel=1e-3), "oib")


def test_an_olympus_oif_is_one_micrograph_and_the_tiffs_beside_it_are_none(tmp_path, grey):
    reader("oiffile")
    write_oif(tmp_path / "a.oif", [grey, grey[::-1]], 0.345)
    (file,) = image_files([tmp_path])
    (row,) = rows(file.path)
    assert np.array_equal(row.pixels, grey)
    assert (row.um_per_px, row.um_per_px_source) == (pytest.approx(0.345, rel=1e-3), "oib")
    (tmp_path / "a.oif").unlink()
    assert [file.name for file in image_files([tmp_path])] == ["a.oif.files/s_C001.tif", "a.oif.files/s_C002.tif"]


@pytest.mark.parametrize("packed", [False, True])
def test_olympus_vsi_gives_the_pixels_of_its_ets_and_not_its_thumbnail(tmp_path, grey, packed):
    reader("slideio")
    write_vsi(tmp_path / "a.vsi", grey, 0.345, packed=packed)
    (row,) = rows(tmp_path / "a.vsi")
    assert not isinstance(row, Failed), row.reason
    assert np.array_equal(row.pixels, grey)
    assert (row.um_per_px, row.um_per_px_source) == (pytest.approx(0.345, rel=1e-3), "vsi")


def test_olympus_colour_is_read_where_its_reader_can_and_refused_where_it_gives_white(tmp_path, colour):
    reader("slideio")
    write_vsi(tmp_path / "a.vsi", colour, 0.345, packed=True)
    (row,) = rows(tmp_path / "a.vsi")
    assert np.abs(row.pixels - luma(colour)).max() <= 1
    write_vsi(tmp_path / "b.vsi", colour, 0.345)
    (row,) = rows(tmp_path / "b.vsi")
    assert "mistakes uncompressed colour" in row.reason


@pytest.mark.parametrize("size", [None, 0, 40, 20_000])
def test_a_vsi_whose_ets_is_gone_or_cut_says_so(tmp_path, grey, size):
    reader("slideio")
    write_vsi(tmp_path / "a.vsi", grey, 0.345)
    ets = tmp_path / "_a_/stack1/frame_t.ets"
    if size is None:
        ets.unlink()
    else:
        os.truncate(ets, size)
    (row,) = rows(tmp_path / "a.vsi")
    assert "no readable .ets below the folder _a_" in row.reason


def test_a_circular_chain_of_sectors_which_its_reader_follows_for_ever_is_a_named_failure(tmp_path):
    reader("oiffile")
    content = bytearray(compound({"OibInfo.txt": b"[OibSaveInfo]"}))
    table = len(content) - 512
    content[table : table + 4] = bytes(4)  # the first sector is followed by itself
    (tmp_path / "a.oib").write_bytes(content)
    (row,) = rows(tmp_path / "a.oib")
    assert "does not finish" in row.reason or "too large for the memory" in row.reason
