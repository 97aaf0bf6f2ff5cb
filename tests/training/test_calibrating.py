"""What held-out micrographs show of a network: bias, interval, tile scatter, limits of doubt."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.measured_fields import measured_field
from helpers.predictors import FakePredictor

from gdest.core import DataError, GrainCount, ImageFile
from gdest.core.records import GradeMap, TileGrid
from gdest.model.network import LoadedModel
from gdest.synth.dataset import write_tiff
from gdest.training import calibrating
from gdest.training.calibrating import (
    calibrated_card,
    correction_curve,
    cross_coverage,
    limits_of_doubt,
    own_scatters,
    tile_scatter_curve,
    without_doubt,
)
from gdest.training.labels import read_labels
from gdest.training.settings import TrainSettings


def test_the_intervals_are_those_of_micrographs_that_no_limit_sends_to_review():
    def field(error, odds):
        return measured_field(error, grade_map=SimpleNamespace(doubts={"fragments": odds, "zoom gap": np.nan}))

    fields = [field(0.1, 1.0), field(0.2, 2.0), field(0.9, 2.1)]
    assert [one.error for one in without_doubt(fields, {"fragments": 2.0, "zoom gap": 1.0})] == pytest.approx(
        [0.1, 0.2]
    )
    assert len(without_doubt(fields, {"fragments": 1.0})) == 3  # where most would go, the limits are wrong


def test_own_scatter_is_about_the_mean_of_each_specimen_by_each_opinion():
    """Two specimens, read 0.5 and -0.3 off on average; a third has one field, which tells nothing of its scatter."""
    planned = [("a", 0.4, 0.2), ("a", 0.6, 0.4), ("b", -0.4, -0.1), ("b", -0.3, np.nan), ("b", -0.2, 0.1), ("c", 2, 2)]
    fields = []
    for specimen, error, of_count in planned:
        field = measured_field(error, g=5.0)
        field.item.specimen, field.row.count = specimen, GrainCount(g=5.0 + of_count)
        fields.append(field)
    found = own_scatters(fields)
    assert found["estimate"] == (pytest.approx(np.sqrt((0.02 + 0.02) / 3), abs=1e-4), 3.0)
    assert found["count"] == (pytest.approx(np.sqrt((0.02 + 0.02) / 2), abs=1e-4), 2.0)
    assert found["informed"] == (pytest.approx(np.sqrt((0.02 + 0.02) / 2), abs=1e-4), 2.0)
    assert own_scatters(fields[-1:])["estimate"] == (0.0, 0.0)


def test_coverage_is_counted_on_the_half_that_did_not_calibrate():
    """Every other field has a large error: calibrated by the small ones it lies outside, and they inside by it."""
    fields = [measured_field((-1) ** i * (1.0 if i % 2 else 0.1), g_seen=3.0 + 0.1 * i) for i in range(20)]
    order = np.random.default_rng(0).permutation(20)
    assert cross_coverage([fields[i] for i in order]) == 0.5
    assert cross_coverage([measured_field(0.3)] * 2) == 1.0
    assert np.isnan(cross_coverage(fields[:1]))


def test_the_correction_is_the_middle_of_the_errors_near_each_grade():
    fields = [measured_field(0.3 if g < 6 else -0.1, g_seen=g - 2.0, zoom=0.5) for g in [*np.linspace(3, 9, 200), 4.0]]
    curve = dict(correction_curve(fields))
    assert min(curve) < 4
    assert curve[min(curve)] == pytest.approx(0.3)
    assert curve[max(curve)] == pytest.approx(-0.1)


def biased(errors, g=6.3):
    return correction_curve([measured_field(error, g_seen=g) for error in errors])


def test_what_may_be_chance_is_not_corrected():
    rng = np.random.default_rng(0)

    def corrected(bias):
        errors = bias + rng.normal(0, 0.2, 400)
        fields = [measured_field(error, g_seen=g) for error, g in zip(errors, np.linspace(3, 9, 400), strict=True)]
        return [value for _, value in correction_curve(fields)]

    few = biased(0.3 + rng.normal(0, 0.2, 9))
    assert [value for _, value in few] == [pytest.approx(0.27, abs=0.1)]
    assert np.mean(np.array(corrected(0.0)) == 0.0) > 0.7
    assert np.mean(corrected(0.3)) == pytest.approx(0.28, abs=0.04)


def test_a_bias_is_shrunk_by_the_share_that_its_standard_errors_are_of_it():
    """Errors of 1 and 3 by turns: mean 2, sd 1.0540926 (n - 1), so two standard errors are 2 x 1.0540926 / sqrt(10)."""
    ten = biased([1.0, 3.0] * 5)
    kept = np.array([1.0] * 4 + [3.0] * 4)  # a tenth of ten, one at either end, is left out
    chance = 2 * kept.std(ddof=1) / np.sqrt(8)
    assert ten == ((6.3, pytest.approx(2.0 * (1 - (chance / 2.0) ** 2), abs=1e-4)),)
    assert biased([-1.0, -3.0] * 5) == ((6.3, pytest.approx(-ten[0][1])),)


def test_the_correction_leaves_out_the_tenth_at_either_end():
    assert biased([0.25] * 18 + [50.0, -40.0]) == ((6.3, 0.25),)
    assert biased([0.25] * 16 + [50.0, 60.0, -40.0, -50.0]) == ((6.3, 0.25),)
    assert biased([0.25] * 14 + [50.0, 60.0, 70.0, -40.0, -50.0, -60.0]) == ((6.3, 0.0),)


@pytest.mark.parametrize(("count", "corrected"), [(59, True), (60, False)])
def test_many_micrographs_need_three_standard_errors_and_few_only_two(count, corrected):
    """The bias is set two and a half standard errors of the 32 errors kept of 40 from zero."""
    spread = np.tile([-1.0, 1.0], 40)[:count]
    errors = spread + 2.5 * np.std(np.tile([-1.0, 1.0], 16), ddof=1) / np.sqrt(32)
    assert (biased(errors)[0][1] > 0) is corrected


def test_the_tile_scatter_is_that_of_the_tiles_homogeneity_looks_at_gaps_left_out():
    def map_of(values, zoom, closer=None):
        values = np.asarray(values, np.float32)
        return GradeMap(values, TileGrid((0,), (0,), 224), zoom, values.size, closer=closer)

    # G 5 as the file shows it, masked in one tile; variance of 4.7 and 5.3 is 0.18
    plain = map_of([[4.7, 5.3, np.nan]], 1.0)
    # G 3, graded at a quarter where four tiles overlap and all say the same, but looked at in full size
    halved = map_of([[3.0, 3.0]], 0.25, map_of([[2.5, 3.5]], 1.0))
    single = map_of([[9.0]], 1.0)
    curve = dict(tile_scatter_curve([measured_field(0.0, grade_map=one) for one in (plain, halved, single)]))
    assert curve == {3.0: pytest.approx(0.7071, abs=1e-3), 5.0: pytest.approx(0.4243, abs=1e-3)}


def test_the_tile_scatter_of_a_grade_is_the_root_of_the_mean_variance():
    maps = [SimpleNamespace(closer=None, g_seen=np.array(values), zoom=1.0) for values in ([5.0, 5.2], [4.6, 5.4])]
    assert tile_scatter_curve([measured_field(0.0, grade_map=one) for one in maps]) == (
        (5.0, pytest.approx(np.sqrt((0.02 + 0.32) / 2), abs=1e-4)),
    )


def test_the_limit_of_a_doubt_is_what_one_in_two_hundred_exceeds_and_log_odds_may_reach_zero():
    names = ("no grains", "defocused", "fragments", "novelty", "zoom gap")
    maps = [
        SimpleNamespace(doubts=dict(zip(names, (i - 1000.0, float(i), np.nan, i - 500.0, np.nan), strict=True)))
        for i in range(401)
    ]
    maps[0].doubts["zoom gap"] = 0.25
    limits = limits_of_doubt(maps)
    # of 0..400 the quantile 0.995 is 398
    assert limits == {"no grains": 0.0, "defocused": 0.0, "novelty": -102.0, "zoom gap": 0.25}


@pytest.fixture
def fields(tmp_path, rng):
    """Write noise, which shows contrast enough to be graded, labelled G 6."""
    lines = ["file,g,um_per_px"]
    for i in range(5):
        write_tiff(tmp_path / f"{i}.tif", rng.integers(0, 256, (300, 300), dtype=np.uint8), 1.0)
        lines.append(f"{i}.tif,6.0,1.0")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    return read_labels(tmp_path, None)


def calibrated(monkeypatch, fields, answer=6.4):
    """Return the card of a network that says the same G of every tile, less the correction of its card."""
    predictor = FakePredictor(lambda tiles: np.full(len(tiles), answer - sum(g for _, g in predictor.card.correction)))
    monkeypatch.setattr(calibrating, "NetworkPredictor", lambda *_args, **_options: predictor)
    monkeypatch.setattr(calibrating, "gradeable_pictures", lambda *_args: ())
    card = replace(predictor.card, interval=(), tile_scatter=(), limits={}, correction=())
    predictor.card = card
    return calibrated_card(LoadedModel(None, card, "fake", ""), fields, TrainSettings(device="cpu"))


def test_five_held_out_micrographs_correct_the_bias_and_are_measured_again_with_it(monkeypatch, fields):
    card = calibrated(monkeypatch, fields)
    assert card.correction == ((6.4, pytest.approx(0.4)),)
    assert card.interval == ((pytest.approx(6.0), pytest.approx(0.0, abs=1e-4)),)
    assert card.errors == {
        "validation_micrographs": 5.0,
        "validation_mae": pytest.approx(0.0, abs=1e-4),
        "validation_bias": pytest.approx(0.0, abs=1e-4),
        "validation_within_half_g": 1.0,
        "validation_coverage": 1.0,
    }


def test_a_micrograph_that_cannot_be_graded_is_told_and_left_out(monkeypatch, fields, tmp_path, capsys):
    """What a night of training has learnt is not lost since one file shows no metal."""
    broken = replace(fields[0], file=ImageFile(tmp_path / "broken.tif", "broken.tif"))
    (tmp_path / "broken.tif").write_bytes(b"no picture")
    card = calibrated(monkeypatch, [fields[0], broken, *fields[1:]])
    assert card.errors["validation_micrographs"] == 5.0
    assert "Left out: broken.tif: " in capsys.readouterr().err
    with pytest.raises(DataError, match=r"broken\.tif"):
        calibrated(monkeypatch, [broken])


def test_four_held_out_micrographs_know_no_bias(monkeypatch, fields):
    card = calibrated(monkeypatch, fields[:4], answer=5.2)
    assert card.correction == ()
    assert card.interval == ((pytest.approx(5.2), pytest.approx(0.8)),)
    assert card.errors["validation_bias"] == pytest.approx(-0.8)
    assert card.errors["validation_within_half_g"] == 0.0
    assert card.tile_scatter == ((5.0, 0.0),)
    assert card.limits["no grains"] == 0.0
