"""Pearlite among ferrite, particles among grains: two greys, and nothing between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.boundary_fields import field_of, voronoi
from helpers.grey_pictures import placed_overlays, placed_picture

from gdest.core import NEIGHBOURS, GrainCount
from gdest.grading.greys import grey_fields
from gdest.grading.phases import (
    CLEAR_GREYS,
    LEAST_SHARE,
    LEAST_STEP,
    LEAST_SURE,
    MOST_BESIDE,
    MOST_SHARE,
    MOST_SMALLER,
    SMALL_GREYS,
    TWO_GREYS,
    TwoGreys,
    second_phase,
    two_greys,
)

LABELS = voronoi(np.random.default_rng(1), 200, 240, 160)


@pytest.fixture(scope="module")
def counted():
    return placed_overlays(LABELS)


def fields(grey_of_grain, counted):
    """Return the counted grains over a micrograph of them, each of its grey, boundaries dark."""
    cells = np.where(field_of(LABELS).grain > 0, 10, grey_of_grain[LABELS])
    return grey_fields(placed_picture(cells), counted)


def apart(share):
    """Return which grains (n,) are dark, about such a share of them, no two of them side by side."""
    taken, touching = np.zeros(LABELS.max() + 1, bool), [set() for _ in range(LABELS.max() + 1)]
    for here, there in NEIGHBOURS:
        for a, b in set(zip(LABELS[here].ravel().tolist(), LABELS[there].ravel().tolist(), strict=True)):
            touching[a].add(b)
            touching[b].add(a)
    for grain in np.random.default_rng(2).permutation(len(taken)):
        if not any(taken[other] for other in touching[grain]) and taken.mean() < share:
            taken[grain] = True
    return taken


def by_chance(share):
    return np.random.default_rng(2).random(LABELS.max() + 1) < share


def greys_with(is_dark, dark, bright, noise=3.0):
    rng = np.random.default_rng(2)
    return np.clip(np.where(is_dark, dark, bright) + noise * rng.standard_normal(len(is_dark)), 0, 255)


def test_dark_grains_among_bright_ones_are_told_with_their_area_and_step(counted):
    found = two_greys(fields(greys_with(apart(0.25), 60.0, 200.0), counted))
    assert found.explained > 0.97
    assert found.share == pytest.approx(0.25, abs=0.08)
    assert found.step == pytest.approx(140.0, abs=12.0)
    assert found.beside < 0.2
    (said,) = second_phase(fields(greys_with(apart(0.25), 60.0, 200.0), counted))
    assert f"on {found.share:.0%} of the area" in said and "pearlite" in said


def test_bright_regions_among_dark_ones_are_a_second_phase_too(counted):
    found = two_greys(fields(greys_with(apart(0.25), 200.0, 60.0), counted))
    assert not found.is_dark and found.beside < 0.2
    (said,) = second_phase(fields(greys_with(apart(0.25), 200.0, 60.0), counted))
    assert f"on {found.share:.0%} of the area are brighter" in said and "seldom side by side" in said


def test_greys_with_nothing_between_are_believed_of_fewer_regions(counted):
    some = apart(0.1)
    clear, scattered = (fields(greys_with(some, 60.0, 200.0, noise), counted) for noise in (3.0, 25.0))
    assert TWO_GREYS < two_greys(scattered).explained < CLEAR_GREYS < two_greys(clear).explained
    for one in (clear, scattered):
        assert LEAST_SURE[1] < two_greys(one).sure < LEAST_SURE[0] and two_greys(one).beside < MOST_BESIDE[0]
    assert len(list(second_phase(clear))) == 1
    assert list(second_phase(scattered)) == []


@pytest.mark.parametrize("is_small", [True, False])
@pytest.mark.parametrize(("grey", "shade"), [(60.0, "darker"), (230.0, "brighter")])
def test_small_regions_of_another_grey_are_particles_wherever_they_lie(counted, grey, shade, is_small):
    areas = np.bincount(LABELS.ravel())
    order = np.argsort(areas) if is_small else np.random.default_rng(5).permutation(len(areas))
    such = np.zeros(len(areas), bool)
    such[order[: len(areas) // (3 if is_small else 4)]] = True
    found = two_greys(fields(greys_with(such, grey, 150.0, noise=6.0), counted))
    said = list(second_phase(fields(greys_with(such, grey, 150.0, noise=6.0), counted)))
    assert (found.smaller <= MOST_SMALLER) is is_small
    assert len(said) == is_small
    assert all(one.startswith("small regions") and shade in one and "particles" in one for one in said)


def test_grains_of_one_phase_lie_side_by_side_by_chance(counted):
    found = two_greys(fields(greys_with(by_chance(0.3), 60.0, 200.0), counted))
    assert found.explained > 0.97
    assert found.beside == pytest.approx(1.0, abs=0.25)
    assert list(second_phase(fields(greys_with(by_chance(0.3), 60.0, 200.0), counted))) == []


def test_a_few_dark_grains_that_do_not_touch_prove_nothing(counted):
    few = apart(0.06)
    found = two_greys(fields(greys_with(few, 60.0, 200.0), counted))
    assert found.beside < 0.2 and found.share > 0.05
    assert list(second_phase(fields(greys_with(few, 60.0, 200.0), counted))) == []


@pytest.mark.parametrize(
    "greys",
    [
        greys_with(apart(0.25), 180.0, 200.0),  # a step of 20
        greys_with(apart(0.01), 60.0, 200.0),  # pores
        np.random.default_rng(3).uniform(20, 240, LABELS.max() + 1),  # a mosaic of all greys
        greys_with(apart(0.0), 0.0, 180.0),
    ],
    ids=["small step", "pores", "mosaic", "one grey"],
)
def test_other_greys_are_one_phase(counted, greys):
    assert list(second_phase(fields(greys, counted))) == []


def test_few_grains_say_nothing():
    assert two_greys([]) is None
    assert list(second_phase(grey_fields(np.zeros((50, 50), np.uint8), GrainCount().overlays))) == []


def test_how_dark_grains_lie_is_not_asked_where_no_two_greys_are(counted, monkeypatch):
    monkeypatch.setattr("gdest.grading.phases._beside", lambda *_: pytest.fail("looked at every cell"))
    assert list(second_phase(fields(greys_with(apart(0.0), 0.0, 180.0), counted))) == []


def smallest(share):
    such = np.zeros(LABELS.max() + 1, bool)
    such[np.argsort(np.bincount(LABELS.ravel()))[: round(share * len(such))]] = True
    return such


def said_of(monkeypatch, counted, such, **stated):
    """Return what is said of bright grains among which such are dark, as if what was found of them were as stated."""
    found = replace(two_greys(fields(greys_with(such, 60.0, 200.0), counted)), **stated)
    monkeypatch.setattr("gdest.grading.phases.two_greys", lambda _: found)
    return list(second_phase([]))


def test_each_limit_of_regions_that_lie_apart_is_kept(monkeypatch, counted):
    islands = apart(0.25)
    assert len(said_of(monkeypatch, counted, islands)) == 1
    for within, beyond in (
        ({"explained": TWO_GREYS}, {"explained": TWO_GREYS - 0.01}),
        ({"step": LEAST_STEP}, {"step": LEAST_STEP - 1.0}),
        ({"share": LEAST_SHARE}, {"share": LEAST_SHARE - 0.01}),
        ({"share": MOST_SHARE}, {"share": MOST_SHARE + 0.01}),
    ):
        monkeypatch.undo()
        assert len(said_of(monkeypatch, counted, islands, **within)) == 1
        monkeypatch.undo()
        assert said_of(monkeypatch, counted, islands, **beyond) == []


@pytest.mark.parametrize(
    ("explained", "beside", "sure", "apart_enough"),
    [
        (0.8, 0.78, 2.5, True), (0.8, 0.8, 9.0, False), (0.8, 0.5, 2.0, False),
        (0.9, 0.85, 1.5, True), (0.9, 0.87, 9.0, False), (0.9, 0.5, 1.4, False),
    ],
)  # fmt: skip
def test_how_they_must_lie_depends_on_how_clear_the_greys_are(monkeypatch, explained, beside, sure, apart_enough):
    monkeypatch.setattr("gdest.grading.phases._beside", lambda *_: (beside, sure))
    found = TwoGreys(explained, 50.0, 100.0, is_dark=True, share=0.2, smaller=1.0, fields=())
    assert found.lie_apart is apart_enough


def test_small_regions_need_clear_greys_and_some_area(monkeypatch, counted):
    small = smallest(0.33)
    assert len(said_of(monkeypatch, counted, small)) == 1
    for beyond in ({"explained": SMALL_GREYS - 0.01}, {"share": LEAST_SHARE - 0.01}, {"smaller": MOST_SMALLER + 0.01}):
        monkeypatch.undo()
        assert said_of(monkeypatch, counted, small, **beyond) == []
