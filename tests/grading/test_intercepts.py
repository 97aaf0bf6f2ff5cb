from __future__ import annotations

import numpy as np
import pytest
from helpers.predictors import FakePredictor

from gdest.core import settings
from gdest.core.errors import SettingsError
from gdest.core.grid import tile_grid
from gdest.core.records import GradeMap, TileGrid
from gdest.core.settings import GradeSettings
from gdest.grading.intercepts import count_intercepts, g_seen_in, trace_boundaries
from gdest.grading.pipeline import grade_micrographs

pytest.importorskip("skimage", reason="the extra cross-check is not installed")


def squares(side: int, rows: int = 480, cols: int = 640, dark: bool = True) -> np.ndarray:
    """A chequered net of square grains with lines three pixels wide, softly lit and a little noisy."""
    y, x = np.mgrid[0:rows, 0:cols]
    line = (y % side < 3) | (x % side < 3)
    grey = np.where(line, 60.0, 190.0) if dark else np.where(line, 220.0, 110.0)
    grey += 20.0 * np.sin(x / 200.0) + np.random.default_rng(1).normal(0, 4, (rows, cols))
    return np.clip(grey, 0, 255).astype(np.uint8)


# along a row the intercept is the side; along a diagonal a square net meets sqrt(2) lines per side, at one point
# every second time on this lattice: the mean over four directions lies between side / sqrt(2) and side * sqrt(2)
@pytest.mark.parametrize("side", [32, 48])
@pytest.mark.parametrize("dark", [True, False])
def test_a_net_of_known_squares_is_counted_whatever_its_polarity(side, dark):
    found = count_intercepts(squares(side, dark=dark))
    expected = -6.643856 * np.log10(side / 1e3) - 3.288
    assert found.g(1.0) == pytest.approx(expected, abs=0.6)
    assert found.intercepts > 60


def test_covered_tiles_do_not_count():
    covered = np.zeros((480, 640), bool)
    covered[:, :320] = True
    whole, half = count_intercepts(squares(32)), count_intercepts(squares(32), covered)
    assert half.intercepts < 0.7 * whole.intercepts
    assert half.g_px == pytest.approx(whole.g_px, abs=0.2)
    assert count_intercepts(squares(32), np.ones((480, 640), bool)) is None


def test_half_the_side_is_two_grades_finer_and_half_the_pixel_size_too():
    coarse, fine = count_intercepts(squares(64)), count_intercepts(squares(32))
    assert fine.g_px - coarse.g_px == pytest.approx(2.0, abs=0.35)
    assert coarse.g(0.5) - coarse.g(1.0) == pytest.approx(2.0, abs=1e-6)


def test_traced_lines_lie_on_the_net():
    traced, _ = trace_boundaries(squares(48))
    y, x = np.nonzero(traced)
    near = (np.minimum((y - 1) % 48, (1 - y) % 48) <= 2) | (np.minimum((x - 1) % 48, (1 - x) % 48) <= 2)
    assert near.mean() > 0.98
    assert traced.sum() > 0.8 * (480 * 640 / 48) * 2 - 480


def test_what_shows_no_net_gets_no_answer(rng):
    assert count_intercepts(rng.integers(0, 256, (480, 640), dtype=np.uint8)) is None
    assert count_intercepts(np.full((480, 640), 128, np.uint8)) is None
    broken = squares(48)
    broken[rng.random((480, 640)) < 0.4] = 190
    y, x = np.mgrid[0:480, 0:640]
    broken[((y // 16 + x // 16) % 2) == 0] = 190  # every other piece of each line is gone
    assert count_intercepts(broken) is None


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
