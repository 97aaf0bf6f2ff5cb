"""Declare an option once: type, default, help, flag and check stand with the settings field that it fills.

    stride_px: Annotated[int, Option("Distance between tiles in px.", between(1, 224), flag="--stride")] = 224

A field of type `Literal` allows its words and needs no check. What concerns several fields is checked by the
settings themselves. `gdest.cli.options` makes the command line from these declarations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from gdest.core.errors import SettingsError


@dataclass(frozen=True)
class Check:
    """Hold what a value must satisfy, and the rest of the sentence that begins with its option."""

    holds: Callable[[Any], bool]
    sentence: str


POSITIVE = Check(lambda value: value > 0, "must be positive")
POSITIVE_NUMBER = Check(lambda value: 0 < value < math.inf, "must be a positive number")
SHARE = Check(lambda value: 0 < value < 1, "must be more than 0 and less than 1")
SHARE_OR_NONE = Check(lambda value: 0 <= value < 1, "must be at least 0 and less than 1")


def at_least(least: int) -> Check:
    """Return the check of a number that has a lower end only."""
    return Check(lambda value: value >= least, f"must be at least {least}" if least else "must not be negative")


def between(least: float, most: float) -> Check:
    """Return the check of a number in a range, both ends included."""
    return Check(lambda value: least <= value <= most, f"must be in {least:g}..{most:g}")


class Panel(StrEnum):
    """Name the panels of `--help`, in which options stand that go together."""

    EVERYDAY = "Options"
    PIXEL_SIZE = "Pixel size"
    SELECTION = "Which files"
    SPEED = "Speed and limits"
    NIGHTLY = "Nightly and on several machines"
    TRAINING = "How it learns"
    DRAWING = "Micrographs drawn while it trains"
    PAPER = "The paper's comparisons"


@dataclass(frozen=True)
class Option:
    """Say how the command line asks for a field.

    `flag` is the option's name where it differs from the field's, `short` its letter. `read` makes the value from the
    text that the user gives (a list of texts for a tuple), or from None when there is none. `speed_only` options change
    how fast an answer comes, not which. A switch that is `both_ways` has its `--no-` form though it is off by default.
    `panel` is where `--help` shows it; `shown` is what stands for the value there, by its type where it is empty.
    """

    help: str = ""
    check: Check | None = None
    flag: str = ""
    short: str = ""
    panel: Panel = Panel.EVERYDAY
    shown: str = ""
    read: Callable[[Any], Any] | None = None
    speed_only: bool = False
    both_ways: bool = False


@dataclass(frozen=True)
class Asked:
    """Say which fields of some settings a command asks for, all of them unless `only` or `without` names some.

    Those in `reworded` are asked for too, under another help or flag; their checks are those of the settings.
    """

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    reworded: Mapping[str, Option] = field(default_factory=dict)

    def option(self, declared: Declared) -> Option | None:
        """Return the option that asks for a field, None for a field that is not asked for."""
        name = declared.name
        if name in self.without or (self.only and name not in {*self.only, *self.reworded}):
            return None
        return self.reworded.get(name, declared.option)


@dataclass(frozen=True)
class Declared:
    """Hold what a settings field declares: its name, its type, and what stands in its `Annotated`."""

    name: str
    kind: Any
    option: Option | None = None
    check: Check | None = None
    asked: Asked | None = None

    @property
    def flag(self) -> str:
        """Return what the user knows the field by: its option, or its own name where there is none."""
        if self.option is None:
            return self.name
        return self.option.flag or "--" + self.name.replace("_", "-")


@cache
def declared_fields(settings: type) -> tuple[Declared, ...]:
    """Return what the fields of a settings dataclass declare, in their order."""
    hints = get_type_hints(settings, include_extras=True)
    return tuple(_declared(one.name, hints[one.name]) for one in fields(settings))


def _declared(name: str, hint: Any) -> Declared:
    if get_origin(hint) is not Annotated:
        return Declared(name, hint)
    kind, *notes = get_args(hint)
    option = next((note for note in notes if isinstance(note, Option)), None)
    check = next((note for note in notes if isinstance(note, Check)), option.check if option else None)
    return Declared(name, kind, option, check, next((note for note in notes if isinstance(note, Asked)), None))


def check_fields(settings: object) -> None:
    """Raise `SettingsError` for the first field with a value that its type or its check does not allow."""
    kind: type = type(settings)
    for declared in declared_fields(kind):
        value = getattr(settings, declared.name)
        words = get_args(declared.kind) if get_origin(declared.kind) is Literal else ()
        if words and value not in words:
            raise SettingsError(f"{declared.flag} is {', '.join(words[:-1])} or {words[-1]}.")
        if value is not None and declared.check is not None and not declared.check.holds(value):
            raise SettingsError(f"{declared.flag} {declared.check.sentence}.")
