"""Compare what was found with acceptance limits: pass, fail, or undecided, and say what was found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gdest.core import is_duplex, told_apart
from gdest.reports.limits import ACCURACIES, CALLED, Bound, Limit, Verdict

NOT_AGAINST = ("uniform", "unknown", "")
"""What the count may say of homogeneity where the estimate says uniform; the grains alone seldom tell."""

ONE_G = ("g", "g_counted")
"""The numbers that stand for a whole field, of which a mixed one has more than one."""


@dataclass(frozen=True)
class Number:
    """Hold a number and the interval that limits compare; `level` says which interval.

    An end is NaN where it is not known: the other alone may pass or fail a limit. `no_interval` may say why both are.
    """

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    level: str = ""
    no_interval: str = ""


@dataclass(frozen=True)
class Found:
    """Hold what limits look at: numbers by their columns, and what is said of homogeneity.

    `homogeneity_counted` is empty where too few grains close. `distrusted` says why nothing can be decided, empty for
    what is graded. The lower end of g_largest_grain is minus infinity where a part that was not counted may hold a
    larger grain.
    """

    numbers: Mapping[str, Number] = field(default_factory=dict)
    homogeneity: str = "unknown"
    homogeneity_counted: str = ""
    distrusted: str = ""

    @property
    def mixed(self) -> str:
        """Return which homogeneity says that grains of several sizes lie side by side; empty where none does."""
        if is_duplex(self.homogeneity):
            return f"homogeneity is {self.homogeneity}"
        return f"by the count homogeneity is {self.homogeneity_counted}" if is_duplex(self.homogeneity_counted) else ""


class Finding(NamedTuple):
    """Hold the verdict of one limit, and what was found, in words."""

    verdict: Verdict
    words: str


def judge(limit: Limit, found: Found) -> Finding:
    """Return the verdict of one limit; undecided where what it looks at is not known, or not sure enough."""
    if found.distrusted:
        return Finding(Verdict.UNDECIDED, found.distrusted)
    compares = limit.compares
    if compares is None:
        return _judge_homogeneity(found) if limit.rule == "homogeneity" else Finding(Verdict.UNDECIDED, limit.rule)
    number = found.numbers.get(compares.column, Number())
    if compares.column in ACCURACIES:
        return _judge_accuracy(compares, number.value, limit.beyond)
    if compares.column in ONE_G and found.mixed:
        return Finding(Verdict.UNDECIDED, f"{found.mixed}, and one {CALLED[compares.column]} says little of it")
    return _judge_number(compares, number)


def _judge_homogeneity(found: Found) -> Finding:
    if is_duplex(found.homogeneity):
        return Finding(Verdict.FAIL, f"homogeneity is {found.homogeneity}, must be uniform")
    if found.homogeneity != "uniform":
        return Finding(Verdict.UNDECIDED, f"homogeneity is {found.homogeneity}, must be uniform")
    if found.homogeneity_counted not in NOT_AGAINST:
        counted = f"by the count {found.homogeneity_counted}"
        return Finding(Verdict.UNDECIDED, f"homogeneity is uniform, but {counted}; both must be uniform")
    return Finding(Verdict.PASS, "homogeneity is uniform")


def _judge_accuracy(compares: Bound, accuracy: float, beyond: Verdict) -> Finding:
    called = CALLED[compares.column]
    if math.isnan(accuracy):
        return Finding(Verdict.UNDECIDED, f"{called} is not known")
    said, bound = told_apart(accuracy, compares.bound)
    if accuracy <= compares.bound:
        return Finding(Verdict.PASS, f"{called} {said} is at most {bound}")
    return Finding(beyond, f"{called} {said} is above {bound}")


def _judge_number(compares: Bound, number: Number) -> Finding:
    called, bound, (low, high) = CALLED[compares.column], compares.bound, (number.low, number.high)
    if math.isnan(low) and math.isnan(high):
        return Finding(Verdict.UNDECIDED, f"{called} {_without_interval(number)}")
    said, limit = _said(number, bound)
    if compares.sign == ">=":  # never true of an end that is not known
        passes, fails, good, bad = low >= bound, high < bound, "at least", "below"
    else:
        passes, fails, good, bad = high <= bound, low > bound, "at most", "above"
    if passes:
        return Finding(Verdict.PASS, f"{called} {said} is {good} {limit}")
    if fails:
        return Finding(Verdict.FAIL, f"{called} {said} is {bad} {limit}")
    if math.isinf(low):
        return Finding(Verdict.UNDECIDED, f"{called} {said}, and what was not counted may hold a larger one")
    return Finding(Verdict.UNDECIDED, f"{called} {said} may be {bad} {limit}")


def _without_interval(number: Number) -> str:
    if math.isnan(number.value):
        return "is not known"
    return f"{number.value:.1f}: {number.no_interval}" if number.no_interval else f"{number.value:.1f} has no interval"


def _said(number: Number, bound: float) -> tuple[str, str]:
    """Return a number with its interval as text, and the bound, with the digits that tell them apart."""
    known = [end for end in (number.low, number.high) if not math.isnan(end)]
    value, *ends, limit = told_apart(number.value, *known, bound)
    if math.isinf(number.low) or number.low == number.high:
        return value, limit
    interval = "..".join(ends)
    if len(ends) == 1:
        interval = f"up to {interval}" if math.isnan(number.low) else f"{interval} and more"
    return f"{value} ({interval}{f', {number.level}' if number.level else ''})", limit


def verdict(findings: Sequence[Finding]) -> tuple[Verdict | None, str]:
    """Return the worst verdict and what gave it; None and an empty text where no limit applies."""
    for worst in (Verdict.FAIL, Verdict.UNDECIDED, Verdict.PASS):
        words = [finding.words for finding in findings if finding.verdict == worst]
        if words:
            return worst, "; ".join(dict.fromkeys(words))
    return None, ""
