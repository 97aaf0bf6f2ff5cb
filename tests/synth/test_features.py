"""What `features` says is what the picture shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from gdest.core.label_maps import boundary_mask
from gdest.synth import etching, marks
from gdest.synth.dataset import make_micrograph, write_label_map
from gdest.synth.frame import make_boundaries, make_frame
from gdest.synth.label_maps import true_g
from gdest.synth.particles import draw_particles
from gdest.synth.recipe import FAMILIES, Recipe
from gdest.synth.tessellation import GrainShape, section

PLAIN = Recipe("bright-field", half_width_px=1.0, depth=1.0, twinned=0.9, outline=0.8, particles=0.8, particle_px=8.0)


@pytest.fixture(scope="module")
def labels():
    return section(np.random.default_rng(0), 400, 400, 4e-4, GrainShape())


@pytest.fixture(scope="module")
def drawn():
    """Two micrographs of every family."""
    families = [family for family in FAMILIES for _ in range(2)]
    return [make_micrograph(np.random.default_rng([8, i]), 5.0, 320, 330, 1.0, one) for i, one in enumerate(families)]


def test_each_micrograph_names_its_family_and_the_numbers_behind_it(drawn):
    assert [one.family for one in drawn] == [family for family in FAMILIES for _ in range(2)]
    for one in drawn:
        assert one.drawn["family"] == one.family
        assert {"half_width_px", "line_sigma", "size_spread", "elongation", "treatments", "enlarged"} <= set(one.drawn)
        assert all(isinstance(value, (float, str)) for value in one.drawn.values())


def test_maps_have_the_shape_of_the_picture_and_g_is_counted_on_them(drawn):
    for one in drawn:
        assert one.pixels.shape == one.labels.shape == one.features.shape == (320, 330)
        assert one.features.dtype == np.uint8
        assert set(np.unique(one.features)) <= {0, 1, 2}
        assert one.g == true_g(one.labels, 1.0)


def test_the_edges_of_twins_lie_inside_grains_and_are_thin(drawn):
    found = 0
    for one in drawn:
        twin = one.features == etching.TWIN
        if one.drawn["enlarged"] > 1.0 or twin.sum() < 50:
            continue
        found += 1
        assert not (twin & boundary_mask(one.labels)).any()
        assert ndimage.binary_erosion(twin, np.ones((3, 3))).sum() < 0.03 * twin.sum()
    assert found > 4


def outlined(labels, seed, **changes):
    """Return the darkness of the twins' outlines, and the features that they give."""
    frame = make_frame(np.random.default_rng(seed), labels)
    recipe = replace(PLAIN, **changes)
    twins = marks.draw_twins(frame, recipe)
    outline = marks.twin_lines(frame, recipe, twins)
    return outline, etching._features(labels, twins, outline, np.zeros(labels.shape, bool))


def test_a_twins_edge_is_a_feature_where_it_is_dark_and_none_where_it_is_not(labels):
    outline, features = outlined(labels, 1)
    twin = features == etching.TWIN
    assert twin.sum() > 500
    assert outline[twin].min() > etching.SEEN_STEP
    assert np.median(outline[twin]) > 0.3
    away = ndimage.distance_transform_edt(~(twin | boundary_mask(labels))) > 4
    assert outline[away].mean() < 0.03
    assert (outlined(labels, 1, outline=0.01, outline_sigma=0.1)[1] == etching.TWIN).sum() == 0


def test_twins_that_differ_in_grey_are_features_without_an_outline(labels):
    frame = make_frame(np.random.default_rng(1), labels)
    recipe = Recipe("mosaic", half_width_px=1.0, depth=1.0, contrast=0.3, twinned=0.9)
    twins = marks.draw_twins(frame, recipe)
    image, _, step = etching._grain_levels(frame, make_boundaries(frame), recipe, twins)
    features = etching._features(labels, twins, step, np.zeros(labels.shape, bool))
    row, col = np.nonzero(features[:, :-1] == etching.TWIN)
    across = (twins.distance[row, col] < 0) != (twins.distance[row, col + 1] < 0)
    jump = np.abs(image[row, col] - image[row, col + 1])[across]
    assert len(jump) > 200
    assert np.median(jump) > etching.SEEN_STEP


def test_particles_are_filled_features_and_differ_from_the_metal(labels):
    shown = 0
    for seed in range(6):
        frame = make_frame(np.random.default_rng(seed), labels)
        particles = draw_particles(frame, make_boundaries(frame), PLAIN)
        mask = particles.mask()
        filled = ndimage.binary_fill_holes(mask)
        assert mask.sum() > 0.95 * filled.sum() - 50
        assert 0.01 < mask.mean() < 0.5
        image = np.full(labels.shape, 0.75, np.float32)
        change = np.abs(particles.over(image) - image)
        assert change[~ndimage.binary_dilation(mask, iterations=4)].max() < 0.05
        shown += change[mask].mean() > 0.1
    assert shown >= 5


def test_a_particle_hides_a_twins_edge_and_a_grain_boundary_too(labels):
    twins = marks.draw_twins(make_frame(np.random.default_rng(1), labels), PLAIN)
    everywhere = np.ones(labels.shape, np.float32)
    covered = np.zeros(labels.shape, bool)
    covered[100:200, 100:200] = True
    features = etching._features(labels, twins, everywhere, covered)
    assert (features[covered] == etching.PARTICLE).all()
    assert (features[~covered] != etching.PARTICLE).all()


def test_grains_under_a_particle_are_not_counted():
    labels = np.zeros((90, 90), np.int32)
    labels[:, 45:] = 1
    labels[36:50, 38:52] = 2
    covered = labels == 2
    assert set(np.unique(etching.seen_grains(labels, covered.astype(np.float32)))) == {0, 1}


def test_the_second_page_of_a_label_map_holds_the_features(tmp_path, drawn):
    path = tmp_path / "map.tif"
    write_label_map(path, drawn[0])
    for read in (tifffile.imread(path), tifffile.imread(path, key=0)):
        assert read.dtype == np.uint32
        assert np.array_equal(read, drawn[0].labels)
    assert np.array_equal(tifffile.imread(path, key=1), drawn[0].features)


def test_the_same_seed_draws_the_same_of_every_family(drawn):
    for i, one in enumerate(drawn[::2]):
        again = make_micrograph(np.random.default_rng([8, 2 * i]), 5.0, 320, 330, 1.0, one.family)
        assert np.array_equal(one.pixels, again.pixels)
        assert np.array_equal(one.features, again.features)
        assert one.drawn == again.drawn
