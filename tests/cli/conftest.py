from __future__ import annotations

import pytest
from typer.testing import CliRunner

from gdest.cli.options import app

CALLED = (
    "gdest.cli.run_analyze.run_analyze",
    "gdest.cli.run_count.run_count",
    "gdest.cli.run_explain.run_explain",
    "gdest.cli.run_learn.run_train",
    "gdest.cli.run_learn.run_evaluate",
    "gdest.cli.run_learn.run_synth",
    "gdest.cli.run_study.run_study",
    "gdest.cli.run_scan.run_scan",
)
"""The one function that each command calls."""


@pytest.fixture
def typed(monkeypatch):
    """Return what the command's one function is called with."""
    calls = []

    def caught(*arguments, **named):
        calls.append((*arguments, *named.values()))
        return 0

    for name in CALLED:
        monkeypatch.setattr(name, caught)

    def run(*words):
        result = CliRunner().invoke(app, words)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return calls.pop()

    return run
