from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gdest.reports.lettering import FOOTER_PX, HEADER_PX, bar_um, font, framed, shortened


@pytest.mark.parametrize(("room", "um"), [(240.0, 200), (199.9, 100), (51.0, 50), (0.49, 0.2), (1000.0, 1000)])
def test_the_bar_is_a_round_number_of_micrometres_that_fits(room, um):
    assert bar_um(room) == pytest.approx(um)


def footer(um_per_px, width=600):
    """Return the lower strip of a framed white picture, (rows, cols), of its darkest channel."""
    picture = framed(Image.new("RGB", (width + 100, 50), "white"), "a.tif", "G 6.0", {}, um_per_px, width)
    return np.asarray(picture)[-FOOTER_PX:].min(axis=2)


@pytest.mark.parametrize(("um_per_px", "px"), [(0.5, 50 / 0.5), (1.25, 200 / 1.25), (0.0713, 10 / 0.0713)])
def test_the_bar_is_as_long_as_it_says(um_per_px, px):
    dark = footer(um_per_px)[FOOTER_PX // 2] == 0
    assert np.diff(np.flatnonzero(np.diff(np.pad(dark, 1).astype(int))))[0] == pytest.approx(px, abs=1)


def test_without_a_pixel_size_there_is_no_bar():
    strip = footer(None)
    longest = max(len(run) for row in strip for run in "".join("x" if one == 0 else " " for one in row).split(" "))
    assert longest < 20


def test_a_long_name_loses_its_beginning_and_keeps_its_end():
    name = f"archive/{'folder/' * 30}P17_200x.tif"
    short = shortened(name, 200, font(16))
    assert short.startswith("…") and short.endswith("P17_200x.tif")
    assert font(16).getlength(short) <= 200
    assert shortened("a.tif", 200, font(16)) == "a.tif"


def test_a_name_that_no_font_can_draw_is_drawn_all_the_same():
    for name in ("a\nb\x07.tif", "\udcff\udcfe.tif", "金相/試験片.tif", "x" * 5000):
        picture = framed(Image.new("RGB", (300, 40)), name, "G 6.0", {0: "title"}, 0.5, 200)
        assert picture.size == (300, 40 + HEADER_PX + FOOTER_PX)


def test_the_picture_lies_unchanged_in_its_frame(rng):
    pixels = rng.integers(0, 256, (40, 300, 3), dtype=np.uint8)
    picture = np.asarray(framed(Image.fromarray(pixels), "a.tif", "G 6.0", {}, 0.5, 200))
    assert np.array_equal(picture[HEADER_PX:-FOOTER_PX], pixels)
    assert (picture[:HEADER_PX] < 100).any()
