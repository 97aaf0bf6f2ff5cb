from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from gdest.core import grain_size
from gdest.core.label_maps import rim_shares
from gdest.synth import tessellation
from gdest.synth.label_maps import true_g
from gdest.synth.tessellation import GrainShape, random_shape, section


@pytest.mark.parametrize("g", [4.0, 7.0, 10.0])
def test_intended_density_is_met_within_a_fifth(g):
    per_px = float(grain_size.grains_per_mm2(g)) * 1e-6
    grades = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        grades.append(true_g(section(rng, 500, 600, per_px, random_shape(rng)), 1.0))
    assert np.mean(grades) == pytest.approx(g, abs=0.3)


def test_every_label_is_one_connected_grain_without_gaps_in_the_numbers():
    labels = section(np.random.default_rng(3), 400, 400, 1e-3, GrainShape(waviness=0.05))
    assert set(np.unique(labels)) == set(range(labels.max() + 1))
    pieces = sum(ndimage.label(labels == grain, np.ones((3, 3)))[1] for grain in range(labels.max() + 1))
    assert pieces <= 1.01 * (labels.max() + 1)


def test_slivers_that_an_etched_line_swallows_are_no_grains():
    labels = section(np.random.default_rng(1), 500, 500, 1e-3, GrainShape(sliver=0.05))
    inside = np.flatnonzero(rim_shares(labels) == 1.0)
    area = np.bincount(labels.ravel())[inside]
    assert area.min() >= 0.04 * 1e3
    untouched = section(np.random.default_rng(1), 500, 500, 1e-3, GrainShape(sliver=0.0))
    assert untouched.max() > labels.max()


def test_sections_of_a_solid_hold_small_cut_off_grains():
    """A plane section spreads areas far more than the planar tessellation of the same seeds would."""
    labels = section(np.random.default_rng(2), 900, 900, 2e-3, GrainShape(relaxation=1.0, size_spread=0.0, sliver=0.0))
    area = np.bincount(labels.ravel())[rim_shares(labels) == 1.0]
    assert 0.4 < area.std() / area.mean() < 0.8


def test_relaxation_makes_grains_more_regular_and_weights_less():
    def spread(**shape):
        labels = section(np.random.default_rng(5), 900, 900, 2e-3, GrainShape(sliver=0.0, **shape))
        area = np.bincount(labels.ravel())[rim_shares(labels) == 1.0]
        return area.std() / area.mean()

    assert spread(relaxation=1.0, size_spread=0.0) < spread(relaxation=0.0, size_spread=0.0)
    assert spread(relaxation=1.0, size_spread=0.0) < spread(relaxation=1.0, size_spread=0.4)


def test_elongation_stretches_grains_along_its_direction():
    labels = section(np.random.default_rng(4), 700, 700, 1e-3, GrainShape(elongation=2.0, angle=0.0, waviness=0.0))
    crossings_along_rows = (labels[:, 1:] != labels[:, :-1]).mean()
    crossings_along_cols = (labels[1:] != labels[:-1]).mean()
    assert crossings_along_cols > 1.5 * crossings_along_rows


def test_the_same_seed_gives_the_same_grains():
    first, second = (section(np.random.default_rng(9), 300, 300, 1e-3, GrainShape()) for _ in range(2))
    assert np.array_equal(first, second)


def spread_of_areas(**shape):
    rng = np.random.default_rng(3)
    labels = section(rng, 500, 500, 1.6e-3, GrainShape(**shape))
    areas = np.bincount(labels.ravel())
    return areas.std() / areas.mean()


def test_unevenness_and_giants_widen_the_distribution_of_grain_areas():
    even = spread_of_areas()
    assert spread_of_areas(unevenness=0.9) > 1.1 * even
    assert spread_of_areas(giants=0.05) > 1.1 * even


def boundary_length(**shape):
    labels = section(np.random.default_rng(3), 400, 400, 1e-3, GrainShape(**shape))
    return (np.diff(labels, axis=0) != 0).sum() + (np.diff(labels, axis=1) != 0).sum(), labels.max() + 1


def test_kinks_lengthen_the_boundaries_and_make_no_new_grains():
    smooth, grains = boundary_length()
    jagged, as_many = boundary_length(jaggedness=0.05, kink=0.2)
    assert jagged > 1.03 * smooth
    assert as_many == pytest.approx(grains, rel=0.12)


def test_drawn_shapes_have_the_spread_of_areas_that_real_steel_has():
    """From even steel, std / mean 0.5, to mixed and bimodal steel, 1.3: neither end is rare."""
    spreads, small = [], []
    for seed in range(40):
        rng = np.random.default_rng([9, seed])
        labels = section(rng, 360, 360, 1.2e-3, random_shape(rng))
        inside = np.delete(
            np.bincount(labels.ravel()), np.unique(np.r_[labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        )
        spreads.append(inside.std() / inside.mean())
        small.append((inside < 0.25 * inside.mean()).mean())
    low, quarter, median, three_quarters, high = np.quantile(spreads, [0.0, 0.25, 0.5, 0.75, 1.0])
    assert 0.45 < low < 0.6
    assert quarter < 0.8 < median < 1.0 < three_quarters
    assert 1.2 < high < 1.6
    assert 0.1 < np.mean(small) < 0.2


def test_two_densities_leave_coarse_patches_beside_fine_ones():
    """Blocks of a bimodal section differ in their number of boundary pixels far more than those of an even one."""

    def spread_of_blocks(**shape):
        labels = section(np.random.default_rng(2), 600, 600, 2.5e-3, GrainShape(**shape))
        blocks = (np.diff(labels, axis=1, append=labels[:, -1:]) != 0).reshape(10, 60, 10, 60).mean(axis=(1, 3))
        return blocks.std() / blocks.mean()

    assert spread_of_blocks(unevenness=1.2, bimodal=True, patch=5.0) > 2 * spread_of_blocks()


def test_the_cells_found_from_nodes_are_those_found_pixel_by_pixel():
    rng = np.random.default_rng(0)
    seeds = np.column_stack([rng.uniform(0, 200, (60, 2)), np.abs(rng.normal(0, 5, 60))])
    query = np.stack(np.mgrid[0:200, 0:210].astype(np.float32), axis=2)
    every = tessellation._nearest(seeds, query.reshape(-1, 2)).reshape(200, 210)
    assert (tessellation._cells(seeds, query, spacing=40.0) != every).mean() < 2e-3
