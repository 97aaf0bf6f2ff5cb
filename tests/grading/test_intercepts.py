from __future__ import annotations

import numpy as np
import pytest
from helpers.nets import squares

from gdest.grading import intercepts
from gdest.grading.intercepts import InterceptCount, count_intercepts, trace_boundaries

pytest.importorskip("skimage", reason="the extra cross-check is not installed")


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


def lines(rows=224, cols=224, *, across=(), down=()):
    """Return traced lines one pixel wide: whole rows `across`, whole columns `down`."""
    drawn = np.zeros((rows, cols), bool)
    drawn[list(across)] = True
    drawn[:, list(down)] = True
    return drawn


def test_test_lines_meet_a_line_once_and_half_at_their_beginning():
    assert intercepts._runs(np.array([[0, 1, 1, 0, 1]], bool)) == 2
    assert intercepts._runs(np.array([[1, 1, 0, 0, 1], [1, 0, 0, 0, 0]], bool)) == 2  # 0.5 + 1 + 0.5
    assert intercepts._runs(np.zeros((2, 5), bool)) == 0


def test_crossings_are_counted_along_rows_columns_and_both_diagonals():
    found, length = intercepts._crossings(lines(down=(100,)))
    rows = len(range(6, 224, 12))
    offsets = range(-224 + 40, 224 - 40, 24)
    diagonals = [224 - abs(offset) for offset in offsets]
    # one column: every row meets it; no column's test line does but its own; a diagonal where it passes column 100
    assert length == pytest.approx(2 * rows * 224 + 2 * np.sqrt(2.0) * sum(diagonals))
    falling = sum(0 <= 100 - offset < 224 for offset in offsets)
    rising = sum(0 <= 223 - 100 - offset < 224 for offset in offsets)
    assert found == pytest.approx(rows + falling + rising, abs=2)
    turned, same = intercepts._crossings(lines(across=(100,)))
    assert same == pytest.approx(length)
    assert turned == pytest.approx(found, abs=2)


def test_a_line_ends_where_it_has_one_neighbour_but_for_the_rim():
    drawn = np.zeros((40, 40), bool)
    drawn[20, 5:30] = True
    drawn[10, 0:20] = True
    ends = intercepts._loose_ends(drawn)
    assert {(int(row), int(col)) for row, col in np.argwhere(ends)} == {(20, 5), (20, 29), (10, 19)}
    for rim in (1, 38):
        drawn = np.zeros((40, 40), bool)
        drawn[rim, 5:30] = drawn[5:30, rim] = True
        assert not intercepts._loose_ends(drawn).any()
    drawn = np.zeros((40, 40), bool)
    drawn[2, 5:30] = True
    assert intercepts._loose_ends(drawn).sum() == 2


def test_short_hairs_go_and_the_line_they_stand_on_stays():
    drawn = lines(60, 60, across=(30,))
    drawn[24:30, 20] = True  # six pixels
    kept = intercepts._without_spurs(drawn)
    assert kept[30].all()
    assert kept[:29].sum() == 0
    drawn[10:30, 40] = True
    assert intercepts._without_spurs(drawn)[16:30, 40].all()
    assert not intercepts._without_spurs(drawn)[:16, 40].any()


def clear(*, count=60, length=60 * 40.0, ends=0, contrast=9.0, drawn=None):
    """Return whether a tile with these boundaries is clear; contrast in deviations of the grains' inside."""
    drawn = lines(down=range(20, 224, 40)) if drawn is None else drawn
    loose = np.zeros_like(drawn)
    loose.ravel()[np.flatnonzero(drawn)[:ends]] = True
    inside = np.where(np.indices(drawn.shape).sum(axis=0) % 2, 1.0, -1.0)
    strength = np.where(drawn, contrast, inside).astype(np.float32)
    return intercepts._is_clear(drawn, loose, strength, count, length)


def test_a_tile_is_clear_by_each_of_five_measures():
    assert clear()
    assert clear(count=8, length=8 * 40.0)
    assert not clear(count=7, length=7 * 40.0)
    assert clear(length=60 * 15.0)
    assert not clear(length=60 * 14.9)
    # 6 lines of 224 px: 0.15 loose ends per mean intercept of 40 px are 5.04
    assert clear(ends=5)
    assert not clear(ends=6)
    assert clear(contrast=4.9)
    assert not clear(contrast=4.7)
    # boundaries five pixels apart leave no inside
    assert not clear(drawn=lines(down=range(0, 224, 5)))


def test_the_last_clear_zoom_is_taken_and_needs_a_third_of_the_tiles_and_sixty_intercepts(monkeypatch):
    asked = []

    def count_at(pixels, zoom, *_):
        asked.append((pixels.shape, zoom))
        return InterceptCount(zoom, 99, ()) if zoom > 0.3 else None

    monkeypatch.setattr(intercepts, "_count_at", count_at)
    assert count_intercepts(np.zeros((900, 1000), np.uint8)).g_px == 0.5
    assert asked == [((900, 1000), 1.0), ((450, 500), 0.5), ((225, 250), 0.25)]
    asked.clear()
    count_intercepts(np.zeros((448, 1000), np.uint8))
    assert [zoom for _, zoom in asked] == [1.0, 0.5]
    assert count_intercepts(np.zeros((223, 1000), np.uint8)) is None


@pytest.mark.parametrize(
    ("of_nine", "met", "found"), [(3, 20, True), (2, 30, False), (3, 19, False), (9, 7, True), (9, 6, False)]
)
def test_a_count_needs_a_third_of_the_tiles_and_sixty_intercepts(monkeypatch, of_nine, met, found):
    told = iter([True] * of_nine + [False] * 9)
    monkeypatch.setattr(intercepts, "trace_boundaries", lambda pixels: (pixels > 0, pixels.astype(np.float32)))
    monkeypatch.setattr(intercepts, "_crossings", lambda _: (met, met * 40.0))
    monkeypatch.setattr(intercepts, "_is_clear", lambda *_: next(told))
    count = intercepts._count_at(np.zeros((672, 672), np.uint8), 0.5, None, 1)
    assert (count is not None) is found
    if count:
        # 40 px at half the size are 80 um at 1 um per px
        assert count.g_px == pytest.approx(-6.643856 * np.log10(0.080) - 3.288)
        assert count.intercepts == of_nine * met
        assert count.clear[:2] == ((0, 0, 448), (0, 448, 448))
        assert len(count.clear) == of_nine
