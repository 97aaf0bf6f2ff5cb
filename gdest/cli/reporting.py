"""The commands that report: translate words into settings, call one function."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from gdest.cli.options import app

OutFolder = Annotated[Path, typer.Argument(help="The --out folder of a scan.")]


@app.command()
def report(
    folder: OutFolder,
    config: Annotated[
        Optional[Path], typer.Option(help="Another gdest.toml: its specimens and limits replace the scan's.")
    ] = None,
    fail_on_reject: Annotated[bool, typer.Option("--fail-on-reject", help="Exit code 6 when a limit fails.")] = False,
) -> None:
    """Write every report of a scan again from its stored results, without the network."""
    from gdest.cli.run_reports import run_report

    raise typer.Exit(run_report(folder, config, fail_on_reject=fail_on_reject))


@app.command()
def verify(folder: OutFolder) -> None:
    """Compare reports, weights and micrographs with the hashes in run.json; name what has changed since."""
    from gdest.cli.run_reports import run_verify

    raise typer.Exit(run_verify(folder))
