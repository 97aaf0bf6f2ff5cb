"""Each structure that must not be graded is drawn, and looks like none of the others."""

from __future__ import annotations

import numpy as np
import pytest

from gdest.synth import structures

KINDS = ("_pearlite_among_ferrite", "_islands", "_lamellae", "_dendrites", "_laths", "_nodules", "_fracture",
         "_precipitates")  # fmt: skip


def drawn(kind, seed=1, size_px=30.0):
    return getattr(structures, kind)(np.random.default_rng(seed), 200, 240, size_px)


@pytest.mark.parametrize("kind", KINDS)
def test_a_structure_is_drawn_in_the_size_asked_for_alike_from_one_seed(kind):
    image = drawn(kind)
    assert image.shape == (200, 240)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert image.std() > 0.02
    assert np.array_equal(image, drawn(kind))
    assert not np.array_equal(image, drawn(kind, seed=2))


def test_the_second_phase_of_islands_takes_the_share_that_was_drawn():
    """The two greys lie far apart: what is nearer to the dark one is the second phase, an eighth to seven eighths."""
    shares = []
    for seed in range(12):
        image = drawn("_islands", seed)
        shares.append(float(np.mean(image < 0.7)))
    assert 0.08 < min(shares) < 0.45
    assert 0.55 < max(shares) < 0.95


def test_every_kind_is_among_what_is_drawn(monkeypatch):
    seen = set()
    for kind in KINDS:
        original = getattr(structures, kind)
        monkeypatch.setattr(
            structures, kind, lambda *given, kind=kind, original=original: seen.add(kind) or original(*given)
        )
    for seed in range(80):
        structures.draw_structure(np.random.default_rng(seed), 64, 64)
    assert seen == set(KINDS)
