from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from gdest.synth import defects, etching, lines, marks, optics, recipe
from gdest.synth.dataset import make_micrograph
from gdest.synth.frame import make_boundaries, make_frame
from gdest.synth.tessellation import GrainShape, section


@pytest.fixture(scope="module")
def labels():
    return section(np.random.default_rng(0), 300, 300, 4e-4, GrainShape())


def twinned(share):
    return recipe.Recipe("both", half_width_px=1.0, depth=0.8, contrast=0.2, twinned=share)


def frame_of(labels, seed=0):
    return make_frame(np.random.default_rng(seed), labels)


def test_boundary_etch_darkens_boundaries_more_than_grains(labels):
    frame = frame_of(labels)
    bounds = make_boundaries(frame)
    darkness = lines.boundary_darkness(frame, bounds, 1.5, "boundary")
    assert darkness[bounds.distance < 1].mean() > 5 * darkness[bounds.distance > 8].mean()


def test_over_etched_boundaries_are_wider_and_black(labels):
    frame = frame_of(labels)
    bounds = make_boundaries(frame)
    thin = lines.boundary_darkness(frame, bounds, 1.0, "boundary")
    wide = lines.boundary_darkness(frame, bounds, 0.1 * frame.diameter_px, "over-etched")
    assert (wide > 0.5).mean() > 2 * (thin > 0.5).mean()


def test_line_width_scales_with_the_grains_over_a_wide_range():
    rng = np.random.default_rng(0)
    wide = [recipe.half_width(rng, 100.0, "over-etched") for _ in range(200)]
    assert max(wide) > 0.1 * 100
    thin = [recipe.half_width(rng, 100.0, "boundary") for _ in range(200)]
    assert min(thin) < 0.6
    assert max(thin) > 3.0
    assert max(recipe.half_width(rng, 5.0, "over-etched") for _ in range(200)) <= 0.13 * 5.0


def test_twins_are_straight_bands_inside_grains_that_leave_the_label_map_alone(labels):
    before = labels.copy()
    twins = marks.draw_twins(frame_of(labels, 3), twinned(0.6)).distance < 0
    assert 0.01 < twins.mean() < 0.7
    assert np.array_equal(labels, before)
    # inside one grain the edge of a lamella is a straight line: its points have almost no width
    grain = np.argmax(np.bincount(labels[twins]))
    inside = (labels == grain) & (ndimage.distance_transform_edt(labels == grain) > 3)
    assert 0 < (twins & inside).sum() < inside.sum()


def test_strokes_are_short_and_leave_most_of_the_grain_alone(labels):
    frame = frame_of(labels, 1)
    dark = marks._strokes(frame, 1.0) > 0.2
    assert 0 < dark.mean() < 0.3
    pieces, count = ndimage.label(dark)
    assert count > 1
    assert max(max(s.stop - s.start for s in piece) for piece in ndimage.find_objects(pieces)) < 3 * frame.diameter_px


def test_relief_is_light_on_one_flank_of_a_groove_and_dark_on_the_other():
    labels = np.zeros((120, 120), np.int32)
    labels[:, 60:] = 1
    frame = frame_of(labels)
    relief = etching._relief(frame, make_boundaries(frame), 3.0)
    left, right = relief[:, 50:59].mean(), relief[:, 62:71].mean()
    assert left * right < 0
    assert np.abs(relief[:, :20]).max() < 0.02


def test_sharpening_leaves_light_rims_beside_dark_lines():
    image = np.full((60, 60), 0.8, np.float32)
    image[:, 30] = 0.2
    assert optics._sharpened(np.random.default_rng(0), image)[:, 32].min() > 0.81


def test_a_cleared_picture_has_an_even_ground_with_less_noise_and_lines_as_black_as_any():
    image = np.full((200, 200), 0.75, np.float32) + 0.05 * np.linspace(-1, 1, 200, dtype=np.float32)
    image[:, ::20] = 0.1
    ground = np.ones(200, bool)
    ground[np.r_[0:200:20, 1:200:20, 19:200:20]] = False
    for seed in range(8):
        shown, cleared = (
            optics.photograph(np.random.default_rng(seed), image, 60.0, optics.Camera(most_blur_px=0.3), power)
            for power in (1.0, 2.5)
        )
        if shown[:, ground].mean() < shown[:, 20].mean():  # dark field
            continue
        spans = [one[:, ground].mean() - one[:, 20:181:20].mean() for one in (shown, cleared)]
        uneven = [one[:, ground].std() / span for one, span in zip((shown, cleared), spans, strict=True)]
        assert uneven[1] < 0.6 * uneven[0]
        assert spans[1] > 0.35
        assert cleared[:, 20:181:20].mean() < 0.3


@pytest.mark.parametrize("ground", [1.0, 0.7])
def test_an_even_bright_ground_is_not_burnt_out(ground):
    picture = np.full((300, 300), ground, np.float32)
    picture[100:110] = 0.2
    camera = optics.Camera(least_white=60.0, most_blur_px=0.0, least_span=1.0)
    for seed in range(20):
        seen = optics.photograph(np.random.default_rng(seed), picture, 100.0, camera, cleared=2.0)
        if np.median(seen) > 0.5:  # else it is a dark field
            assert np.mean(seen >= 254 / 255) < 0.7
            assert seen[105].mean() < 0.5 * np.median(seen)


def test_some_further_twins_of_a_grain_lie_on_another_plane(monkeypatch):
    def directions(turned):
        monkeypatch.setattr(marks, "TURNED", turned)
        frame = frame_of(np.zeros((300, 300), np.int32), 3)
        found = set()
        for seed in range(12):
            frame.rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state
            twins = marks.draw_twins(frame, recipe.Recipe("boundary", 1.0, 1.0, twinned=1.0, boxed=0.0))
            down, right = np.gradient(twins.distance)
            edge = np.abs(twins.distance) < 1.0
            angles = np.degrees(np.arctan2(down[edge], right[edge])) % 180.0
            found.add(len(np.unique(np.round(angles / 15.0) % 12)))
        return found

    assert max(directions(0.0)) == 1
    assert max(directions(1.0)) > 1


def test_grains_that_the_line_has_swallowed_are_given_to_a_neighbour_and_no_others():
    labels = np.zeros((90, 90), np.int32)
    labels[:, 45:] = 1
    labels[36:50, 38:52] = 2
    line = np.zeros((90, 90), np.float32)
    line[34:52, 36:54] = 1.0
    seen = etching.seen_grains(labels, line)
    assert set(np.unique(seen)) == {0, 1}
    assert (seen[:, :38] == 0).all()
    assert (seen[:, 52:] == 1).all()
    assert np.array_equal(etching.seen_grains(labels, 0.4 * line), labels)


def test_the_label_of_a_thickly_etched_micrograph_counts_fewer_grains_than_were_cut(labels, monkeypatch):
    def counted(width):
        monkeypatch.setattr(recipe, "half_width", lambda _rng, diameter_px, _family: width * diameter_px)
        return [int(etching.etch(np.random.default_rng(seed), labels, family="both").seen.max()) for seed in range(5)]

    cut = int(labels.max())
    assert min(counted(0.01)) >= 0.97 * cut
    assert np.mean(counted(0.13)) < 0.97 * cut


def test_the_etch_rounds_the_corners_of_grains_and_widens_no_straight_line():
    rows, cols = np.indices((240, 240)) // 60
    frame = frame_of((rows * 4 + cols).astype(np.int32))
    bounds = make_boundaries(frame)
    rounded = lines.rounded(bounds.distance, 6.0)
    corner, side = (slice(63, 69), slice(63, 69)), (slice(63, 69), slice(86, 94))
    assert (rounded[corner] < bounds.distance[corner] - 0.2).any()
    assert np.abs(rounded[side] - bounds.distance[side]).max() < 0.05
    assert (rounded <= bounds.distance).all()


def test_pores_are_few_dark_and_far_larger_than_pits():
    dark = [defects._pores(np.random.default_rng(seed), (400, 400), 60.0) > 0.5 for seed in range(12)]
    assert 0 < np.mean(dark) < 0.03
    largest = max(np.bincount(ndimage.label(one)[0].ravel())[1:].max(initial=0) for one in dark)
    assert 0.01 < largest / 60.0**2 < 0.5


def test_each_style_is_drawn_and_the_numbers_stay_in_range(labels):
    images = [etching.etch(np.random.default_rng(seed), labels).image for seed in range(6)]
    assert all(image.dtype == np.float32 and image.min() >= 0 and image.max() <= 1 for image in images)
    assert all(image.std() > 0.01 for image in images)
    assert len({image.tobytes() for image in images}) == 6


def test_uneven_light_changes_brightness_across_the_field():
    light = optics._light(np.random.default_rng(1), (100, 200))
    assert light.shape == (100, 200)
    assert abs(light[:, :20].mean() - light[:, -20:].mean()) > 0.01


def test_a_micrograph_depends_on_its_seed_alone():
    first, second = (make_micrograph(np.random.default_rng([5, 1]), 6.0, 256, 256, 1.0) for _ in range(2))
    assert np.array_equal(first.pixels, second.pixels)
    assert first.g == second.g
    assert first.pixels.dtype == np.uint8
