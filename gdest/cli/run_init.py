"""Look at an archive and write a first gdest.toml."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from gdest.core import ExitCode, say
from gdest.scan import require_new, survey, write_first_config


def run_init(roots: Sequence[Path], out: Path, *, force: bool) -> ExitCode:
    """Write a gdest.toml to correct; return the exit code."""
    require_new(roots, out, force=force)
    seen = survey(roots)
    write_first_config(seen, roots, out)
    say(f"{len(seen.names)} image files, {seen.opened} of them opened. Written: {out}")
    folders = shlex.join(map(str, roots))
    say(f"Correct it, then: gdest scan {folders} --out results --config {shlex.quote(str(out))} --dry-run")
    return ExitCode.GRADED
