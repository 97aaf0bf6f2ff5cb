"""The doubts of many micrographs are told by kind, and the one that calibrating may take away is known."""

from __future__ import annotations

from types import SimpleNamespace

from helpers.measured_fields import measured_field

from gdest.core import GrainCount
from gdest.grading.doubts import contradiction
from gdest.training.held_back import CONTRADICTION, first_doubt, warn_of_review


def test_a_contradiction_is_known_by_its_first_words():
    estimate = SimpleNamespace(g=5.0, g_low=4.8, g_high=5.2, g_from_density=5.0)
    (doubt,) = contradiction(estimate, GrainCount(g=7.0, g_low=6.5, g_high=7.5))
    (of_mixed,) = contradiction(estimate, GrainCount(g=7.0))
    assert first_doubt(doubt) == first_doubt(of_mixed) == CONTRADICTION


def test_where_all_are_graded_nothing_is_told(capsys):
    warn_of_review([measured_field(0.1), measured_field(0.2)])
    assert capsys.readouterr().err == ""
