"""Labelled micrographs with a planned error, as if a network had graded them."""

from __future__ import annotations

import math
from types import SimpleNamespace

from gdest.core import NO_METAL, GrainCount, Status
from gdest.training.measuring import Measured


def measured_field(
    error, g_seen=6.0, *, g=5.0, half_width=1.0, zoom=1.0, grade_map=None, material="", name="a.tif", reason=""
):
    """Return a field of true G `g` that is read `error` too fine, in the middle of its interval.

    With a `reason` it is in review.
    """
    status = Status.REVIEW if reason else Status.GRADED
    found = g + error
    statistics = SimpleNamespace(g=found, g_low=found - half_width, g_high=found + half_width)
    shown = grade_map if grade_map is not None else SimpleNamespace(zoom=zoom)
    micrograph = SimpleNamespace(doubts=())
    row = SimpleNamespace(g_seen=g_seen, statistics=statistics, grade_map=shown, micrograph=micrograph, count=None)
    row.status, row.reason, row.shows_no_metal = status, reason, reason.startswith(NO_METAL)
    return Measured(SimpleNamespace(g=g, material=material, file=SimpleNamespace(name=name)), row)


def counted_field(error, count_error, line_share=math.nan, **known):
    """Return a field whose grains were counted, `count_error` too fine."""
    field = measured_field(error, **known)
    g = field.item.g + count_error
    field.row.count = GrainCount(g=g, g_low=g - 0.6, g_high=g + 0.6, relative_accuracy=0.1, line_share=line_share)
    return field


def fields_of(errors):
    """Return fields whose errors are given by material."""
    return [measured_field(error, material=name) for name, group in errors.items() for error in group]
