"""The app, and how settings become the options of a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from gdest.cli.process import prepare_process
from gdest.core import Asked, Declared, Option, declared_fields

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Grade etched-steel micrographs: ASTM grain size number G, with interval, homogeneity and heatmap.",
)

Weights = Annotated[Path | None, typer.Option(help="Weights file; without it the bundled weights.")]
Config = Annotated[Path | None, typer.Option(help="Rules of the archive, gdest.toml.")]


def command(run: Callable[..., None]) -> Callable[..., None]:
    """Add a function to the app; each of its parameters that is a settings dataclass becomes the options of its fields.

    An `Asked` in the parameter's annotation says for which fields; its default, if any, has the defaults. The
    function is called with the settings made, `SettingsError` for wrong values comes before the call.
    """
    parameters = inspect.signature(run, eval_str=True).parameters
    groups = {name: _group(parameter) for name, parameter in parameters.items() if _holds_settings(parameter)}

    @wraps(run)
    def from_words(**words: Any) -> None:
        prepare_process()
        made = {name: _settings(default, asked, words) for name, (default, asked) in groups.items()}
        run(**{name: made[name] if name in made else words[name] for name in parameters})

    options: list[inspect.Parameter] = []
    for name, parameter in parameters.items():
        options += list(_options(*groups[name])) if name in groups else [parameter]
    signature = inspect.Signature([option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options])
    from_words.__signature__ = signature  # type: ignore[attr-defined]
    app.command()(from_words)
    return run


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
    both_ways = default is True or option.both_ways
    flag = f"{field.flag}/--no-{field.flag.removeprefix('--')}" if both_ways else field.flag
    kind = str | None if option.read else str if get_origin(field.kind) is Literal else field.kind
    if isinstance(default, tuple):
        kind, default = list[str] | None, None
    asked = Annotated[kind, typer.Option(flag, help=option.help or None)]  # type: ignore[valid-type]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=asked)


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
