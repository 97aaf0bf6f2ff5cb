"""The microscopes' own formats: a file of each writer that can be had, and one sentence where a reader is missing."""

from __future__ import annotations

import struct
import sys
import types

import numpy as np
import pytest

from gdest.micrograph import read_micrographs
from gdest.reading.vendor import READERS
from gdest.records import Failed, ImageFile
from gdest.settings import GradeSettings


def rows(path):
    return list(read_micrographs(ImageFile(path, path.name), GradeSettings()))


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_a_missing_reader_is_one_sentence_that_says_what_to_install(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"\x01\x02\x03\x04 something")
    maker, module, _ = READERS[suffix]
    monkeypatch.setitem(sys.modules, module.split(".")[0], None)
    monkeypatch.setitem(sys.modules, module, None)
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


def lif(pixels, um):
    """Return the bytes of a Leica file with one grey picture, laid out by hand as the format is described."""
    height, width = pixels.shape
    axes = "".join(
        f'<DimensionDescription DimID="{axis}" NumberOfElements="{count}" Origin="0" Length="{(count - 1) * um * 1e-6}"'
        f' Unit="m" BitInc="0" BytesInc="{step}"/>'
        for axis, count, step in ((1, width, 1), (2, height, width))
    )
    channel = (
        '<ChannelDescription DataType="0" ChannelTag="0" Resolution="8" NameOfMeasuredQuantity="" Min="0" Max="255"'
        ' Unit="" LUTName="Gray" IsLUTInverted="0" BytesInc="0" BitInc="0"/>'
    )
    text = (
        '<LMSDataContainerHeader Version="2"><Element Name="p" Visibility="1" CopyOption="1" UniqueID="0"><Data/>'
        f'<Memory Size="0" MemoryBlockID="MemBlock_0"/><Children><Element Name="steel" Visibility="1" CopyOption="1"'
        f' UniqueID="1"><Data><Image TextDescription=""><ImageDescription><Channels>{channel}</Channels><Dimensions>'
        f'{axes}</Dimensions></ImageDescription></Image></Data><Memory Size="{pixels.size}" '
        'MemoryBlockID="MemBlock_1"/></Element></Children></Element></LMSDataContainerHeader>'
    )

    def block(name, content):
        packed = name.encode("utf-16-le")
        head = b"*" + struct.pack("<Q", len(content)) + b"*" + struct.pack("<I", len(name)) + packed
        return struct.pack("<II", 0x70, len(head)) + head + content

    packed = text.encode("utf-16-le")
    header = b"*" + struct.pack("<I", len(text)) + packed
    memory = block("MemBlock_0", b"") + block("MemBlock_1", pixels.tobytes())
    return struct.pack("<II", 0x70, len(header)) + header + memory


def test_leica_lif_gives_pixels_and_size(tmp_path, grey):
    pytest.importorskip("liffile", reason="the extra vendor is not installed")
    (tmp_path / "a.lif").write_bytes(lif(grey, 0.5))
    (row,) = rows(tmp_path / "a.lif")
    assert not isinstance(row, Failed), row.reason
    assert np.array_equal(row.pixels, grey)
    assert (row.um_per_px, row.um_per_px_source) == (pytest.approx(0.5, rel=1e-3), "lif")


def module(name, **contents):
    made = types.ModuleType(name)
    vars(made).update(contents)
    return made


class FakeNd2:
    """What the nd2 library shows of a file with two positions, three planes and two channels."""

    sizes = {"P": 2, "Z": 3, "C": 2, "Y": 300, "X": 400}

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def voxel_size(self):
        return types.SimpleNamespace(x=0.65, y=0.65, z=1.0)

    def read_frame(self, index):
        return np.stack([np.full((300, 400), 10 * index + channel, np.uint8) for channel in range(2)])


def test_of_a_nikon_stack_each_position_gives_its_first_plane(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nd2", module("nd2", ND2File=FakeNd2))
    (tmp_path / "a.nd2").write_bytes(b"\xda\xce\xbe\x0a" * 50)
    first, second = rows(tmp_path / "a.nd2")
    assert (int(first.pixels[0, 0]), int(second.pixels[0, 0])) == (0, 30)
    assert (first.um_per_px, first.um_per_px_source) == (0.65, "nd2")


class FakeOif(FakeNd2):
    axes, shape = "CYX", (2, 300, 400)
    mainfile = {
        "Axis 0 Parameters Common": {"MaxSize": 401, "StartPosition": 0.0, "EndPosition": 200.0, "UnitName": "um"}
    }

    def asarray(self):
        return self.read_frame(7)


def test_of_an_olympus_oib_the_first_channel_is_read(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "oiffile", module("oiffile", OifFile=FakeOif))
    (tmp_path / "a.oib").write_bytes(b"\xd0\xcf\x11\xe0" * 50)
    (row,) = rows(tmp_path / "a.oib")
    assert int(row.pixels[0, 0]) == 70
    assert (row.um_per_px, row.um_per_px_source) == (pytest.approx(0.5), "oib")


class FakeScene:
    size, resolution = (400, 300), (0.25e-6, 0.25e-6)

    def read_block(self, rect):
        left, top, width, height = rect
        return np.arange(top, top + height, dtype=np.uint8)[:, None].repeat(width, axis=1) + np.uint8(left)


def test_an_olympus_vsi_is_read_through_its_scenes_and_not_as_the_tiff_it_looks_like(tmp_path, monkeypatch):
    slide = types.SimpleNamespace(num_scenes=1, get_scene=lambda _: FakeScene())
    monkeypatch.setitem(sys.modules, "slideio", module("slideio", open_slide=lambda *_: slide))
    (tmp_path / "a.vsi").write_bytes(b"II*\0 a thumbnail")
    (row,) = rows(tmp_path / "a.vsi")
    assert row.pixels.shape == (300, 400)
    assert row.pixels[:, 0].tolist() == [value % 256 for value in range(300)]
    assert (row.um_per_px, row.um_per_px_source) == (pytest.approx(0.25), "vsi")
