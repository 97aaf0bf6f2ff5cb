"""A lab's own fields take the bias off as far as they prove it, and leave an interval that holds a further one."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from helpers.measured_fields import counted_field
from helpers.predictors import CARD

from gdest.core.errors import DataError
from gdest.core.settings import GradeSettings
from gdest.model.network import LoadedModel, build_network, load_model
from gdest.training import own_steel
from gdest.training.own_steel import calibrate_own, opinions_of


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
    monkeypatch.setattr(own_steel, "read_labels", lambda *_: [field.item for field in fields])
    for check in ("require_there", "_require_different", "_require_enough"):
        monkeypatch.setattr(own_steel, check, lambda *_: None)
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


HELD_BACK = "out of focus for grains of this size (probability {} %, limit 50 %); pixel sizes disagree: 1 and 2 um/px"


def steel(reasons):
    return [
        counted_field(0.3 + 0.01 * number, -0.2, name=f"{number}.tif", reason=reason)
        for number, reason in enumerate(reasons)
    ]


def test_fields_in_review_calibrate_and_are_told_by_their_first_doubt(monkeypatch, model, tmp_path, capsys):
    contradict = "estimate and count contradict each other (G 5.0, 4.8..5.2, 90 %, and G 6.0, 5.5..6.5, 95 %)"
    fields = steel(["", HELD_BACK.format(71), "", contradict, *(HELD_BACK.format(60 + i) for i in range(36))])
    mine = calibrated(monkeypatch, model, fields, tmp_path / "mine.safetensors")
    assert mine.card.training["own_fields"] == "40"
    head, focus, contradicting = capsys.readouterr().err.splitlines()
    assert head == "38 of 40 micrographs are in review, also with the new weights, which judge as before:"
    assert focus.startswith("  out of focus for grains of this size: 1.tif, 4.tif, ") and focus.endswith("and 17 more")
    assert contradicting == ("  estimate and count contradict each other (this may pass with the new weights): 3.tif")


def test_what_shows_no_grains_calibrates_nothing_and_is_named(monkeypatch, model, tmp_path, capsys):
    bare = [counted_field(4.0, 4.0, name="bare.tif", reason="no metal, or no grain structure, can be seen (...)")]
    mine = calibrated(monkeypatch, model, [*steel([""] * 5), *bare], tmp_path / "mine.safetensors")
    assert mine.card.training["own_fields"] == "5"
    ((_, half),) = mine.card.interval
    assert half < 0.1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "1 of 6 micrographs left out, since no metal, or no grain structure, can be seen: bare.tif."


def test_where_fewer_than_five_show_grains_nothing_is_written(monkeypatch, model, tmp_path):
    fields = steel(["", "", "", "", "no metal, or no grain structure, can be seen (probability 99 %, limit 50 %)"])
    with pytest.raises(DataError, match="holds 4 micrographs that can be graded; 5 or more"):
        calibrated(monkeypatch, model, fields, tmp_path / "mine.safetensors")
    assert not (tmp_path / "mine.safetensors").exists()


def test_the_errors_of_the_weights_before_are_not_those_of_the_new_ones(monkeypatch, model, tmp_path):
    known = replace(model, card=replace(model.card, errors={"validation_mae": 0.17, "validation_coverage": 0.95}))
    assert calibrated(monkeypatch, known, steel([""] * 5), tmp_path / "mine.safetensors").card.errors == {}


def test_too_few_labelled_rows_are_told_before_anything_is_measured(monkeypatch, model, tmp_path, grey):
    for name in "abcd":
        tifffile.imwrite(tmp_path / f"{name}.tif", grey + np.uint8(ord(name)))
    (tmp_path / "labels.csv").write_text("file,g\na.tif,7\nb.tif,7\nc.tif,7\nd.tif,7\n")
    monkeypatch.setattr(own_steel, "measure", lambda *_: pytest.fail("it was measured"))
    with pytest.raises(DataError, match="holds 4 micrographs; 5 or more prove a bias"):
        calibrate_own(tmp_path / "labels.csv", model, tmp_path / "mine.safetensors", GradeSettings())


def test_five_pages_of_one_file_are_five_fields(monkeypatch, model, tmp_path, grey):
    pages = np.stack([grey + np.uint8(number) for number in range(5)])
    tifffile.imwrite(tmp_path / "stack.tif", pages, photometric="minisblack")
    (tmp_path / "labels.csv").write_text("file,g\nstack.tif,5\n")
    monkeypatch.setattr(own_steel, "measure", lambda *_: steel([""] * 5))
    calibrate_own(tmp_path / "labels.csv", model, tmp_path / "mine.safetensors", GradeSettings())
    assert (tmp_path / "mine.safetensors").exists()


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
