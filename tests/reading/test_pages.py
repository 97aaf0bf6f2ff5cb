"""A file of several pages, planes or frames gives a micrograph of each, and none of its smaller copies."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
import tifffile
from helpers.tiff_files import plain_tags, tiff_bytes
from PIL import Image

from gdest.core.records import Failed
from gdest.core.settings import GradeSettings
from gdest.reading import raster
from gdest.reading.grey import grey_8_bit
from gdest.reading.micrograph import read_micrographs


def names(path, as_file):
    rows = read_micrographs(as_file(path), GradeSettings())
    return [(row.file.name, row.reason if isinstance(row, Failed) else int(row.pixels[0, 0])) for row in rows]


def test_each_page_is_a_micrograph_with_its_number(tmp_path, as_file):
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.stack([np.full((300, 400), value, np.uint8) for value in (10, 20, 30)]),
        photometric="minisblack",
    )
    assert names(tmp_path / "a.tif", as_file) == [("a.tif", 10), ("a.tif#2", 20), ("a.tif#3", 30)]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_planes_of_an_imagej_stack_with_one_page_are_micrographs(tmp_path, as_file, rng, dtype):
    """ImageJ writes no further pages for a stack beyond 4 GB; here they are cut off."""
    path = tmp_path / "a.tif"
    stack = rng.integers(0, 256, (3, 300, 400)).astype(dtype)
    tifffile.imwrite(path, stack, imagej=True, resolution=(2, 2), metadata={"unit": "um", "axes": "ZYX"})
    content = bytearray(path.read_bytes())
    order = ">" if content.startswith(b"MM") else "<"
    (directory,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, directory)
    struct.pack_into(f"{order}I", content, directory + 2 + 12 * count, 0)
    path.write_bytes(content)
    with tifffile.TiffFile(path) as tiff:
        assert len(tiff.pages) == 1
    found = list(read_micrographs(as_file(path), GradeSettings()))
    assert [row.file.name for row in found] == ["a.tif", "a.tif#2", "a.tif#3"]
    for row, plane in zip(found, stack, strict=True):
        assert np.array_equal(row.pixels, grey_8_bit(plane))
        assert row.um_per_px == pytest.approx(0.5, rel=1e-3)
    path.write_bytes(content[: len(content) - stack[0].nbytes])
    *_, last = read_micrographs(as_file(path), GradeSettings())
    assert "truncated" in last.reason


def test_pages_of_other_sizes_and_kinds_are_micrographs_too(tmp_path, as_file):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.full((300, 400), 10, np.uint8))
        writer.write(np.full((500, 350, 3), 20, np.uint8), photometric="rgb")
    assert names(tmp_path / "a.tif", as_file) == [("a.tif", 10), ("a.tif#2", 20)]


def test_pyramid_levels_and_thumbnails_are_none(tmp_path, as_file):
    with tifffile.TiffWriter(tmp_path / "sub.tif") as writer:
        writer.write(np.full((1024, 1200), 10, np.uint8), subifds=1, tile=(128, 128))
        writer.write(np.full((512, 600), 10, np.uint8), subfiletype=1, tile=(128, 128))
    with tifffile.TiffWriter(tmp_path / "flat.tif") as writer:
        writer.write(np.full((1024, 1200), 10, np.uint8))
        writer.write(np.full((512, 600), 10, np.uint8), subfiletype=1)
        writer.write(np.full((96, 128), 10, np.uint8))
    assert names(tmp_path / "sub.tif", as_file) == [("sub.tif", 10)]
    assert names(tmp_path / "flat.tif", as_file) == [("flat.tif", 10)]


def test_a_damaged_page_is_named_and_the_others_are_read(tmp_path, as_file, rng):
    pages = rng.integers(0, 256, (3, 300, 400), dtype=np.uint8)
    pages[:, 0, 0] = (1, 2, 3)
    tifffile.imwrite(tmp_path / "a.tif", pages, compression="zlib", rowsperstrip=300, photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        offset = tiff.pages[1].dataoffsets[0]
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[offset + 100 : offset + 200] = bytes(100)
    (tmp_path / "a.tif").write_bytes(content)
    (first, one), (second, reason), (third, three) = names(tmp_path / "a.tif", as_file)
    assert (first, one, second, third, three) == ("a.tif", 1, "a.tif#2", "a.tif#3", 3)
    assert "cannot decode" in reason


def test_frames_of_a_gif_are_micrographs(tmp_path, as_file):
    frames = [Image.fromarray(np.full((300, 400), value, np.uint8)) for value in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert names(tmp_path / "a.gif", as_file) == [("a.gif", 10), ("a.gif#2", 200)]


def test_pages_of_two_shapes_by_turns_keep_the_order_of_the_file(tmp_path, as_file):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for value, (rows, cols) in ((10, (300, 400)), (20, (260, 320)), (30, (300, 400)), (40, (260, 320))):
            writer.write(np.full((rows, cols), value, np.uint8))
    assert names(tmp_path / "a.tif", as_file) == [("a.tif", 10), ("a.tif#2", 20), ("a.tif#3", 30), ("a.tif#4", 40)]


def test_a_page_that_is_marked_as_reduced_is_read_where_there_is_no_larger_one(tmp_path, as_file):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.full((300, 400), 10, np.uint8), subfiletype=1)
        writer.write(np.full((240, 320), 20, np.uint8), subfiletype=1)
    assert names(tmp_path / "a.tif", as_file) == [("a.tif", 10)]


def test_a_page_that_is_refused_does_not_lose_those_behind_it(tmp_path, as_file):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.full((300, 400), 10, np.uint8), photometric=32803)
        writer.write(np.full((300, 400), 20, np.uint8))
    (first, why), second = names(tmp_path / "a.tif", as_file)
    assert first == "a.tif"
    assert "raw mosaic" in why
    assert second == ("a.tif#2", 20)


def metamorph(planes, um):
    """Return the bytes of a MetaMorph stack (STK): one page, its planes one behind the other, its size in tag UIC1."""
    uic1 = struct.pack("<8I", 3, 1, 4, 0x0BAD0001, 5, 0x0BAD0001, 6, 0x0BAD0002)
    values = struct.pack("<III", int(um * 1000), 1000, 3) + b"um\0\0"
    each = len(planes)
    tags = plain_tags(planes[0], t33629=(4, struct.pack("<6I", 0, 1, 2455000, 0, 2455000, 0) * each))
    tags |= {279: (4, planes[0].size), 33630: (4, struct.pack("<II", 1, 1) * each), 33628: (4, uic1 + values)}
    content = tiff_bytes(tags, [b"".join(plane.tobytes() for plane in planes)])
    # UIC1 has four entries however long it is; UIC2 and UIC3 are fractions, one or three for each plane
    for code, kind, count in ((33628, 4, 4), (33629, 5, each), (33630, 5, each)):
        entry = content.index(struct.pack("<HH", code, 4))
        content = content[:entry] + struct.pack("<HHI", code, kind, count) + content[entry + 8 :]
    at = content.index(uic1) + len(uic1)
    content = content.replace(struct.pack("<I", 0x0BAD0001), struct.pack("<I", at))
    return content.replace(struct.pack("<I", 0x0BAD0002), struct.pack("<I", at + 8))


def test_every_plane_of_a_metamorph_stack_is_a_micrograph_with_its_size(tmp_path, as_file, rng):
    planes = rng.integers(0, 256, (3, 300, 400), dtype=np.uint8)
    (tmp_path / "a.tif").write_bytes(metamorph(planes, 0.645))
    found = list(read_micrographs(as_file(tmp_path / "a.tif"), GradeSettings()))
    assert [row.file.name for row in found] == ["a.tif", "a.tif#2", "a.tif#3"]
    for row, plane in zip(found, planes, strict=True):
        assert np.array_equal(row.pixels, plane)
        assert (row.um_per_px, row.um_per_px_source) == (pytest.approx(0.645), "metamorph-tag")


def test_frames_beyond_the_first_thousand_are_named(tmp_path, as_file, monkeypatch):
    monkeypatch.setattr(raster, "MOST_FRAMES", 3)
    frames = [Image.fromarray(np.full((240, 260), 40 * value, np.uint8)) for value in range(1, 6)]
    for name in ("a.gif", "a.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        *read, (last, why) = names(tmp_path / name, as_file)
        assert [row for row, _ in read] == [name, f"{name}#2", f"{name}#3"]
        assert (last, why) == (f"{name}#4", "holds 5 frames, of which the first 3 are read")


def test_frames_that_an_animated_png_only_promises_are_one_row(tmp_path, as_file):
    Image.fromarray(np.full((240, 260), 40, np.uint8)).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    promise = b"acTL" + struct.pack(">II", 999, 0)
    chunk = struct.pack(">I", 8) + promise + struct.pack(">I", zlib.crc32(promise))
    (tmp_path / "a.png").write_bytes(content[:33] + chunk + content[33:])
    first, *others = names(tmp_path / "a.png", as_file)
    assert first == ("a.png", 40)
    assert [why for _, why in others] == ["its header promises 1000 frames, of which 1 can be read"]
