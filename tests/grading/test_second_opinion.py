"""What an estimate and a count say together: whether they contradict each other, and what a mixed field keeps."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.boundary_fields import field_of, voronoi
from helpers.predictors import CARD

from gdest.core import GrainCount, boundary_mask
from gdest.core.records import Graded, GradeStatistics
from gdest.core.words import Status
from gdest.grading.counting import count_grains
from gdest.grading.doubts import contradiction
from gdest.grading.homogeneity import Assessment, joined_opinions
from gdest.grading.second_opinion import with_second_opinion

MICROGRAPH = SimpleNamespace(um_per_px=1.0, regions=True)


def row_of(homogeneity, counted, count_g=7.5):
    """Return a row of G 7 (8.2 by its mean density) with an interval, whose count says something of its own."""
    statistics = GradeStatistics(7.0, 6.5, 7.5, 8.2, 0.1, 6.9, 7.1, 1.0, homogeneity)
    row = Graded(MICROGRAPH, None, Status.GRADED, "", 7.0, statistics, homogeneity, "")
    count = GrainCount(g=count_g, g_low=count_g - 0.6, g_high=count_g + 0.6, homogeneity=counted)
    return with_second_opinion(row, count, CARD)


@pytest.mark.parametrize(("homogeneity", "counted"), [("duplex:bimodal", "uniform"), ("unknown", "duplex:necklace")])
def test_where_either_opinion_says_mixed_neither_keeps_an_interval(homogeneity, counted):
    row = row_of(homogeneity, counted)
    ends = [row.statistics.g_low, row.statistics.g_high, row.count.g_low, row.count.g_high]
    assert np.isnan(ends).all()
    assert (row.statistics.g, row.count.g) == (7.0, 7.5)
    assert np.isfinite(row_of("uniform", "unknown").statistics.g_low)
    assert np.isfinite(row_of("uniform", "").count.g_low)


def test_in_a_mixed_field_the_count_is_compared_with_the_mean_density_which_it_is_too():
    statistics = GradeStatistics(7.0, np.nan, np.nan, 8.2, 0.1, 6.9, 7.1, 1.0, "duplex:bimodal")
    for count_g, apart in ((9.1, False), (9.3, True), (7.3, False), (7.1, True)):
        said = list(contradiction(statistics, GrainCount(g=count_g, g_low=count_g - 0.1, g_high=count_g + 0.1)))
        assert bool(said) is apart
    assert said == ["estimate and count contradict each other (G 8.2 and 7.1 of a mixed field)"]
    assert list(contradiction(statistics, GrainCount())) == []


def test_a_contradiction_names_both_numbers_with_their_intervals_and_levels():
    statistics = GradeStatistics(7.0, 6.5, 7.5, 7.0, 0.1, 6.9, 7.1, 1.0, "uniform")
    (said,) = contradiction(statistics, GrainCount(g=8.2, g_low=7.6, g_high=8.8))
    assert said == "estimate and count contradict each other (G 7.0, 6.5..7.5, 90 %, and G 8.2, 7.6..8.8, 95 %)"
    (close,) = contradiction(statistics, GrainCount(g=8.2, g_low=7.51, g_high=8.8))
    assert "6.50..7.50" in close and "7.51..8.80" in close
    assert list(contradiction(statistics, GrainCount(g=8.2, g_low=7.5, g_high=8.8))) == []


@pytest.mark.parametrize(
    ("tiles", "grains", "together"),
    [
        ("unknown", "uniform", "uniform"),  # 50 grains that are counted tell what four tiles cannot
        ("uniform", "duplex:necklace", "duplex:necklace"),
        ("duplex:bimodal", "duplex:isolated-coarse", "duplex:isolated-coarse"),
        ("duplex:bimodal", "uniform", "duplex:bimodal"),
        ("duplex:gradient", "unknown", "duplex:gradient"),
        ("duplex:gradient", "duplex:bimodal", "duplex:gradient"),
        ("duplex:banding-vertical", "duplex:wide-range", "duplex:banding-vertical"),
        ("uniform", "", "uniform"),
    ],
)
def test_counted_grains_decide_the_class_and_tiles_what_is_mixed_all_the_same(tiles, grains, together):
    found = joined_opinions(Assessment(tiles, "by tiles"), Assessment(grains, "one size of grains"))
    assert found.verdict == together
    assert found.note == ("by the counted grains: one size of grains" if together == grains else "by tiles")


def test_the_row_says_what_both_say_together_but_not_of_a_picture_without_metal():
    assert row_of("unknown", "duplex:necklace").homogeneity == "duplex:necklace"
    statistics = GradeStatistics(7.0, 6.5, 7.5, 7.0, 0.1, 6.9, 7.1, 1.0, "unknown")
    for reason, said in (("no metal: blank", "unknown"), ("", "uniform")):
        row = Graded(MICROGRAPH, None, Status.REVIEW, reason, 7.0, statistics, "unknown", "")
        assert with_second_opinion(row, GrainCount(homogeneity="uniform"), CARD).homogeneity == said


def test_a_contradiction_is_told_of_the_estimate_as_the_network_made_it():
    """The count moves the estimate towards itself by up to 0.3 G; the doubt must not go away by that."""
    card = replace(CARD, informed_interval=((7.0, 0.4),))
    statistics = GradeStatistics(7.0, 6.5, 7.5, 7.0, 0.1, 6.9, 7.1, 1.0, "uniform")
    row = Graded(MICROGRAPH, None, Status.GRADED, "", 7.0, statistics, "uniform", "")
    told = with_second_opinion(row, GrainCount(g=8.2, g_low=7.6, g_high=8.8), card)
    assert told.status == Status.REVIEW
    assert "contradict each other (G 7.0, 6.5..7.5" in told.reason
    assert (told.statistics.g, told.statistics.g_low) == (pytest.approx(7.3), pytest.approx(6.9))
    assert told.shift == pytest.approx(0.3)


def test_the_words_of_a_mixed_field_move_with_its_grades():
    card = replace(CARD, informed_interval=((7.0, 0.4),))
    note = "lies in patches, from 5.0 to 8.0 G"
    statistics = GradeStatistics(7.0, np.nan, np.nan, 7.0, 1.0, 5.0, 8.0, 0.3, "duplex:bimodal", note, (5.0, 8.0))
    row = Graded(MICROGRAPH, None, Status.GRADED, "", 7.0, statistics, "duplex:bimodal", "", note)
    told = with_second_opinion(row, GrainCount(g=6.8, g_low=6.2, g_high=7.4), card)
    assert told.homogeneity_note == "lies in patches, from 4.9 to 7.9 G"
    assert np.isnan(told.statistics.g_low)


@pytest.mark.parametrize(("line", "g"), [(None, 7.0), (0, 6.7)])
def test_the_count_of_a_mosaic_without_lines_moves_no_estimate(line, g):
    labels = voronoi(np.random.default_rng(1), 200, 240, 90)
    greys = np.random.default_rng(2).uniform(60, 200, labels.max() + 1)[labels]
    if line is not None:
        greys[boundary_mask(labels)] = line
    overlays = count_grains([field_of(labels)], CARD).overlays
    micrograph = SimpleNamespace(um_per_px=1.0, regions=None, pixels=greys.astype(np.uint8))
    statistics = GradeStatistics(7.0, 6.5, 7.5, 7.0, 0.1, 6.9, 7.1, 1.0, "uniform")
    row = Graded(micrograph, None, Status.GRADED, "", 7.0, statistics, "uniform", "")
    count = GrainCount(g=6.2, g_low=5.6, g_high=6.8, overlays=overlays)
    told = with_second_opinion(row, count, replace(CARD, informed_interval=((7.0, 0.4),)))
    assert told.statistics.g == pytest.approx(g)
    assert (told.count.line_share > 0.5) is (line is not None)
