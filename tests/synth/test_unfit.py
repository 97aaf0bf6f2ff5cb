"""What must not be graded is drawn as described."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from gdest.core.label_maps import boundary_mask
from gdest.core.model_card import UNFIT
from gdest.synth import etching, lines
from gdest.synth.tessellation import GrainShape, section
from gdest.synth.unfit import draw_unfit


@pytest.mark.parametrize("kind", UNFIT)
def test_each_kind_is_drawn_alike_from_the_same_seed_and_differently_from_another(kind):
    first, again, other = (draw_unfit(np.random.default_rng(seed), kind, 240, 260) for seed in (1, 1, 2))
    assert first.shape == (240, 260)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_another_kind_is_refused():
    with pytest.raises(KeyError):
        draw_unfit(np.random.default_rng(0), "cat", 240, 240)


def test_fragments_show_only_a_part_of_the_boundaries():
    labels = section(np.random.default_rng(0), 300, 300, 4e-4, GrainShape())
    shares = []
    for visible in (1.0, 0.5):
        frame = etching.make_frame(np.random.default_rng(1), labels)
        bounds = etching.make_boundaries(frame)
        line = lines.boundary_darkness(frame, bounds, 1.5, "boundary") * lines.pieces(frame, bounds, visible)
        shares.append((line[bounds.distance < 1] > 0.3).mean())
    assert shares[1] < 0.65 * shares[0]
    assert shares[1] > 0.25 * shares[0]


def test_fragments_leave_whole_boundaries_out_and_keep_others_from_end_to_end():
    labels = section(np.random.default_rng(0), 400, 400, 4e-4, GrainShape())
    missing = []
    for seed in range(6):
        frame = etching.make_frame(np.random.default_rng(seed), labels)
        bounds = etching.make_boundaries(frame)
        there = lines.pieces(frame, bounds, 0.6)[bounds.distance < 1]
        which = bounds.strength[bounds.distance < 1]
        share = np.array([there[which == one].mean() for one in np.unique(which)])
        missing.append((share < 0.02).mean())
    assert max(missing) > 0.15
    assert max(missing) < 0.7


def test_traces_darken_the_boundaries_that_a_fragment_leaves_out():
    labels = section(np.random.default_rng(0), 300, 300, 4e-4, GrainShape())
    none, faint = (etching.etch(np.random.default_rng(3), labels, visible=0.5, traces=t).image for t in (0.0, 0.35))
    at_boundary = boundary_mask(labels)
    darker = none - faint
    assert (darker[at_boundary] > 0.02).mean() > 0.2
    assert darker[at_boundary].mean() > 5 * abs(darker[~ndimage.binary_dilation(at_boundary, iterations=6)].mean())
