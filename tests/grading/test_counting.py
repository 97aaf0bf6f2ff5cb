from dataclasses import replace

import numpy as np
import pytest
from helpers.boundary_fields import field_of, squares, voronoi

from gdest.core import BoundaryField, Mark, ModelCard, grain_size
from gdest.grading import count_at_pixel_size, count_grains

CARD = ModelCard()


def steel(seed=0, side=400, grains=300):
    """Return random grains, about so many in the picture, cut out of a larger plane."""
    wide = side + 100
    labels = voronoi(np.random.default_rng(seed), wide, wide, round(grains * wide**2 / side**2))
    return labels[50 : 50 + side, 50 : 50 + side]


def test_squares_are_counted_with_the_g_of_their_area_in_px_of_the_file():
    count = count_grains([field_of(squares(200, 200, 20, shift=10), cell_px=2.0)], CARD)

    assert count.g == pytest.approx(grain_size.g_from_mean_area_um2(40.0**2))
    assert count.grains == 100
    assert count.aspect_ratio == pytest.approx(1.0, abs=0.1)
    assert count.note == ""


def test_g_is_counted_within_its_interval_on_random_grains():
    for seed, cells in ((1, 200), (2, 400), (3, 800)):
        count = count_grains([field_of(steel(seed, grains=cells))], CARD)
        true = grain_size.g_from_count(cells, 400 * 400e-6)

        assert count.g == pytest.approx(true, abs=0.15)
        assert count.g_low < true < count.g_high
        # a mean intercept of pi / 4 in units of the root of the mean area: Poisson-Voronoi
        assert count.mean_intercept_um == pytest.approx(np.pi / 4 * np.sqrt(400 * 400 / cells), rel=0.07)


def test_pixel_size_moves_g_and_scales_lengths_and_areas():
    seen = count_grains([field_of(steel())], CARD)

    true = count_at_pixel_size(seen, 0.5, CARD)

    for name in ("g", "g_low", "g_high", "g_planimetric", "g_intercepts", "g_largest_grain"):
        assert getattr(true, name) == pytest.approx(getattr(seen, name) + 2.0)
    assert true.mean_intercept_um == pytest.approx(seen.mean_intercept_um / 2)
    assert true.by_direction_um == pytest.approx([length / 2 for length in seen.by_direction_um])
    assert true.areas_um2 == pytest.approx(seen.areas_um2 / 4)
    assert (true.grains, true.anisotropy, true.overlays) == (seen.grains, seen.anisotropy, seen.overlays)


def test_a_slope_of_the_grains_is_told_in_g_of_the_micrograph_once_its_pixel_size_is_known():
    rng = np.random.default_rng(0)
    at = np.arange(400.0)
    strips = [voronoi(rng, 400, 400, number) for number in (120, 300, 700, 1500)]  # finer from left to right
    labels = np.select(
        [at < 100, at < 200, at < 300], [part + 10**5 * n for n, part in enumerate(strips[:3])], strips[3] + 10**6
    )

    seen = count_grains([field_of(labels)], CARD)

    assert seen.homogeneity == "duplex:gradient"
    assert seen.homogeneity_note.endswith(" G as seen")
    words = "a slope from {:.1f} to {:.1f} G"
    assert words.format(*seen.homogeneity_span) in seen.homogeneity_note
    true = count_at_pixel_size(seen, 0.5, CARD)
    assert true.homogeneity_note == words.format(*(g + 2.0 for g in seen.homogeneity_span))


def test_a_card_with_another_reference_counts_its_pixels_so():
    card = ModelCard(um_per_px=2.0)
    seen = count_grains([field_of(steel())], card)

    assert count_at_pixel_size(seen, 0.5, card).g == pytest.approx(
        count_at_pixel_size(count_grains([field_of(steel())], CARD), 0.5, CARD).g
    )


def test_parts_add():
    labels = squares(240, 480, 20)
    left, right = field_of(labels[:, :240]), replace(field_of(labels[:, 240:]), left=240.0)

    both, one = count_grains([left, right], CARD), count_grains([left], CARD)

    assert both.grains == 2 * one.grains
    assert both.g == pytest.approx(one.g)
    assert len(both.overlays) == 2 and both.overlays[1].left == 240.0
    assert len(both.areas_um2) == 2 * len(one.areas_um2)


def test_many_grains_have_a_narrower_interval_than_few():
    few, many = (count_grains([field_of(steel(grains=count))], CARD) for count in (40, 900))

    assert few.relative_accuracy > 3 * many.relative_accuracy
    assert few.g_high - few.g_low > many.g_high - many.g_low


def test_doubtful_boundaries_have_a_wider_interval():
    field = field_of(steel())
    fading = np.rint(field.grain * np.linspace(1.0, 0.48, 400)).astype(np.uint8)

    clear, doubtful = (count_grains([replace(field, grain=grain)], CARD) for grain in (field.grain, fading))

    assert doubtful.g_high - doubtful.g_low > 1.2 * (clear.g_high - clear.g_low)


def test_the_cards_calibration_makes_the_interval():
    card = ModelCard(counting={"interval": ((0.0, 1.5), (3.0, 1.5))})

    count = count_grains([field_of(steel())], card)

    assert count.g_high - count.g == pytest.approx(1.5, abs=0.1)


def test_few_grains_are_not_counted():
    count = count_grains([field_of(squares(200, 200, 100))], CARD)

    assert np.isnan(count.g) and np.isnan(count.g_intercepts)
    assert count.note == "too few grains (1, 10 are needed)"
    assert len(count.overlays) == 1


def test_a_picture_without_boundaries_is_not_counted():
    blank = np.zeros((200, 200), np.uint8)

    assert count_grains([BoundaryField(blank, blank, blank, 1.0)], CARD).note == "too few grains (0, 10 are needed)"


def note_with(grain_of, grains=3000):
    field = field_of(steel(grains=grains))
    return count_grains([replace(field, grain=grain_of(field.grain))], CARD).note


def test_boundaries_that_are_all_in_doubt_are_not_closed():
    assert note_with(lambda grain: grain // 255 * 128, grains=300) == "boundaries are not closed"


def test_a_large_part_that_is_not_traced_is_not_counted():
    def without_a_corner(grain):
        kept = grain.copy()
        kept[:130, :130] = 0  # a tenth of the area
        return kept

    assert note_with(lambda grain: grain) == ""
    assert note_with(without_a_corner) == "boundaries are not closed"


def test_many_small_parts_that_are_not_traced_are_not_counted():
    open_part = np.arange(400) % 40 < 36

    assert note_with(lambda grain: np.where(open_part[:, None] & open_part, 0, grain)) == "boundaries are not closed"


def test_grains_of_a_few_cells_are_too_fine():
    assert count_grains([field_of(squares(200, 200, 3))], CARD).note == "too fine to be traced"


def test_nothing_usable_is_said():
    field = replace(field_of(steel()), usable=np.zeros((400, 400), bool))

    assert count_grains([field], CARD).note == "no part of the picture shows metal only"
    assert count_grains([], CARD).note == "no part of the picture was looked at"


def test_what_is_left_out_changes_the_area_not_the_g():
    labels = squares(400, 400, 20, shift=10)
    usable = np.ones((400, 400), bool)
    usable[:, 240:] = False  # through the middle of grains

    count = count_grains([replace(field_of(labels), usable=usable)], CARD)

    assert count.grains == pytest.approx(240 * 400 / 400, rel=0.01)
    assert count.g == pytest.approx(grain_size.g_from_mean_area_um2(400.0), abs=0.02)


def test_twins_and_particles_are_told_and_change_no_count():
    labels = squares(400, 400, 40)
    field = field_of(labels)
    twin, particle = field.twin.copy(), field.particle.copy()
    twin[15, :200] = 255  # through five grains of a row
    particle[300:310, 100:110] = 255

    plain, marked = count_grains([field], CARD), count_grains([replace(field, twin=twin, particle=particle)], CARD)

    assert marked.g == plain.g
    assert (plain.twinned_share, plain.particle_share) == (0.0, 0.0)
    assert marked.twinned_share == pytest.approx(5 / 100, abs=0.03)
    assert marked.particle_share == pytest.approx(100 / 160000)


def test_the_largest_grain_is_told_and_outlined():
    labels = squares(400, 400, 20)
    labels[100:180, 200:280] = 10**6
    field = field_of(labels)

    count = count_grains([field], CARD)
    marks = count.overlays[0].marks

    assert count.g_largest_grain == pytest.approx(float(grain_size.g_from_mean_area_um2(80.0**2)), abs=0.1)
    rows, cols = np.nonzero(marks == Mark.LARGEST)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == pytest.approx((100, 179, 200, 279), abs=2)


def test_overlay_shows_boundaries_twins_particles_hits_and_what_is_left_out():
    labels = squares(200, 240, 20)
    field = field_of(labels)
    twin, particle, usable = field.twin.copy(), field.particle.copy(), np.ones(labels.shape, bool)
    twin[31, 30:34], particle[50:53, 50:53], usable[:, :15] = 255, 255, False

    overlay = count_grains([replace(field, twin=twin, particle=particle, usable=usable, top=7.0)], CARD).overlays[0]

    assert overlay.top == 7.0 and overlay.cell_px == field.cell_px
    assert overlay.marks[31, 32] == Mark.TWIN and overlay.marks[51, 51] == Mark.PARTICLE
    assert (overlay.marks[:, :15] == Mark.LEFT_OUT).all() and not (overlay.marks[:, 15:] == Mark.LEFT_OUT).any()
    assert np.isin(overlay.marks[25:35, 58:62], (Mark.GRAIN, Mark.HIT)).any(axis=1).all()
    hits = np.argwhere(overlay.marks == Mark.HIT)
    assert 20 < len(hits) < 100
    assert (np.minimum(hits % 20, 19 - hits % 20).min(axis=1) <= 2).all()  # each on a side of a square


def test_a_mixed_micrograph_is_duplex():
    coarse, fine = steel(1, grains=60), steel(2, grains=1000)

    count = count_grains([field_of(np.where(np.arange(400) < 200, coarse, fine + 10**4))], CARD)

    assert count.homogeneity == "duplex:bimodal"
    assert np.isfinite(count.g)
    assert np.isnan([count.g_low, count.g_high]).all()  # one G says little of it
    assert np.isnan(count_at_pixel_size(count, 0.5, CARD).g_low)
    uniform = count_grains([field_of(steel(3))], CARD)
    assert uniform.homogeneity == "uniform"
    assert uniform.g_low < uniform.g < uniform.g_high


def test_what_a_card_says_the_count_reads_too_fine_is_taken_off_with_its_interval():
    field = field_of(squares(400, 400, 25))
    plain = count_grains([field], ModelCard())
    moved = count_grains([field], ModelCard(counting={"bias": ((0.0, 0.3),), "interval": ((0.0, 0.5),)}))
    assert moved.g == pytest.approx(plain.g - 0.3)
    assert (moved.g_low + moved.g_high) / 2.0 == pytest.approx(moved.g)
    assert moved.g_planimetric == plain.g_planimetric
