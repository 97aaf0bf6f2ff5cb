"""Compare what was found with acceptance limits: pass, fail, or undecided."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gdest.core import SettingsError

SCOPES = ("file", "specimen", "product", "heat", "order", "location")
"""What a limit can be restricted by; each holds a pattern with * and ?."""

ON = ("micrograph", "specimen")
G_LIMIT = re.compile(r"g\s*(>=|<=)\s*(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Limit:
    """Hold one acceptance limit: `g >= 5.0`, `g <= 8.5` or `homogeneity`, and for what it holds."""

    rule: str
    scope: tuple[tuple[str, str], ...] = ()
    on: tuple[str, ...] = ON

    @property
    def text(self) -> str:
        """Return the limit in words."""
        where = ", ".join(f"{name} {pattern}" for name, pattern in self.scope)
        what = "homogeneity uniform" if self.rule == "homogeneity" else self.rule
        return f"{what} ({where})" if where else what

    def holds_for(self, kind: str, names: Mapping[str, str]) -> bool:
        """Return whether the limit is meant for a `micrograph` or `specimen` of these names."""
        return kind in self.on and all(fnmatchcase(names.get(name, ""), pattern) for name, pattern in self.scope)


@dataclass(frozen=True)
class Found:
    """Hold what a limit looks at: the interval of G (NaN when not known), homogeneity, and if it is trusted."""

    g_low: float
    g_high: float
    homogeneity: str
    trusted: bool


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
        raise SettingsError(f'[[limit]]: rule = "{rule}" is neither "g >= 5.0", "g <= 8.5" nor "homogeneity".')
    if on is not None and on not in ON:
        raise SettingsError(f'[[limit]]: on is "micrograph" or "specimen", not "{on}".')
    scope = tuple((name, table[name]) for name in SCOPES if name in table)
    return Limit(rule, scope, (on,) if on else ON)


def judge(limit: Limit, found: Found) -> str:
    """Return `pass`, `fail`, or `undecided`: the interval straddles the limit, or nobody should trust it."""
    if not found.trusted:
        return "undecided"
    if limit.rule == "homogeneity":
        if found.homogeneity == "uniform":
            return "pass"
        return "fail" if found.homogeneity.startswith("duplex") else "undecided"
    match = G_LIMIT.fullmatch(limit.rule)
    if match is None or math.isnan(found.g_low) or math.isnan(found.g_high):
        return "undecided"
    bound = float(match[2])
    low, high = (found.g_low, found.g_high) if match[1] == ">=" else (-found.g_high, -found.g_low)
    bound = bound if match[1] == ">=" else -bound
    if low >= bound:
        return "pass"
    return "fail" if high < bound else "undecided"


def verdict(limits: Sequence[Limit], found: Found) -> tuple[str, str]:
    """Return the worst verdict of the limits and the limits that gave it; two empty texts without limits."""
    said = [(judge(limit, found), limit.text) for limit in limits]
    for worst in ("fail", "undecided", "pass"):
        texts = [text for one, text in said if one == worst]
        if texts:
            return worst, "; ".join(texts)
    return "", ""
