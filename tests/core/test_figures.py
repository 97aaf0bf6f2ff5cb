from __future__ import annotations

import math

import pytest

from gdest.core.figures import told_apart


@pytest.mark.parametrize(
    ("numbers", "digits", "told"),
    [
        ((0.62, 0.58), 1, ("0.62", "0.58")),
        ((0.64, 0.56), 1, ("0.64", "0.56")),  # both would be 0.6
        ((7.0, 5.0), 1, ("7.0", "5.0")),
        ((70.4, 70.0), 0, ("70.4", "70.0")),
        ((4.9996, 5.0, 5.2), 1, ("4.9996", "5.0000", "5.2000")),
        ((5.0, 5.0), 1, ("5.0", "5.0")),
        ((5.0, 5.0 + 1e-12), 1, ("5.0", "5.0")),  # what arithmetic leaves is no difference
        ((math.nan, 1.0), 1, ("nan", "1.0")),
        ((-math.inf, 1.0), 1, ("-inf", "1.0")),
        ((), 1, ()),
    ],
)
def test_different_numbers_never_read_the_same(numbers, digits, told):
    assert told_apart(*numbers, digits=digits) == told
