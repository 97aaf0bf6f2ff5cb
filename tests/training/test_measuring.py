from __future__ import annotations

import math

import pytest
from helpers.measured_fields import counted_field, measured_field
from helpers.predictors import FakePredictor
from PIL import Image

from gdest.core import DataError, GradeSettings
from gdest.training.evaluation import count_errors_by_group, errors_by_group
from gdest.training.labels import read_labels
from gdest.training.measuring import Errors, Measured, errors_of, measure_with


def test_errors_are_those_of_a_hand_calculation():
    """Five errors, three of them within 0.5 G, one of these just at the margin; four inside their interval."""
    planned = ((0.25, 1.0), (-0.75, 1.0), (0.125, 0.1), (0.5, 0.5), (1.0, 1.0))
    found = errors_of([measured_field(error, half_width=half_width) for error, half_width in planned])
    assert found == Errors(5, pytest.approx(0.525), pytest.approx(0.225), 0.6, 0.8, graded=5)


def test_those_in_review_are_told_and_measured_apart():
    """The graded ones are read 0.1 too fine and counted 0.2 too coarse; the one in review is far off, and in all."""
    fields = [counted_field(0.1, -0.2), counted_field(0.1, -0.2), counted_field(1.7, -3.2, reason="out of focus")]
    estimates, counts = errors_by_group(fields), count_errors_by_group(fields)
    assert list(estimates)[-2:] == ["all", "graded only"]
    assert (estimates["all"].count, estimates["all"].graded) == (3, 2)
    assert (estimates["all"].bias, estimates["all"].coverage) == (pytest.approx(1.9 / 3), pytest.approx(2 / 3))
    assert (counts["all"].bias, counts["all"].graded) == (pytest.approx(-1.2), 2)
    assert (estimates["graded only"].mae, estimates["graded only"].coverage) == (pytest.approx(0.1), 1.0)
    assert (estimates["graded only"].count, estimates["graded only"].graded) == (2, 2)
    assert (counts["graded only"].bias, counts["graded only"].coverage) == (pytest.approx(-0.2), 1.0)


@pytest.mark.parametrize("reason", ["", "out of focus"])
def test_where_all_are_graded_or_none_is_no_row_is_added(reason):
    fields = [measured_field(0.1, reason=reason)] * 2
    assert list(errors_by_group(fields))[-1] == "all"
    assert errors_by_group(fields)["all"].graded == (0 if reason else 2)


@pytest.mark.parametrize(("error", "within"), [(0.5, 1.0), (-0.5, 1.0), (0.5078125, 0.0), (-0.5078125, 0.0)])
def test_half_a_grade_counts_as_within_half_a_grade_and_more_does_not(error, within):
    assert errors_of([measured_field(error)]).within_half == within


@pytest.mark.parametrize(("error", "inside"), [(0.5, 1.0), (-0.5, 1.0), (0.5078125, 0.0), (-0.5078125, 0.0)])
def test_the_ends_of_an_interval_lie_inside_it_on_either_side(error, inside):
    assert errors_of([measured_field(error, half_width=0.5)]).coverage == inside


def test_a_mixed_field_has_no_interval_and_counts_neither_inside_nor_outside_one():
    inside, mixed = measured_field(0.1), measured_field(0.1, half_width=math.nan)
    assert errors_of([inside, mixed]).coverage == 1.0
    assert errors_of([measured_field(3.0), mixed]).coverage == 0.0
    assert math.isnan(errors_of([mixed]).coverage)
    assert errors_of([inside, mixed]).count == 2


@pytest.mark.parametrize(("g_seen", "zoom", "in_picture"), [(8.0, 1.0, 8.0), (11.0, 1.0, 9.0), (4.0, 0.5, 6.0)])
def test_the_bias_is_measured_at_the_size_that_decided(g_seen, zoom, in_picture):
    class Row:
        pass

    row = Row()
    row.g_seen, row.grade_map = g_seen, Row()
    row.grade_map.zoom = zoom
    assert Measured(None, row).g_in_picture == pytest.approx(in_picture)


def measured_of(folder, lines):
    (folder / "labels.csv").write_text("file,g,um_per_px\n" + "".join(f"{line}\n" for line in lines))
    return measure_with(FakePredictor(), read_labels(folder, None), GradeSettings())


def test_what_cannot_be_measured_is_told_and_left_out_and_costs_nothing_else(tmp_path, grey, capsys):
    for name in ("a.png", "b.png"):
        Image.fromarray(grey).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    found = measured_of(tmp_path, ["a.png,6,1", "broken.png,6,1", "b.png,6,", "a.png,5,1"])
    assert [(one.item.file.name, one.error) for one in found] == [("a.png", 0.0), ("a.png", 1.0)]
    told = capsys.readouterr().err
    assert "Left out: broken.png: " in told
    assert "Left out: b.png has no pixel size: add a column um_per_px or give --um-per-px." in told
    with pytest.raises(DataError, match=r"^b\.png has no pixel size"):
        measured_of(tmp_path, ["b.png,6,", "broken.png,6,1"])
