"""Labelled micrographs with a planned error, as if a network had graded them."""

from __future__ import annotations

from types import SimpleNamespace

from gdest.training.measuring import Measured


def measured_field(error, g_seen=6.0, *, g=5.0, half_width=1.0, zoom=1.0, grade_map=None, material="", name="a.tif"):
    """Return a field of true G `g` that is read `error` too fine, in the middle of its interval."""
    found = g + error
    statistics = SimpleNamespace(g=found, g_low=found - half_width, g_high=found + half_width)
    shown = grade_map if grade_map is not None else SimpleNamespace(zoom=zoom)
    micrograph = SimpleNamespace(doubts=())
    row = SimpleNamespace(g_seen=g_seen, statistics=statistics, grade_map=shown, micrograph=micrograph)
    return Measured(SimpleNamespace(g=g, material=material, file=SimpleNamespace(name=name)), row)


def fields_of(errors):
    """Return fields whose errors are given by material."""
    return [measured_field(error, material=name) for name, group in errors.items() for error in group]
