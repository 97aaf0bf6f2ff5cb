from __future__ import annotations

import numpy as np
import pytest

from gdest.reports.few_greys import FEW, LEVELS
from gdest.reports.lettering import FOOTER_PX, HEADER_PX, bar_um, font, frame, shortened, write_on


@pytest.mark.parametrize(("room", "um"), [(240.0, 200), (199.9, 100), (51.0, 50), (0.49, 0.2), (1000.0, 1000)])
def test_the_bar_is_a_round_number_of_micrometres_that_fits(room, um):
    assert bar_um(room) == pytest.approx(um)


def footer(um_per_px, width=600):
    """Return the lower strip of a frame, (rows, cols), of its darkest channel."""
    return frame((50, width + 100, 3), "a.tif", "G 6.0", {}, um_per_px, width)[-FOOTER_PX:].min(axis=2)


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
        picture = frame((40, 300, 3), name, "G 6.0", {0: "title"}, 0.5, 200)
        assert picture.shape == (40 + HEADER_PX + FOOTER_PX, 300, 3)
        assert (picture[:HEADER_PX] < 100).any()


def test_the_frame_of_a_palette_has_the_same_letters_in_few_greys():
    colours, places = (frame(shape, "a.tif", "G 6.0", {5: "map"}, 0.5, 200) for shape in ((40, 300, 3), (40, 300)))
    assert (colours[HEADER_PX:-FOOTER_PX] == 0).all() and (places[HEADER_PX:-FOOTER_PX] == 0).all()
    outside = np.r_[:HEADER_PX, -FOOTER_PX:0]
    assert np.abs(LEVELS[places[outside]].astype(int) - colours[outside, :, 0]).max() <= 255 // FEW
    assert (colours[..., 0] == colours[..., 2]).all()


@pytest.mark.parametrize(("row", "col"), [(50, 60), (0, 0), (100, 120), (-3, 118), (3000, 3000), (-200, 50)])
def test_what_is_written_is_cut_off_at_the_rim(row, col):
    picture, wide = np.full((100, 120, 3), 90, np.uint8), np.full((3400, 3400, 3), 90, np.uint8)
    write_on(picture, "8.8", row, col)
    write_on(wide, "8.8", row + 300, col + 300)
    assert np.array_equal(picture, wide[300:400, 300:420])
    rows, cols, _ = np.nonzero(wide == 255)
    assert abs(rows.mean() - row - 300) < 1.5 and abs(cols.mean() - col - 300) < 1.5
