"""The command line: translate words into settings, call one function, choose the exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gdest.cli import grading, learning, manual, reporting  # noqa: F401  the commands register themselves
from gdest.cli.options import app
from gdest.core import ExitCode, GdestError, __version__


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the app; a `GdestError` becomes one sentence on standard error and its exit code."""
    try:
        app()
    except GdestError as error:
        typer.echo(f"gdest: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("gdest: stopped by Ctrl-C; what was done is kept.", err=True)
        sys.exit(ExitCode.INTERRUPTED)
