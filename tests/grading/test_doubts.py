"""Every reason not to trust an answer is named, and a good micrograph has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.predictors import CARD, FakePredictor

from gdest.core.model_card import UNFIT
from gdest.core.settings import GradeSettings
from gdest.core.tiles import GreyImage
from gdest.grading.doubts import DOUBTS, SENTENCES, reasons
from gdest.grading.pipeline import grade_micrographs
from gdest.grading.zooms import predict_grade_map


def test_every_doubt_has_its_sentence():
    assert set(SENTENCES) == set(DOUBTS)


def only_row(file, predictor):
    (row,) = grade_micrographs([file], predictor, GradeSettings())
    return row


@pytest.mark.parametrize("kind", UNFIT)
def test_tiles_that_the_judge_finds_unfit_send_the_micrograph_to_review(write_tiff, grey, kind):
    file = write_tiff("a.tif", grey)
    odds = [3.0 if kind == other else -9.0 for other in UNFIT]
    row = only_row(file, FakePredictor(unfit=odds))
    assert row.status == "review"
    assert SENTENCES[kind] in row.reason
    assert row.statistics.g == pytest.approx(6.0, abs=1e-4)  # the number is there for the person who looks
    assert only_row(file, FakePredictor()).status == "graded"


def test_tiles_far_from_all_training_tiles_send_the_micrograph_to_review(write_tiff, grey):
    row = only_row(write_tiff("a.tif", grey), FakePredictor(novelty=CARD.limits["novelty"] + 0.1))
    assert row.status == "review"
    assert "unlike anything" in row.reason


def by_size(native, halved):
    """Return a predictor for a picture of 500x500, whose 9 tiles become 4 when it is halved."""
    return FakePredictor(lambda tiles: np.full(len(tiles), {9: native, 4: halved}[len(tiles)]))


def test_answers_at_two_zooms_must_agree(write_tiff, rng):
    file = write_tiff("a.tif", rng.integers(0, 256, (500, 500), dtype=np.uint8))
    assert only_row(file, by_size(6.0, 8.3)).status == "graded"
    row = only_row(file, by_size(6.0, 6.1))
    assert row.status == "review"
    assert "contradict" in row.reason
    assert row.g_seen == pytest.approx(6.0)
    assert row.grade_map.tiles == 13


@pytest.mark.parametrize(("larger_g", "expected"), [(4.5, 2.0), (3.5, -1.0)])
def test_fragments_are_also_looked_for_in_the_next_larger_picture_while_it_shows_enough_grains(larger_g, expected, rng):
    def sizes_differ(parts):
        said = judge_of(parts)
        larger = said.g_seen < 5.0
        return replace(said, unfit=np.where(larger[:, None], [3.0, 3.0, 2.0], [-9.0, -9.0, -1.0]).astype(np.float32))

    pixels = rng.integers(0, 256, (500, 500), dtype=np.uint8)
    predictor = by_size(larger_g, 6.5)
    judge_of, predictor.predict = predictor.predict, sizes_differ
    doubts = predict_grade_map(GreyImage(pixels), predictor, 224).doubts
    assert doubts["fragments"] == pytest.approx(expected)
    assert doubts["no grains"] == doubts["defocused"] == pytest.approx(-9.0)  # only in the picture that is graded


def test_a_picture_is_not_compared_with_one_that_is_finer_than_the_model_knows(rng):
    pixels = rng.integers(0, 256, (500, 500), dtype=np.uint8)
    grade_map = predict_grade_map(GreyImage(pixels), by_size(CARD.g_max - 1.0, 0.0), 224)
    assert grade_map.doubts["zoom gap"] == pytest.approx(2.0)  # of the enlarged ones, of which the same is said
    assert grade_map.tiles == 9 + 9  # as it is, and the middles of these enlarged


def test_saturated_and_flat_pictures_are_named(grey):
    grade_map = predict_grade_map(GreyImage(grey), FakePredictor(), 224)
    assert list(reasons(grey, 6.0, grade_map, CARD)) == []
    burnt = np.where(grey > 190, grey, 255).astype(np.uint8)
    assert "saturated" in next(reasons(burnt, 6.0, grade_map, CARD))
    assert "contrast" in next(reasons(np.full_like(grey, 90), 6.0, grade_map, CARD))
