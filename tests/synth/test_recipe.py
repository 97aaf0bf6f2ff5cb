from __future__ import annotations

import numpy as np
import pytest

from gdest.synth import recipe


def recipes(family, count=150, diameter_px=60.0):
    return [recipe.draw_recipe(np.random.default_rng(seed), diameter_px, family) for seed in range(count)]


def test_the_shares_are_whole_and_unlike_etches_are_the_larger_part():
    assert sum(recipe.FAMILIES.values()) == pytest.approx(1.0)
    new = sum(recipe.FAMILIES[family] for family in ("bright-field", "mosaic", "thin-lines", "particles"))
    assert 0.55 <= new <= 0.65
    rng = np.random.default_rng(0)
    picked = [recipe.pick_family(rng) for _ in range(2000)]
    assert {family: picked.count(family) / 2000 for family in recipe.FAMILIES} == pytest.approx(
        recipe.FAMILIES, abs=0.03
    )


def test_an_unknown_family_is_refused():
    with pytest.raises(KeyError):
        recipe.draw_recipe(np.random.default_rng(0), 60.0, "nital")


def test_bright_field_lines_spread_in_strength_and_over_etched_ones_do_not():
    sigmas = [one.line_sigma for one in recipes("bright-field")]
    assert 0.05 <= min(sigmas) < 0.2 < 0.9 < max(sigmas) <= 1.0
    assert np.mean([sigma < 0.4 for sigma in sigmas]) == pytest.approx(recipe.ALIKE, abs=0.15)
    medians = [one.line_median for one in recipes("bright-field")]
    assert 0.18 <= min(medians) < 0.25 < 0.75 < max(medians) <= 1.0
    assert all(one.line_sigma == 0.0 and one.line_median == 1.0 for one in recipes("over-etched", 20))


def test_particles_grow_up_to_a_third_of_a_grain_and_other_families_seldom_have_any():
    widths = [2 * one.particle_px / 60.0 for one in recipes("particles")]
    assert max(widths) > 0.33
    assert all(one.particles > 0 for one in recipes("particles"))
    assert np.mean([one.particles > 0 for one in recipes("boundary")]) < 0.25


def test_thin_lines_are_gone_over_at_most_a_quarter_of_their_length():
    gaps = [one.gaps for one in recipes("thin-lines")]
    assert 0.15 < max(gaps) <= 0.25
    assert min(gaps) == 0.0


def test_only_etches_without_lines_tell_grains_by_their_grey_alone():
    assert min(one.contrast for one in recipes("mosaic")) >= 0.1
    assert max(one.line for one in recipes("mosaic")) <= 0.25
    assert max(one.contrast for one in recipes("bright-field")) < 0.05


def test_most_etches_with_dark_lines_show_them_black_on_an_even_ground_and_none_with_faint_ones_does():
    for family in recipe.DARK_LINES:
        assert np.mean([one.cleared > 1.0 for one in recipes(family)]) == pytest.approx(recipe.CLEARED, abs=0.12)
    for family in ("contrast", "mosaic", "both"):
        assert all(one.cleared == 1.0 for one in recipes(family, 40))
    cleared = [one for one in recipes("bright-field") if one.cleared > 1.0]
    assert 5 < len(cleared) < 90
    assert min(one.line_median * np.exp(-one.line_sigma) for one in cleared) > 0.4
    assert all(one.depth >= 0.7 for one in recipes("boundary") if one.cleared > 1.0)
