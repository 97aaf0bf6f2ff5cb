"""Read the acceptance limits of gdest.toml, and tell what each of them applies to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from gdest.core import SettingsError, fits

SCOPES = ("file", "specimen", "product", "heat", "order", "location")
"""Names by which a limit can be restricted, each to a pattern with * and ?."""

ON = ("micrograph", "specimen")
NUMBERS = ("g", "g_counted", "g_largest_grain")
"""The grain size numbers that a limit can be on."""

ACCURACIES = ("relative_accuracy", "relative_accuracy_counted")
"""The relative accuracies, %RA, that a limit can be on; a micrograph has the counted one only."""

CALLED = {
    "g": "G",
    "g_counted": "G counted",
    "g_largest_grain": "G of the largest grain",
    "relative_accuracy": "%RA",
    "relative_accuracy_counted": "%RA of the count",
}
"""What people call the columns that a limit can be on."""

RULE = re.compile(
    rf"({'|'.join(NUMBERS)})\s*(>=|<=)\s*(-?\d+(?:\.\d+)?)|({'|'.join(ACCURACIES)})\s*(<=)\s*(\d+(?:\.\d+)?)"
)


class Verdict(StrEnum):
    """Name what limits can say of a micrograph or a specimen."""

    PASS = "pass"
    UNDECIDED = "undecided"
    FAIL = "fail"


class Bound(NamedTuple):
    """Hold what a rule compares: a column, `>=` or `<=`, and the bound."""

    column: str
    sign: str
    bound: float


@dataclass(frozen=True)
class Limit:
    """Hold one acceptance limit, such as `g >= 5.0`, `relative_accuracy <= 10` or `homogeneity`, and its scope.

    `beyond` is the verdict of a relative accuracy that is worse than its limit.
    """

    rule: str
    scope: tuple[tuple[str, str], ...] = ()
    on: tuple[str, ...] = ON
    beyond: Verdict = Verdict.UNDECIDED

    @property
    def compares(self) -> Bound | None:
        """Return what the rule compares, None for `homogeneity`."""
        match = RULE.fullmatch(self.rule)
        if match is None:
            return None
        column, sign, bound = (part for part in match.groups() if part is not None)
        return Bound(column, sign, float(bound))

    @property
    def needs_count(self) -> bool:
        """Return whether only `--count` gives what the limit looks at."""
        return self.compares is not None and self.compares.column not in ("g", "relative_accuracy")

    @property
    def sentence(self) -> str:
        """Return the limit in words."""
        where = ", ".join(f"{name} {pattern}" for name, pattern in self.scope)
        what, compares = "homogeneity uniform" if self.rule == "homogeneity" else self.rule, self.compares
        if compares is not None:
            what = f"{CALLED[compares.column]}{self.rule.removeprefix(compares.column)}"
        what += f", beyond it {self.beyond}" if self.beyond != Verdict.UNDECIDED else ""
        return f"{what} ({where})" if where else what

    def holds_for(self, kind: str, names: Mapping[str, object]) -> bool:
        """Return whether the limit applies to a `micrograph` of these names, or to a `specimen` with such a field."""
        return kind in self.on and all(fits(str(names.get(name) or ""), pattern) for name, pattern in self.scope)


def read_limits(sections: Any) -> tuple[Limit, ...]:
    """Return the limits of the `[[limit]]` tables; raise `SettingsError` with one sentence."""
    if sections is None:
        return ()
    if not isinstance(sections, list) or not all(isinstance(one, dict) for one in sections):
        raise SettingsError("Limits are written as [[limit]], with double brackets.")
    return tuple(_limit(one) for one in sections)


def _limit(table: Mapping[str, Any]) -> Limit:
    known = {"rule", "on", "beyond", *SCOPES}
    for name, value in table.items():
        if name not in known or not isinstance(value, str):
            raise SettingsError(f"[[limit]]: {name} is not known or not text; known are {', '.join(sorted(known))}.")
    rule, on = _plain(str(table.get("rule", ""))), table.get("on")
    limit = Limit(rule, tuple((name, table[name]) for name in SCOPES if name in table))
    if rule != "homogeneity" and limit.compares is None:
        raise SettingsError(
            f'[[limit]]: rule = "{table.get("rule", "").strip()}" is neither "g >= 5.0", "g <= 8.5", '
            '"relative_accuracy <= 10" nor "homogeneity"; g_counted and g_largest_grain may stand for g, '
            "relative_accuracy_counted for the third."
        )
    if on is not None and on not in ON:
        raise SettingsError(f'[[limit]]: on is "micrograph" or "specimen", not "{on}".')
    return Limit(rule, limit.scope, _kinds(limit, on), _beyond(limit, table.get("beyond")))


def _plain(rule: str) -> str:
    """Return a rule as it is kept: E112 writes a capital G, and people write signs and decimal commas of their own.

    >>> _plain(" G \u2265 5,5 ")
    'g >= 5.5'
    """
    return re.sub(r"(?<=\d),(?=\d)", ".", rule.strip().lower().replace("\u2265", ">=").replace("\u2264", "<="))


def _kinds(limit: Limit, on: str | None) -> tuple[str, ...]:
    """Return what a limit is on: a micrograph has no relative accuracy over fields."""
    if limit.compares is None or limit.compares.column != "relative_accuracy":
        return (on,) if on else ON
    if on == "micrograph":
        raise SettingsError(
            '[[limit]]: relative_accuracy is that of a specimen\'s fields; write on = "specimen", '
            "or relative_accuracy_counted."
        )
    return ("specimen",)


def _beyond(limit: Limit, beyond: str | None) -> Verdict:
    if beyond is None:
        return Verdict.UNDECIDED
    if limit.compares is None or limit.compares.column not in ACCURACIES:
        raise SettingsError("[[limit]]: beyond belongs to a limit on relative_accuracy or relative_accuracy_counted.")
    if beyond not in (Verdict.UNDECIDED, Verdict.FAIL):
        raise SettingsError(f'[[limit]]: beyond is "undecided" or "fail", not "{beyond}".')
    return Verdict(beyond)
