from __future__ import annotations

import numpy as np
import pytest

from gdest.synth import lines
from gdest.synth.frame import make_boundaries, make_frame
from gdest.synth.recipe import Recipe
from gdest.synth.tessellation import GrainShape, section

FAINT = Recipe("bright-field", half_width_px=1.0, depth=0.9, line_median=0.2, line_sigma=0.9)


@pytest.fixture(scope="module")
def labels():
    return section(np.random.default_rng(0), 400, 400, 4e-4, GrainShape())


def test_boundaries_of_bright_field_run_from_hardly_visible_to_black(labels):
    bounds = make_boundaries(make_frame(np.random.default_rng(1), labels))
    wide = Recipe("bright-field", half_width_px=1.0, depth=0.9, line_median=0.4, line_sigma=0.9)
    strength = np.unique(lines.own_strengths(bounds, wide)[bounds.edge])
    assert strength.min() < 0.2
    assert strength.max() > 1.0
    assert 0.5 < np.log(strength).std() < 0.9


def test_a_boundary_is_as_strong_at_one_end_as_at_the_other(labels):
    bounds = make_boundaries(make_frame(np.random.default_rng(1), labels))
    strength = lines.own_strengths(bounds, FAINT)[bounds.edge]
    slots = bounds.slot[bounds.edge]
    assert all(np.ptp(strength[slots == slot]) == 0 for slot in np.unique(slots))


def test_no_grain_has_an_outline_that_cannot_be_followed(labels):
    bounds = make_boundaries(make_frame(np.random.default_rng(1), labels))
    strength = lines.own_strengths(bounds, FAINT)[bounds.edge]
    seen = strength >= lines.SEEN_STRENGTH
    for grain in range(labels.max() + 1):
        outline = (bounds.pairs == grain).any(axis=0)
        assert seen[outline].mean() >= lines.SEEN_OUTLINE


def test_gaps_take_about_their_share_of_the_lines_and_leave_no_boundary_out(labels):
    kept = []
    for seed in range(8):
        frame = make_frame(np.random.default_rng(seed), labels)
        bounds = make_boundaries(frame)
        full = Recipe("thin-lines", half_width_px=1.0, depth=0.9, gaps=0.2)
        line = lines.own_darkness(frame, bounds, full)[bounds.edge]
        kept.append((line > 0.25).mean())
        slots = bounds.slot[bounds.edge]
        long = [slot for slot in np.unique(slots) if (slots == slot).sum() > 60]
        assert np.mean([line[slots == slot].max() > 0.3 for slot in long]) > 0.97
    assert 0.7 < np.mean(kept) < 0.9


def test_the_sigmoid_is_the_logistic_curve():
    x = np.linspace(-30, 30, 301, dtype=np.float32)
    assert np.allclose(lines.sigmoid(x), 1 / (1 + np.exp(-x.astype(float))), atol=1e-6)
