"""Run gdest as a user does: in a process of its own, or quicker in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

from gdest.cli import main
from helpers.process_settings import process_settings_kept

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def gdest_process(*arguments, cwd=None):
    command = [sys.executable, "-m", "gdest", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=cwd, check=False)


def gdest(*arguments, cwd=None):
    """Return what `gdest_process` returns, seconds earlier; an error that gdest does not expect is raised here."""
    words = list(map(str, arguments))
    out, err, code = StringIO(), StringIO(), 0
    argv = mock.patch.object(sys, "argv", ["gdest", *words])
    with argv, chdir(cwd or os.curdir), redirect_stdout(out), redirect_stderr(err), process_settings_kept():
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
