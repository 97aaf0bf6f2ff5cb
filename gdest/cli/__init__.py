"""The command line: translate words into settings, call one function, choose the exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gdest.cli import grading, learning, manual, reporting  # noqa: F401  the commands register themselves
from gdest.cli.options import app
from gdest.cli.streams import guard_streams
from gdest.core import ExitCode, GdestError, __version__, printable


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", "-V", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the app; a `GdestError` becomes one sentence on standard error and its exit code."""
    guard_streams()
    code: int | str | None = 0
    try:
        try:
            app(prog_name="gdest")
        except SystemExit as end:
            code = end.code
        sys.stdout.flush()
    except GdestError as error:
        typer.echo(f"gdest: {printable(str(error))}", err=True)
        code = error.exit_code
    except KeyboardInterrupt:
        typer.echo("gdest: stopped by Ctrl-C; what was done is kept.", err=True)
        code = ExitCode.INTERRUPTED
    sys.exit(code)
