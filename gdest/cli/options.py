"""The app, and how settings become the options of a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from gdest.cli.help import HELP, Command, Group, footer
from gdest.cli.process import prepare_process
from gdest.core import Asked, Declared, ExitCode, Option, Panel, be_quiet, declared_fields, number

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    context_settings=HELP,
    pretty_exceptions_enable=False,
    help="Grade etched-steel micrographs: ASTM grain size number G, with interval, homogeneity and heatmap.",
)

Weights = Annotated[Path | None, typer.Option(metavar="FILE", help="Weights file; without it the bundled weights.")]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="Rules of the archive, gdest.toml.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]

SHOWN = {float: "NUMBER", int: "N", Path: "PATH", str: "TEXT"}
"""What stands for a value in `--help`, by its type."""

Exits = Mapping[ExitCode, str]


def command(*examples: str, exits: Exits) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add a function to the app; each of its parameters that is a settings dataclass becomes the options of its fields.

    An `Asked` in the parameter's annotation says for which fields; its default, if any, has the defaults. The
    function is called with the settings made, `SettingsError` for wrong values comes before the call. `examples` and
    `exits` end the command's help. Every command also takes `--quiet`.
    """

    def add(run: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(run, eval_str=True).parameters
        groups = {name: _group(parameter) for name, parameter in parameters.items() if _holds_settings(parameter)}

        @wraps(run)
        def from_words(*, quiet: bool, **words: Any) -> None:
            prepare_process()
            if quiet:
                be_quiet()
            made = {name: _settings(default, asked, words) for name, (default, asked) in groups.items()}
            run(**{name: made[name] if name in made else words[name] for name in parameters})

        options: list[inspect.Parameter] = []
        for name, parameter in parameters.items():
            options += list(_options(*groups[name])) if name in groups else [parameter]
        options.append(inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Quiet))
        signature = inspect.Signature([option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options])
        from_words.__signature__ = signature  # type: ignore[attr-defined]
        app.command(cls=Command, context_settings=HELP, epilog=footer(examples, exits))(from_words)
        return run

    return add


def stated(context: typer.Context) -> set[str]:
    """Return the names of the options that stand on the command line, as settings name them."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def _holds_settings(parameter: inspect.Parameter) -> bool:
    return is_dataclass((*get_args(parameter.annotation), parameter.annotation)[0])


def _group(parameter: inspect.Parameter) -> tuple[Any, Asked]:
    """Return the settings that hold the defaults of a parameter, and which of their fields are asked for."""
    kind, *notes = get_args(parameter.annotation) or (parameter.annotation,)
    default = kind() if parameter.default is parameter.empty else parameter.default
    return default, next((note for note in notes if isinstance(note, Asked)), Asked())


def _options(default: Any, asked: Asked) -> Iterator[inspect.Parameter]:
    """Yield one parameter for Typer per field that is asked for; those of settings within settings lie beside them."""
    for field in declared_fields(default.__class__):
        value = getattr(default, field.name)
        if is_dataclass(value):
            yield from _options(value, field.asked or asked)
        elif option := asked.option(field):
            yield _option(replace(field, option=option), option, value)


def _option(field: Declared, option: Option, default: Any) -> inspect.Parameter:
    """Return the parameter by which Typer asks for a field."""
    both_ways = default is True or option.both_ways
    flag = f"{field.flag}/--no-{field.flag.removeprefix('--')}" if both_ways else field.flag
    words = get_args(field.kind) if get_origin(field.kind) is Literal else ()
    plain = next((one for one in (*get_args(field.kind), field.kind) if one in (bool, *SHOWN)), str)
    kind = str | None if option.read else str if words else field.kind
    if isinstance(default, tuple):
        kind, default = list[str] | None, None
    info = typer.Option(
        *filter(None, (flag, option.short)),
        help=option.help or None,
        rich_help_panel=None if option.panel == Panel.EVERYDAY else str(option.panel),
        metavar=None if plain is bool else option.shown or "|".join(words) or SHOWN[plain],
        autocompletion=choices(words or tuple(word for word in option.shown.split("|") if word.islower())),
        parser=decimal if plain is float else None,
    )
    asked = Annotated[kind, info]  # type: ignore[valid-type]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=asked)


def choices(words: Sequence[str]) -> Callable[[str], list[str]] | None:
    """Return how a shell completes an option that takes one of some words, None where any text will do."""
    if not words:
        return None

    def fitting(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return fitting


def decimal(words: str | float) -> float:
    """Return the number that a user gives, with a decimal point or comma."""
    try:
        return number(str(words))
    except ValueError as error:
        raise typer.BadParameter(f"{words!r} is not a number, such as 0.37.") from error


def _settings(default: Any, asked: Asked, words: Mapping[str, Any]) -> Any:
    """Return the default settings with what the user said, as Typer understood it, in the fields asked for."""
    changed = {}
    for field in declared_fields(default.__class__):
        value = getattr(default, field.name)
        if is_dataclass(value):
            changed[field.name] = _settings(value, field.asked or asked, words)
        elif option := asked.option(field):
            said = words[field.name]
            if option.read:
                said = option.read(said)
            elif isinstance(value, tuple):
                said = tuple(said or value)
            changed[field.name] = said
    return replace(default, **changed)
