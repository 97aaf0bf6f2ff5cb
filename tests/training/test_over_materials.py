from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.measured_fields import fields_of

from gdest.core import GrainCount
from gdest.grading.counting import METHOD_HALF_WIDTH
from gdest.training.measuring import Measured
from gdest.training.over_materials import counting_curves, pooled_quantile, unseen_half_width


def half_width_of(errors):
    """Return the half-width for an unseen material of errors that are given by material."""
    fields = fields_of(errors)
    return unseen_half_width([one.error for one in fields], [one.item.material for one in fields])


def test_each_material_counts_once_in_the_interval_of_an_unseen_one():
    """One of ten materials is read 0.8 too fine by its only field, nine by 0.1 in a hundred fields each."""
    errors = {"far": [0.8], **{f"near {i}": [0.1] * 100 for i in range(9)}}
    assert half_width_of(errors) == 0.1
    # two of eleven are more than a tenth
    assert half_width_of({**errors, "far too": [-0.8]}) == 0.8


def test_four_materials_say_nothing_of_the_next():
    assert half_width_of({f"{i}": [0.3] for i in range(4)}) == 0.0
    assert half_width_of({f"{i}": [0.3] for i in range(5)}) == 0.3


def test_the_pooled_quantile_is_reached_by_weights_not_by_numbers():
    assert pooled_quantile({"a": [1.0, 2.0], "b": [3.0]}, 0.25) == 1.0
    assert pooled_quantile({"a": [1.0, 2.0], "b": [3.0]}, 0.5) == 2.0
    assert pooled_quantile({"a": [1.0, 2.0], "b": [3.0]}, 0.51) == 3.0


def counted(error, spread, material, relative_accuracy=0.0, truth=7.0):
    count = GrainCount(
        g=truth + error + 9.0,  # with a bias that an older card takes off: not what is calibrated
        g_planimetric=truth + error,
        spread=spread,
        relative_accuracy=relative_accuracy,
    )
    return Measured(SimpleNamespace(g=truth, material=material), SimpleNamespace(count=count))


def test_the_methods_half_widths_are_widened_by_one_factor_that_holds_nineteen_in_twenty():
    (low, sure), *_, (high, open_) = METHOD_HALF_WIDTH
    fields = [counted((-1) ** i * sure * (i + 1) / 10, low, f"{i}") for i in range(20)]  # factors 0.1 to 2.0
    (rows,) = counting_curves(fields).values()
    assert rows == tuple((spread, pytest.approx(1.9 * half, abs=1e-4)) for spread, half in METHOD_HALF_WIDTH)
    one_material = [counted(-4.0 * open_, high, "19") for _ in range(50)]
    (rows,) = counting_curves([*fields[:19], *one_material]).values()
    assert rows[0][1] == pytest.approx(1.9 * sure, abs=1e-4)  # fifty fields of one material count once


def test_what_chance_makes_of_few_grains_is_not_the_methods():
    by_chance = 0.5  # log2(1 + %RA)
    fields = [counted(math.hypot(by_chance, 0.35), 0.0, f"{i}", 2**by_chance - 1.0) for i in range(6)]
    assert counting_curves(fields)["interval"][0][1] == pytest.approx(0.35, abs=1e-4)


def test_no_count_and_few_materials_make_no_curve():
    fields = [counted(0.2, 0.0, f"{i}") for i in range(5)]
    assert counting_curves(fields)
    assert counting_curves(fields[:4]) == {}
    nothing = Measured(SimpleNamespace(g=7.0, material="x"), SimpleNamespace(count=None))
    unknown = Measured(SimpleNamespace(g=7.0, material="x"), SimpleNamespace(count=GrainCount(g=np.nan)))
    assert counting_curves([*fields[:4], nothing, unknown]) == {}
