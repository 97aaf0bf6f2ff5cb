import numpy as np
import pytest
from helpers.boundary_fields import field_of, squares, voronoi

from gdest.core import grain_size
from gdest.grading.grain_table import measure_grains
from gdest.grading.grains import close_grains
from gdest.grading.size_classes import block_grades, size_class


def verdict_of(labels):
    field = field_of(labels)
    return size_class(measure_grains(field, close_grains(field), 1.0)).verdict


def test_one_size_is_uniform():
    for seed in range(5):
        assert verdict_of(voronoi(np.random.default_rng(seed), 300, 300, 250)) == "uniform"


def test_few_grains_are_unknown():
    assert verdict_of(voronoi(np.random.default_rng(0), 200, 200, 40)) == "unknown"


def test_fine_grains_in_one_half_are_bimodal():
    coarse, fine = (voronoi(np.random.default_rng(n), 360, 360, n) for n in (100, 1200))

    assert verdict_of(np.where(np.arange(360) < 180, coarse, fine + 10**4)) == "duplex:bimodal"


def test_a_band_of_fine_grains_is_banding_along_its_direction():
    coarse, fine = (voronoi(np.random.default_rng(n), 360, 360, n) for n in (100, 1200))
    band = (np.arange(360) > 100) & (np.arange(360) < 240)

    assert verdict_of(np.where(band[:, None], fine + 10**4, coarse)) == "duplex:banding-horizontal"
    assert verdict_of(np.where(band, fine + 10**4, coarse)) == "duplex:banding-vertical"


def chequered(coarse_share, seed=0):
    """Return squares of side 48, of which some are cut into 6 x 6 fine ones of side 8 (5 G finer), at random."""
    rng = np.random.default_rng(seed)
    coarse, fine = squares(480, 480, 48), squares(480, 480, 8)
    return np.where((rng.random(10**4) < coarse_share)[coarse], coarse, fine + 10**6)


def test_two_sizes_grain_by_grain_are_bimodal():
    """By chance fine ones may lie in rings."""
    verdicts = [verdict_of(chequered(0.5, seed)) for seed in range(6)]
    assert set(verdicts) <= {"duplex:bimodal", "duplex:necklace"}
    assert verdicts.count("duplex:bimodal") >= 5


@pytest.mark.parametrize(("apart", "said"), [(0.6, "uniform"), (1.2, "duplex:bimodal")])
def test_halves_must_differ_by_more_than_a_few_large_grains_would_make_them(apart, said):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        coarse, fine = (voronoi(rng, 480, 480, round(900 * 2**by)) for by in (0.0, apart))
        assert verdict_of(np.where(np.arange(480) < 240, coarse, fine + 10**4)) == said


def test_few_coarse_grains_among_fine_ones_are_isolated():
    labels = squares(480, 480, 12)
    for top, left in ((48, 96), (240, 300), (360, 72)):
        labels[top : top + 84, left : left + 84] = 10**6 + top

    assert verdict_of(labels) == "duplex:isolated-coarse"


def test_sizes_spread_evenly_over_five_g_are_wide_range():
    rng = np.random.default_rng(2)
    labels = np.zeros((512, 512), np.int64)

    def cut(top, left, rows, cols):
        """Fill a rectangle with grains of 64 x 64 px, 64 x 32, 32 x 32, ... 16 x 8: each size has the same area."""
        halvings = 12 - (rows * cols).bit_length() + 1
        if halvings >= 0 and rng.random() < 1 / (6 - halvings):
            labels[top : top + rows, left : left + cols] = labels.max() + 1
        elif rows >= cols:
            cut(top, left, rows // 2, cols), cut(top + rows // 2, left, rows // 2, cols)
        else:
            cut(top, left, rows, cols // 2), cut(top, left + cols // 2, rows, cols // 2)

    cut(0, 0, 512, 512)

    assert verdict_of(labels) == "duplex:wide-range"


def test_one_coarse_grain_is_isolated_from_a_share_of_the_area_on():
    labels = voronoi(np.random.default_rng(4), 300, 300, 150)
    down, right = np.ogrid[:300, :300]
    away = (down - 150) ** 2 + (right - 150) ** 2

    assert verdict_of(np.where(away < 50**2, 10**6, labels)) == "duplex:isolated-coarse"  # 8.7 %, 3.7 G coarser
    assert verdict_of(np.where(away < 36**2, 10**6, labels)) == "uniform"  # 4.5 %, 2.8 G coarser
    wide = voronoi(np.random.default_rng(4), 600, 600, 600)
    assert (
        verdict_of(np.where(np.pad(away, ((0, 300), (0, 300)), constant_values=10**6) < 50**2, 10**6, wide))
        == "uniform"
    )


def test_rings_of_fine_grains_round_coarse_ones_are_a_necklace():
    labels, fine = squares(480, 480, 64), squares(480, 480, 8)
    ring = np.arange(480) % 64 < 8
    necklace = np.where(ring[:, None] | ring, fine + 10**6, labels)

    assert verdict_of(necklace) == "duplex:necklace"


def test_block_grades_are_those_of_their_grains():
    labels = np.where(np.arange(240) < 120, squares(240, 240, 10), squares(240, 240, 20) + 10**6)
    field = field_of(labels)

    grades, areas, expected = block_grades(measure_grains(field, close_grains(field), 1.0))

    assert np.nanmedian(grades[:, 0]) == pytest.approx(float(grain_size.g_from_mean_area_um2(100.0)), abs=0.3)
    assert np.nanmedian(grades[:, -1]) == pytest.approx(float(grain_size.g_from_mean_area_um2(400.0)), abs=0.3)
    assert areas.sum() == 240 * 240
    assert expected < 0.1
