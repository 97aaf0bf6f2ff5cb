from __future__ import annotations

from dataclasses import replace

import pytest


@pytest.fixture(autouse=True)
def planted_int8_limits(monkeypatch):
    """Give new weights limits at once that no engine uses, since measuring them takes seconds."""
    monkeypatch.setattr(
        "gdest.training.fit.with_int8_limits",
        lambda model: replace(model, card=replace(model.card, int8_limits=(1.0,), int8_g_gap=9.0)),
    )
