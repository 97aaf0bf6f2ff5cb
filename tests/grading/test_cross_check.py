from __future__ import annotations

import numpy as np
import pytest
from helpers.nets import squares
from helpers.predictors import FakePredictor

from gdest.core import settings
from gdest.core.errors import SettingsError
from gdest.core.grid import tile_grid
from gdest.core.records import Graded, GradeMap, ImageFile, Micrograph, Status, TileGrid
from gdest.core.settings import GradeSettings
from gdest.grading import intercepts
from gdest.grading.intercepts import InterceptCount, count_intercepts, cross_checked, g_seen_in
from gdest.grading.pipeline import grade_micrographs, graded_row

pytest.importorskip("skimage", reason="the extra cross-check is not installed")


def rows(write_tiff, answer, **options):
    file = write_tiff("net.tif", squares(32, 300, 400), 1.0)
    return list(grade_micrographs([file], FakePredictor(answer), GradeSettings(cross_check=True, **options)))


def test_agreement_leaves_the_row_as_it_is_but_for_the_count(write_tiff):
    counted = count_intercepts(squares(32, 300, 400)).g(1.0)
    (row,) = rows(write_tiff, counted + 0.8)
    assert row.status == "graded"
    assert row.g_intercept == pytest.approx(counted)
    assert row.intercepts > 60


def test_a_difference_of_more_than_one_is_for_review(write_tiff):
    counted = count_intercepts(squares(32, 300, 400)).g(1.0)
    (row,) = rows(write_tiff, counted + 1.3)
    assert row.status == "review"
    assert f"the intercept count says G {counted:.1f}" in row.reason


def test_only_the_squares_that_were_counted_are_compared():
    picture = squares(32)
    covered = np.zeros(picture.shape, bool)
    covered[:, 224:] = True
    count = count_intercepts(picture, covered)
    assert {left for _, left, _ in count.clear} == {0}
    grid = tile_grid(480, 640, 224, 208)
    assert grid.lefts == (0, 208, 416)
    g = np.array([[4.0, 9.0, np.nan]] * len(grid.tops), np.float32)
    there = g_seen_in(GradeMap(g, grid, 1.0, 6), count.clear)
    shares = np.array([224, 16]) / 240
    assert there == pytest.approx(np.log2(shares @ 2.0 ** np.array([4.0, 9.0])), abs=1e-4)
    halved = GradeMap(np.array([[5.0, np.nan]]), TileGrid((0,), (0, 96), 224), 0.5, 2)
    assert g_seen_in(halved, count.clear) == pytest.approx(5.0)
    assert np.isnan(g_seen_in(GradeMap(np.full_like(g, np.nan), grid, 1.0, 6), count.clear))


def test_the_clear_part_of_a_mixed_field_is_not_held_against_the_whole(write_tiff):
    pixels = np.hstack([squares(32, 448, 448), np.random.default_rng(0).integers(0, 256, (448, 448), np.uint8)])
    file = write_tiff("mixed.tif", pixels, 1.0)
    counted = count_intercepts(pixels).g(1.0)

    def answer(tiles):
        noisy = np.abs(np.diff(tiles.astype(np.int16), axis=2)).mean(axis=(1, 2)) > 40
        return np.where(noisy, counted + 4.0, counted + 0.2)

    (row,) = grade_micrographs([file], FakePredictor(answer), GradeSettings(cross_check=True))
    assert row.statistics.g_from_density > counted + 2.5
    assert row.g_intercept == pytest.approx(counted)
    assert "intercept count" not in row.reason


def test_without_the_extra_the_option_is_one_clear_sentence(monkeypatch):
    monkeypatch.setattr(settings, "find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match=r"gdest\[cross-check\]"):
        GradeSettings(cross_check=True)
    GradeSettings()


def a_row(g, **options):
    """Return a row graded as `g` all over, at 1 um per px."""
    options = {"um_per_px": 1.0, **options}
    micrograph = Micrograph(
        ImageFile(None, "a.tif"), squares(32, 448, 448), options.pop("um_per_px"), "", "", **options
    )
    grid = tile_grid(448, 448, 224, 224)
    return graded_row(micrograph, GradeMap(np.full((2, 2), g, np.float32), grid, 1.0, 4), FakePredictor.card)


@pytest.fixture
def counted(monkeypatch):
    """Let the count say G 6 at 1 um per px, of the upper left tile."""
    found = InterceptCount(6.0, 77, ((0, 0, 224),))
    monkeypatch.setattr(intercepts, "count_intercepts", lambda *_: found)


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(("g", "differs"), [(7.0, False), (7.01, True), (5.0, False), (4.99, True)])
def test_a_difference_beyond_one_g_either_way_is_for_review(g, differs):
    row = cross_checked(a_row(g))
    assert (row.g_intercept, row.intercepts) == (6.0, 77)
    assert row.status == (Status.REVIEW if differs else Status.GRADED)
    assert row.reason == (f"the intercept count says G 6.0, the network {g:.1f} in the same 1 tiles" if differs else "")


@pytest.mark.usefixtures("counted")
def test_a_count_moves_with_the_pixel_size_and_an_earlier_reason_stays():
    row = cross_checked(a_row(8.0, um_per_px=0.5, doubts=("dirt",)))
    assert row.g_intercept == pytest.approx(8.0)
    assert row.reason.startswith("dirt; the intercept count says G 8.0, the network 10.0")


@pytest.mark.usefixtures("counted")
def test_without_a_pixel_size_or_tiles_there_nothing_is_compared():
    plain = a_row(9.0, um_per_px=None)
    assert cross_checked(plain) is plain
    row = a_row(9.0)
    nowhere = np.full((2, 2), 9.0, np.float32)
    nowhere[0, 0] = np.nan
    elsewhere = cross_checked(Graded(**{**vars(row), "grade_map": GradeMap(nowhere, row.grade_map.grid, 1.0, 3)}))
    assert elsewhere.status == Status.GRADED
    assert elsewhere.g_intercept == 6.0
