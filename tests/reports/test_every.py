from __future__ import annotations

import pytest
from helpers.table_rows import row

from gdest.reports.assign import Rules, assign
from gdest.reports.limits import Limit
from gdest.reports.limits_found import acceptance
from gdest.reports.record import Record

LIMITS = (Limit("g >= 7.0"),)


def record_of(*gs, limits=LIMITS, **cells):
    table = [
        row(f"{i}.tif", g=g, g_low=g - 0.3, g_high=g + 0.3, grains_per_mm2=15.5 * 2 ** (g - 1), **cells)
        for i, g in enumerate(gs)
    ]
    return Record(assign(table, Rules(None, limits)), ("/archive",), "fake", "1" * 64)


@pytest.mark.parametrize(
    ("gs", "micrographs", "specimens"),
    [
        ((8.0, 8.1), 0, 0),
        ((5.0, 5.1, 5.0, 4.9), 4, 1),
        ((5.0, 8.0), 1, 0),  # two fields that differ so widely are undecided together
        ((6.8, 7.2), 0, 0),  # undecided is not rejected
        ((5.0,), 1, 0),  # one field is no specimen that fails
    ],
)
def test_what_fails_is_counted_among_micrographs_and_specimens(gs, micrographs, specimens):
    rules = Rules(None, LIMITS)
    assert len(acceptance(record_of(*gs), rules).failing) == micrographs + specimens
    assert len(acceptance(record_of(*gs, specimen=None), rules).failing) == micrographs


def test_a_specimen_that_fails_is_rejected_though_no_micrograph_of_it_is():
    of_specimens = (Limit("g >= 7.0", on=("specimen",)),)
    record = record_of(5.0, 5.1, 5.0, 4.9, limits=of_specimens)
    assert {line["verdict"] for line in record.table} == {None}
    assert len(acceptance(record, Rules(None, of_specimens)).failing) == 1


def test_without_limits_nothing_is_rejected():
    assert len(acceptance(record_of(2.0, 3.0, limits=()), Rules()).failing) == 0
