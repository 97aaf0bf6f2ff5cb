"""Run the paper's comparisons."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path

from gdest.cli.console import say_written
from gdest.cli.interrupted import ctrl_c_told
from gdest.core import ExitCode, progress, say
from gdest.scan import output_lock
from gdest.training import StudySettings


def run_study(data: Path, out: Path, settings: StudySettings, unseen: Path | None) -> ExitCode:
    """Make the runs that are missing and write the report; return the exit code."""
    stage = partial(progress, every_step=False)
    with stage("starting"):
        from gdest.training import VERDICT, chosen, make_study

    command = shlex.join(["gdest", *sys.argv[1:]])
    chosen(settings.configs)  # a name that fits none is told before anything is read
    kept = f"the runs in {out / 'runs.csv'} are kept, and the same command goes on."
    with ctrl_c_told(lambda: kept), output_lock(out):
        found = make_study(data, out, settings, unseen, command, say, stage)
    for one in found:
        say(f"{VERDICT[one.holds]}: {one.statement} (paper: {one.paper}; here: {one.ours})")
    say_written(out / "study.md", out / "runs.csv")
    return ExitCode.GRADED
