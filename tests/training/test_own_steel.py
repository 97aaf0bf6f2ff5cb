"""A lab's own fields take the bias off as far as they prove it, and leave an interval that holds a further one."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.measured_fields import measured_field
from helpers.predictors import CARD

from gdest.core.counted import GrainCount
from gdest.core.errors import DataError
from gdest.core.settings import GradeSettings
from gdest.model.network import LoadedModel, build_network, load_model
from gdest.training import own_steel
from gdest.training.own_steel import Opinion, calibrate_own, half_width, opinions_of, proven_bias


def test_a_mean_error_within_two_standard_errors_is_chance_and_a_far_one_is_nearly_whole():
    scattered = np.array([-0.3, 0.4, -0.2, 0.3, 0.1])
    assert proven_bias(scattered) == 0.0
    assert proven_bias(scattered + 2.0) == pytest.approx(2.06, abs=0.05)
    assert proven_bias(scattered - 2.0) < -1.8


def test_the_half_width_holds_nine_in_ten_further_errors():
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(4000):
        errors = rng.normal(0.0, 0.2, 9)
        inside.append(abs(errors[8] - errors[:8].mean()) <= half_width(errors[:8] - errors[:8].mean(), 0.9))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.015)


def test_fields_that_agree_by_chance_make_no_interval_narrower_than_any_steels():
    """Five of a steel that scatters as others do, one of ten of which by chance hardly: the two are pooled."""
    rng = np.random.default_rng(1)
    inside, narrowest = [], {True: 9.0, False: 9.0}
    for _ in range(4000):
        errors = rng.normal(0.0, 0.2, 6)
        left = errors[:5] - errors[:5].mean()
        for known in (True, False):
            narrowest[known] = min(narrowest[known], half_width(left, 0.9, (0.2, 6.0) if known else (0.0, 0.0)))
        inside.append(abs(errors[5] - errors[:5].mean()) <= half_width(left, 0.9, (0.2, 6.0)))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.015)
    assert narrowest[True] > 0.25 > 0.1 > narrowest[False]


def test_other_steels_weigh_no_more_than_a_few_fields_of_ones_own():
    left = np.array([0.4, -0.4] * 5)
    assert half_width(left, 0.9, (0.1, 1e5)) == half_width(left, 0.9, (0.1, 8.0)) > 0.55
    assert half_width(left, 0.9, (0.1, 0.0)) == half_width(left, 0.9)


def test_the_share_inside_is_that_of_the_fields_that_had_an_interval():
    errors = np.array([0.1, 0.9, 0.1])
    assert Opinion("estimate", errors, np.array([0.5, 0.5, np.nan])).before == (pytest.approx(1.1 / 3), 0.5)
    assert np.isnan(Opinion("count", errors, np.full(3, np.nan)).before[1])
    assert (Opinion("estimate", errors, errors).coverage, Opinion("count", errors, errors).coverage) == (0.9, 0.95)


def test_more_fields_that_scatter_alike_narrow_the_interval():
    one = Opinion("estimate", np.array([0.1, 0.3, 0.2, 0.3, 0.1, 0.2]), np.full(6, 0.5))
    assert one.half_width_of(6) == pytest.approx(one.half_width)
    assert one.half_width_of(12) < one.half_width_of(8) < one.half_width
    assert one.before == pytest.approx((0.2, 1.0))


def test_after_is_measured_on_the_field_that_was_left_out():
    """Five fields agree and one lies apart: the five calibrate it away from its truth, and it lies outside."""
    errors = np.array([0.5, 0.52, 0.48, 0.5, 0.51, -0.5])
    mae, inside = Opinion("estimate", errors, np.full(6, 0.5)).after
    assert inside == pytest.approx(5 / 6)
    assert mae > 0.15


def counted_field(error, count_error, line_share=np.nan, **known):
    field = measured_field(error, **known)
    g = field.item.g + count_error
    field.row.count = GrainCount(g=g, g_low=g - 0.6, g_high=g + 0.6, relative_accuracy=0.1, line_share=line_share)
    return field


def test_the_count_is_calibrated_only_where_enough_fields_have_one():
    fields = [counted_field(0.2, 0.1 if i < 4 else np.nan) for i in range(6)]
    assert [one.name for one in opinions_of(fields, CARD)] == ["estimate"]
    fields = [counted_field(0.2, 0.1 * i) for i in range(6)]
    assert [one.name for one in opinions_of(fields, CARD)] == ["estimate", "count"]
    assert opinions_of(fields, CARD)[1].errors.tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


@pytest.fixture
def model():
    card = replace(CARD, correction=((2.0, 0.1), (9.0, 0.2)), counting={"interval": ((0.0, 0.5),)})
    return LoadedModel(build_network(card).eval(), card, "w", "0" * 64)


def calibrated(monkeypatch, model, fields, out):
    monkeypatch.setattr(own_steel, "read_labels", lambda *_: [])
    monkeypatch.setattr(own_steel, "measure", lambda *_: fields)
    calibrate_own(SimpleNamespace(name="labels.csv"), model, out, GradeSettings())
    return load_model(out)


def test_only_the_card_changes_and_the_bias_is_taken_off_on_top_of_what_was(monkeypatch, model, tmp_path):
    fields = [counted_field(0.3 + 0.01 * i, -0.2 + 0.01 * i) for i in (-2, -1, 0, 1, 2)]
    mine = calibrated(monkeypatch, model, fields, tmp_path / "mine.safetensors")
    assert mine.card.correction == ((2.0, pytest.approx(0.4, abs=0.01)), (9.0, pytest.approx(0.5, abs=0.01)))
    ((_, half),) = mine.card.interval
    assert 0.02 < half < 0.06
    ((_, bias),) = mine.card.counting["bias"]
    assert bias == pytest.approx(-0.2, abs=0.01)
    assert (mine.card.limits, mine.card.tile_scatter) == (model.card.limits, model.card.tile_scatter)
    assert (mine.card.training["own_fields"], mine.card.training["own_data"]) == ("5", "labels.csv")
    for name, value in mine.network.state_dict().items():
        assert np.allclose(value.numpy(), model.network.state_dict()[name].numpy(), atol=2e-3)


def test_the_scatter_of_other_specimens_widens_an_interval_of_fields_that_agree(monkeypatch, model, tmp_path):
    fields = [counted_field(0.3 + 0.001 * i, -0.2 + 0.001 * i) for i in (-2, -1, 0, 1, 2)]
    scatters = {"estimate": (0.1, 6.0), "informed": (0.2, 6.0), "count": (0.3, 6.0)}
    card = replace(model.card, own_scatter=scatters, informed_interval=((6.0, 0.9),))
    mine = calibrated(monkeypatch, replace(model, card=card), fields, tmp_path / "mine.safetensors").card
    ((_, alone),) = mine.interval
    assert 0.12 < alone < 0.2
    assert mine.informed_interval == ()
    assert mine.own_scatter == scatters
    steadier = replace(card, own_scatter={**scatters, "informed": (0.05, 6.0)})
    moved = calibrated(monkeypatch, replace(model, card=steadier), fields, tmp_path / "moved.safetensors").card
    ((_, informed),) = moved.informed_interval
    assert informed == pytest.approx(alone / 2, rel=0.01)


@pytest.mark.parametrize(("line_share", "follows"), [(0.02, False), (0.9, True), (np.nan, True)])
def test_where_no_lines_are_seen_counts_move_nothing(monkeypatch, model, tmp_path, line_share, follows):
    """The estimates scatter, and the counts would take half of that off."""
    card = replace(model.card, informed_interval=((6.0, 0.9),), own_scatter={"informed": (0.05, 6.0)})
    fields = [counted_field(0.2 + 0.1 * i, 0.2, line_share) for i in (-2, -1, 0, 1, 2)]
    mine = calibrated(monkeypatch, replace(model, card=card), fields, tmp_path / "mine.safetensors").card
    assert bool(mine.informed_interval) is follows


def test_a_count_that_scatters_more_than_the_estimate_moves_it_no_longer(monkeypatch, model, tmp_path):
    """The network reads each field 0.2 too fine, the count now too fine and now too coarse."""
    model = replace(model, card=replace(model.card, informed_interval=((6.0, 0.9),)))
    fields = [counted_field(0.2 + 0.02 * i, 0.2 * (-1) ** i) for i in (-2, -1, 0, 1, 2)]
    mine = calibrated(monkeypatch, model, fields, tmp_path / "mine.safetensors")
    assert mine.card.informed_interval == ()
    ((_, half),) = mine.card.interval
    (estimate, _) = calibrate_own(SimpleNamespace(name="l.csv"), model, tmp_path / "again.safetensors", GradeSettings())
    assert estimate.half_width == pytest.approx(half, abs=1e-4)
    assert estimate.before[0] == pytest.approx(0.15, abs=0.03)  # as a scan tells it, moved half of the way
    assert estimate.after[0] < 0.06


def test_four_fields_are_too_few_and_nothing_is_written(monkeypatch, model, tmp_path):
    with pytest.raises(DataError, match="5 or more"):
        calibrated(monkeypatch, model, [counted_field(0.3, 0.2)] * 4, tmp_path / "mine.safetensors")
    assert not (tmp_path / "mine.safetensors").exists()


def test_a_field_that_is_there_twice_proves_nothing_and_is_named(model, tmp_path):
    for name, content in (("a.tif", b"one"), ("b.tif", b"two"), ("c.tif", b"one")):
        (tmp_path / name).write_bytes(content)
    table = tmp_path / "labels.csv"
    for rows, named in (
        ("a.tif,7\nb.tif,7\nc.tif,7\n", r"c\.tif is the same picture as a\.tif"),
        ("a.tif,7\na.tif,7\n", r"a\.tif is the same picture as a\.tif"),
    ):
        table.write_text("file,g\n" + rows)
        with pytest.raises(DataError, match=named):
            calibrate_own(table, model, tmp_path / "mine.safetensors", GradeSettings())


def test_a_count_that_informs_the_estimate_is_calibrated_with_it(monkeypatch, model, tmp_path):
    """Estimates 0.3 and counts 0.1 too fine: both biases go, and half of what is left of either cancels."""
    model = replace(model, card=replace(model.card, informed_interval=((6.0, 0.9),)))
    fields = [counted_field(0.3 + 0.1 * i, 0.1 - 0.1 * i) for i in (-2, -1, 0, 1, 2)]
    mine = calibrated(monkeypatch, model, fields, tmp_path / "mine.safetensors")
    ((_, informed),) = mine.card.informed_interval
    ((_, alone),) = mine.card.interval
    assert informed < 0.65 * alone
    untouched = replace(model, card=replace(model.card, informed_interval=()))
    assert calibrated(monkeypatch, untouched, fields, tmp_path / "b.safetensors").card.informed_interval == ()


def test_an_informed_opinion_is_measured_before_and_after_as_a_scan_tells_it():
    errors, counted = np.array([0.3, 0.5, 0.4, 0.3, 0.5]), np.array([0.1, 0.3, 0.2, 0.1, 0.3])
    one = Opinion("estimate", errors, np.full(5, 0.3), counted)
    assert one.before == (pytest.approx(np.mean(errors - 0.5 * 0.2)), 2 / 5)
    left, _ = one.calibrated_by(np.arange(5))
    assert left == pytest.approx(errors - proven_bias(errors), abs=0.02)
    assert Opinion("estimate", errors, np.full(5, 0.3)).before[0] == pytest.approx(0.4)
