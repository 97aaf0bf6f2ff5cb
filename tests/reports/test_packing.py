from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from gdest.reports import packing
from gdest.reports.packing import blank, save_pixels, save_png


def opened(path):
    with Image.open(path) as image:
        image.verify()  # the checksum of every chunk
    with Image.open(path) as image:
        image.load()
        return image


@pytest.mark.parametrize("pack", [packing.PACK_COLOURS, imagecodecs.deflate_encode])
def test_a_png_holds_every_pixel_and_right_checksums_with_zlib_ng_and_without(tmp_path, monkeypatch, rng, pack):
    monkeypatch.setattr(packing, "PACK_COLOURS", pack)
    pixels = rng.integers(0, 256, (37, 53, 3), dtype=np.uint8)
    save_png(Image.fromarray(pixels), tmp_path / "a.png")
    found = opened(tmp_path / "a.png")
    assert found.mode == "RGB" and np.array_equal(np.asarray(found), pixels)


def test_a_png_of_a_palette_is_opaque_unless_it_says_otherwise(tmp_path, rng):
    places = rng.integers(0, 4, (37, 53), dtype=np.uint8)
    picture = Image.fromarray(places)
    picture.putpalette([*range(250, 262 - 6), *range(6)])
    save_png(picture, tmp_path / "a.png")
    assert np.array_equal(np.asarray(opened(tmp_path / "a.png")), places)
    assert (np.asarray(opened(tmp_path / "a.png").convert("RGBA"))[..., 3] == 255).all()
    picture.info["transparency"] = bytes([0, 10, 20, 30])
    save_png(picture, tmp_path / "a.png")
    assert np.array_equal(np.asarray(opened(tmp_path / "a.png").convert("RGBA"))[..., 3], 10 * places)


@pytest.mark.parametrize("shape", [(20, 30, 3), (20, 30)])
def test_what_is_drawn_on_a_blank_is_packed_without_a_copy(tmp_path, monkeypatch, rng, shape):
    canvas = blank(shape)
    assert canvas.shape == shape and not canvas.any()
    canvas[...] = rng.integers(0, 256, shape, dtype=np.uint8)
    part, whole = canvas[3:9, 5:20], canvas.copy()
    palette = bytes(range(256)) * 3 if len(shape) == 2 else b""
    save_pixels(part, tmp_path / "part.png", palette)
    assert np.array_equal(np.asarray(opened(tmp_path / "part.png")), whole[3:9, 5:20])
    monkeypatch.setattr(packing, "blank", lambda _: pytest.fail("copied"))
    save_pixels(canvas, tmp_path / "a.png", palette)
    assert np.array_equal(np.asarray(opened(tmp_path / "a.png")), whole)
