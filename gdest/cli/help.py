"""Show `--help` as a person reads it: no types of Python, two examples of each command, its exit codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from gdest.core import ExitCode, OutputError, require

HELP = {"help_option_names": ["-h", "--help"]}


class Group(TyperGroup):
    """Show the commands; a switch takes no value, so none is shown."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options of gdest itself; those of the shell's completion write into the home folder."""
        try:
            return super().parse_args(ctx, args)
        except OSError as error:
            raise OutputError(f"Cannot write {error.filename}: {error.strerror or error}.") from error
        except typer.Exit as end:
            known = "bash, zsh, fish and PowerShell"
            require(end.exit_code != ExitCode.BUG, f"This shell is not known; gdest completes words in {known}.")
            raise

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options of gdest itself."""
        return [_without_python(one) for one in super().get_params(ctx)]


class Command(TyperCommand):
    """Show the options of a command, then its examples and its exit codes.

    Each version of Typer folds an epilog in another way, so it is printed here; `epilog` holds one line an example,
    an empty line, and one line an exit code.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the arguments and options."""
        return [_without_python(one) for one in super().get_params(ctx)]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        footer, self.epilog = self.epilog, None
        try:
            super().format_help(ctx, formatter)
        finally:
            self.epilog = footer
        if footer:
            _print_footer(footer)


def footer(examples: Sequence[str], exits: Mapping[ExitCode, str]) -> str:
    """Return what stands below the options of a command: its examples, and the exit codes it can end with."""
    return "\n".join([*examples, "", *(f"{code:d}  {meaning}" for code, meaning in exits.items())])


def exits(*codes: ExitCode, done: str = "", problems: str = "") -> dict[ExitCode, str]:
    """Return exit codes with what they tell; `done` is what 0 tells of a command that does not grade, `problems` 3."""
    own = {ExitCode.GRADED: done, ExitCode.PROBLEMS: problems}
    return {code: own.get(code) or code.meaning.replace("`", "") for code in sorted({ExitCode.GRADED, *codes})}


def _without_python(parameter: Any) -> Any:
    """Return an option or argument that is shown without its type in Python: `<bool>`, `<list[Path]>`."""
    if getattr(parameter, "is_flag", False):
        parameter.metavar = ""
    elif parameter.param_type_name == "argument" and hasattr(parameter, "display_type_rich"):
        parameter.display_type_rich = _no_type
    return parameter


def _no_type(ctx: Any) -> None:
    """Return that an argument has no type to show; its name says what it is."""


def _print_footer(footer: str) -> None:
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    examples, _, codes = footer.partition("\n\n")
    table = Table.grid(padding=(0, 2))
    for line in codes.splitlines():
        table.add_row(*map(Text, line.split("  ", 1)))
    console = Console(highlight=False)
    for title, shown in (("Examples", Text(examples)), ("Exit codes", table)):
        console.print(Panel(shown, title=title, title_align="left", border_style="dim"))
