"""What is drawn over the grains that were counted, where a picture is counted in several parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.boundary_fields import field_of, squares

from gdest.core import Mark, ModelCard, grain_size
from gdest.grading import count_grains


def test_of_a_picture_counted_in_parts_one_grain_is_outlined_that_of_the_g_of_the_largest():
    sides = (80, 120, 100)
    fields = []
    for number, side in enumerate(sides):
        labels = squares(400, 400, 20)
        labels[100 : 100 + side, 200 : 200 + side] = 10**6
        fields.append(replace(field_of(labels), left=400.0 * number))

    count = count_grains(iter(fields), ModelCard())
    outlined = [np.argwhere(overlay.marks == Mark.LARGEST) for overlay in count.overlays]

    assert count.g_largest_grain == pytest.approx(float(grain_size.g_from_mean_area_um2(120.0**2)), abs=0.1)
    assert [len(cells) > 0 for cells in outlined] == [False, True, False]
    assert outlined[1].min(axis=0) == pytest.approx((100, 200), abs=2)
    assert outlined[1].max(axis=0) == pytest.approx((219, 319), abs=2)
    assert [overlay.left for overlay in count.overlays] == [0.0, 400.0, 800.0]
