"""Read the JSON of a model card, of which every number is checked: a weights file may come from anywhere."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeGuard, get_args

from gdest.core.words import Backbone, Head, NetworkInput, Task

Curve = tuple[tuple[float, float], ...]

LONGEST_JSON = 1_000_000
MOST_POINTS = 10_000
G_RANGE = (-20.0, 40.0)
"""G beyond these is no grain's: from metres to molecules."""

UM_PER_PX = (1e-3, 1e3)
LARGEST_IN_G = 20.0
"""The most that a correction, a half-width or a scatter can be."""

LARGEST_LIMIT = 1e6
TILE_PX = (32, 4096)
WORDS = {"backbone": Backbone, "head": Head, "task": Task, "input": NetworkInput}
MOST_DEGREES = 1e6
"""Of freedom: as many as there are fields."""


def read_card(text: str, known: Mapping[str, object], limits: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of a card, ready for its constructor; raise `ValueError` with a phrase for an impossible one.

    `known` are all fields with their defaults, which stand for those that are missing; `limits` the doubts that a card
    may limit.
    """
    if len(text) > LONGEST_JSON:
        raise ValueError("it is too long")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(raw, dict):
        raise ValueError("it is not an object")
    if foreign := sorted(set(raw) - set(known)):
        raise ValueError(f"unknown: {_short(foreign[0])}")
    card = {name: raw.get(name, default) for name, default in known.items()}
    found = {name: _field(name, value, limits) for name, value in card.items()}
    _check_together(found)
    return found


def _field(name: str, value: object, limits: tuple[str, ...]) -> Any:
    """Return one field in the type of the card; raise `ValueError` for an impossible value."""
    if name in WORDS:
        return _word(name, value, get_args(WORDS[name]))
    readers: dict[str, Callable[[], Any]] = {
        "classes": lambda: _numbers(name, value, *G_RANGE),
        "um_per_px": lambda: _number(name, value, *UM_PER_PX),
        "g_min": lambda: _number(name, value, *G_RANGE),
        "g_max": lambda: _number(name, value, *G_RANGE),
        "tile_px": lambda: _whole(name, value, *TILE_PX),
        "correction": lambda: _curve(name, value, -LARGEST_IN_G),
        "interval": lambda: _curve(name, value, 0.0),
        "tile_scatter": lambda: _curve(name, value, 0.0),
        "limits": lambda: _limits(value, limits),
        "training": lambda: _texts(name, value),
        "errors": lambda: _errors(value),
        "boundaries": lambda: _word(name, value, (True, False)),
        "int8_limits": lambda: _numbers(name, value, 0.0, math.inf, positive=True),
        "int8_g_gap": lambda: None if value is None else _number(name, value, 0.0, LARGEST_IN_G),
        "counting": lambda: _curves(value),
        "informed_interval": lambda: _curve(name, value, 0.0),
        "informed_scale": lambda: _curve(name, value, 0.0),
        "own_scatter": lambda: _scatters(value),
    }
    return readers[name]() if name in readers else _text(name, value)


def _check_together(card: Mapping[str, Any]) -> None:
    if card["g_min"] >= card["g_max"]:
        raise ValueError("g_min must be below g_max")
    if bool(card["int8_limits"]) != (card["int8_g_gap"] is not None):
        raise ValueError("int8_limits and int8_g_gap go together")
    if list(card["classes"]) != sorted(set(card["classes"])):
        raise ValueError("classes must ascend")


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value of JSON is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _number(name: str, value: object, least: float, most: float) -> float:
    if not is_number(value) or not least <= value <= most:
        raise ValueError(f"{name} must be a number in {least:g}..{most:g}")
    return float(value)


def _whole(name: str, value: object, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number in {least}..{most}")
    return value


def _numbers(name: str, value: object, least: float, most: float, *, positive: bool = False) -> tuple[float, ...]:
    rows = _rows(name, value)
    if not all(is_number(one) and least <= one <= most and (one > 0 or not positive) for one in rows):
        raise ValueError(f"{name} must be {'positive numbers' if positive else f'numbers in {least:g}..{most:g}'}")
    return tuple(map(float, rows))


def _curve(name: str, value: object, least: float) -> Curve:
    """Return rows of (G, number in G) whose first numbers ascend."""
    points = _rows(name, value)
    for point in points:
        if not isinstance(point, list | tuple) or len(point) != 2 or not all(map(is_number, point)):
            raise ValueError(f"{name} must be rows of two numbers")
        _number(f"each G of {name}", point[0], *G_RANGE)
        _number(f"each value of {name}", point[1], least, LARGEST_IN_G)
    curve = tuple((float(at), float(number)) for at, number in points)
    if any(after[0] < before[0] for before, after in pairwise(curve)):
        raise ValueError(f"the first numbers of {name} must ascend")
    return curve


def _curves(value: object) -> dict[str, Curve]:
    curves = {
        name: _curve(f"counting {_short(name)}", curve, -LARGEST_IN_G) for name, curve in _items("counting", value)
    }
    if any(number < 0 for _, number in curves.get("interval", ())):
        raise ValueError("counting 'interval' must not be negative")
    return curves


def _scatters(value: object) -> dict[str, tuple[float, float]]:
    found = {}
    for name, pair in _items("own_scatter", value):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError("own_scatter must hold two numbers each")
        scatter = _number("each own_scatter", pair[0], 0.0, LARGEST_IN_G)
        found[name] = (scatter, _number("each own_scatter", pair[1], 0.0, MOST_DEGREES))
    return found


def _limits(value: object, known: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for name, limit in _items("limits", value):
        if name not in known:
            raise ValueError(f"unknown limit {_short(name)}")
        found[name] = _number(f"limit {_short(name)}", limit, -LARGEST_LIMIT, LARGEST_LIMIT)
    return found


def _errors(value: object) -> dict[str, float]:
    """Return figures for people, some of which may not be known: NaN."""
    found = {}
    for name, number in _items("errors", value):
        if not is_number(number) and not (isinstance(number, float) and math.isnan(number)):
            raise ValueError(f"error {_short(name)} must be a number")
        found[name] = float(number)
    return found


def _texts(name: str, value: object) -> dict[str, str]:
    return {key: _text(name, text) for key, text in _items(name, value)}


def _items(name: str, value: object) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object")
    return list(value.items())


def _rows(name: str, value: object) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{name} must be a list")
    if len(value) > MOST_POINTS:
        raise ValueError(f"{name} is too long")
    return value


def _word(name: str, value: object, words: tuple[Any, ...]) -> Any:
    if not any(type(value) is type(word) and value == word for word in words):
        raise ValueError(f"{name} must be one of {', '.join(str(word).lower() for word in words)}")
    return value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text")
    return value


def _short(name: str) -> str:
    """Return a name from a foreign file as a message may quote it."""
    return ascii(name[:40])
