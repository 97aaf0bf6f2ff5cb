from __future__ import annotations

import numpy as np
import pytest

from gdest.training.paper_scores import Answers, card_figures, confusion, nearest, score, score_by_class


def test_scores_are_those_of_a_hand_calculation():
    truth, g = np.array([4.0, 4.0, 5.0, 6.0, 7.0]), np.array([4.0, 5.0, 5.5, 6.6, 7.2])
    classes = (4.0, 5.0, 6.0, 7.0)
    found = score(truth, g, classes)
    assert (found.count, found.top1, found.within_half) == (5, 0.6, 0.6)
    assert found.mae == pytest.approx(0.46)
    assert nearest(g, classes).tolist() == [0, 1, 1, 3, 3]
    assert confusion(truth, g, classes).tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]]
    assert score_by_class(truth, g, classes)[4.0].mae == 0.5


@pytest.mark.parametrize(("error", "right"), [(0.5, 1.0), (-0.5, 1.0), (0.5005, 1.0), (0.502, 0.0), (-0.502, 0.0)])
def test_within_half_a_grade_leaves_room_for_a_rounded_pixel_size_and_no_more(error, right):
    assert score(np.array([6.0]), np.array([6.0 + error]), (6.0,)).within_half == right


def test_a_card_keeps_the_scores_of_micrographs_and_of_crops_and_of_no_crops_none():
    truth, g = np.array([4.0, 6.0]), np.array([4.25, 7.0])
    answers = Answers(truth, g, np.zeros((2, 3), np.float32), np.array([4.0, 4.0, 6.0]), np.array([4.0, 5.0, 6.0]))
    whole = {"test_micrographs": 2.0, "test_top1": 1.0, "test_within_half_g": 0.5, "test_mae": 0.625}
    crops = {"test_crop_top1": 1.0, "test_crop_within_half_g": 0.6667, "test_crop_mae": 0.3333}
    assert card_figures("test", answers, ()) == whole | crops
    of_images = Answers(truth, g, answers.embedding, np.empty(0), np.empty(0))
    assert card_figures("test", of_images, ()) == whole
