"""Compare what was found with acceptance limits: pass, fail, or undecided."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from gdest.core import SettingsError

SCOPES = ("file", "specimen", "product", "heat", "order", "location")
"""Names by which a limit can be restricted, each to a pattern with * and ?."""

ON = ("micrograph", "specimen")
NUMBERS = ("g", "g_counted", "g_largest_grain")
"""The columns that a limit can be on."""

G_LIMIT = re.compile(rf"({'|'.join(NUMBERS)})\s*(>=|<=)\s*(-?\d+(?:\.\d+)?)")


class Verdict(StrEnum):
    """Name what limits can say of a micrograph or a specimen."""

    PASS = "pass"
    UNDECIDED = "undecided"
    FAIL = "fail"


@dataclass(frozen=True)
class Limit:
    """Hold one acceptance limit, `g >= 5.0`, `g_counted <= 8.5` or `homogeneity`, and what it applies to."""

    rule: str
    scope: tuple[tuple[str, str], ...] = ()
    on: tuple[str, ...] = ON

    @property
    def needs_count(self) -> bool:
        """Return whether only `--count` gives what the limit looks at."""
        match = G_LIMIT.fullmatch(self.rule)
        return match is not None and match[1] != "g"

    @property
    def sentence(self) -> str:
        """Return the limit in words."""
        where = ", ".join(f"{name} {pattern}" for name, pattern in self.scope)
        what = "homogeneity uniform" if self.rule == "homogeneity" else self.rule
        return f"{what} ({where})" if where else what

    def holds_for(self, kind: str, names: Mapping[str, str]) -> bool:
        """Return whether the limit applies to a `micrograph` or `specimen` of these names."""
        return kind in self.on and all(fnmatchcase(names.get(name, ""), pattern) for name, pattern in self.scope)


@dataclass(frozen=True)
class Found:
    """Hold what a limit looks at: intervals (low, high), NaN when unknown, homogeneity, whether all are trusted.

    `g_low`..`g_high` is that of G, `counted` that of g_counted. `largest` is g_largest_grain twice, or from minus
    infinity where a part that was not counted may hold a larger grain.
    """

    g_low: float
    g_high: float
    homogeneity: str
    trusted: bool
    counted: tuple[float, float] = (math.nan, math.nan)
    largest: tuple[float, float] = (math.nan, math.nan)

    def interval(self, number: str) -> tuple[float, float]:
        """Return the interval of one of `NUMBERS`."""
        return {"g": (self.g_low, self.g_high), "g_counted": self.counted, "g_largest_grain": self.largest}[number]


def read_limits(sections: Any) -> tuple[Limit, ...]:
    """Return the limits of the `[[limit]]` tables; raise `SettingsError` with one sentence."""
    if sections is None:
        return ()
    if not isinstance(sections, list) or not all(isinstance(one, dict) for one in sections):
        raise SettingsError("Limits are written as [[limit]], with double brackets.")
    return tuple(_limit(one) for one in sections)


def _limit(table: Mapping[str, Any]) -> Limit:
    known = {"rule", "on", *SCOPES}
    for name, value in table.items():
        if name not in known or not isinstance(value, str):
            raise SettingsError(f"[[limit]]: {name} is not known or not text; known are {', '.join(sorted(known))}.")
    rule, on = str(table.get("rule", "")).strip(), table.get("on")
    if rule != "homogeneity" and not G_LIMIT.fullmatch(rule):
        raise SettingsError(
            f'[[limit]]: rule = "{rule}" is neither "g >= 5.0", "g <= 8.5" nor "homogeneity"; '
            "g_counted and g_largest_grain may stand for g."
        )
    if on is not None and on not in ON:
        raise SettingsError(f'[[limit]]: on is "micrograph" or "specimen", not "{on}".')
    scope = tuple((name, table[name]) for name in SCOPES if name in table)
    return Limit(rule, scope, (on,) if on else ON)


def compare(limit: Limit, found: Found) -> Verdict:
    """Return the verdict of one limit; undecided where the interval straddles the limit or is not to be trusted."""
    if not found.trusted:
        return Verdict.UNDECIDED
    if limit.rule == "homogeneity":
        return _compare_homogeneity(found.homogeneity)
    match = G_LIMIT.fullmatch(limit.rule)
    if match is None:
        return Verdict.UNDECIDED
    low, high = found.interval(match[1])
    if math.isnan(low) or math.isnan(high):
        return Verdict.UNDECIDED
    bound = float(match[3])
    if match[2] == ">=":
        passes, fails = low >= bound, high < bound
    else:
        passes, fails = high <= bound, low > bound
    if passes:
        return Verdict.PASS
    return Verdict.FAIL if fails else Verdict.UNDECIDED


def _compare_homogeneity(homogeneity: str) -> Verdict:
    if homogeneity == "uniform":
        return Verdict.PASS
    return Verdict.FAIL if homogeneity.startswith("duplex") else Verdict.UNDECIDED


def verdict(limits: Sequence[Limit], found: Found) -> tuple[Verdict | None, str]:
    """Return the worst verdict of the limits and the limits that gave it; None and an empty text without limits."""
    said = [(compare(limit, found), limit.sentence) for limit in limits]
    for worst in (Verdict.FAIL, Verdict.UNDECIDED, Verdict.PASS):
        sentences = [sentence for one, sentence in said if one == worst]
        if sentences:
            return worst, "; ".join(sentences)
    return None, ""
