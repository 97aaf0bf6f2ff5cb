"""Name labelled micrographs that gdest holds back from grading, and why, in few lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gdest.core import Status, how_many, named, warn
from gdest.training.measuring import Measured

FIGURES = re.compile(r"-?\d+(\.\d+)?")
CONTRADICTION = "estimate and count contradict each other"
"""The doubt that calibrating may take away, since it moves the two and their intervals."""


def with_grains(measured: Sequence[Measured]) -> list[Measured]:
    """Return those in which metal and its grains are seen; warn of the others, which are left out."""
    bare = [one.item.file.name for one in measured if one.row.shows_no_metal]
    if bare:
        left_out = f"{len(bare)} of {how_many(len(measured), 'micrograph')} left out"
        warn(f"{left_out}, since no metal, or no grain structure, can be seen: {named(bare)}.")
    return [one for one in measured if not one.row.shows_no_metal]


def warn_of_review(measured: Sequence[Measured]) -> None:
    """Warn of those that are in review, a line for each first doubt, and that calibrating leaves the judge as it is."""
    kinds: dict[str, list[str]] = {}
    for one in measured:
        if one.row.status == Status.REVIEW:
            kinds.setdefault(first_doubt(one.row.reason), []).append(one.item.file.name)
    if not kinds:
        return
    number = sum(map(len, kinds.values()))
    held = f"{number} of {how_many(len(measured), 'micrograph')} {'is' if number == 1 else 'are'} in review"
    warn(f"{held}, also with the new weights, which judge as before:")
    for kind, names in kinds.items():
        passing = " (this may pass with the new weights)" if kind == CONTRADICTION else ""
        warn(f"  {kind}{passing}: {named(names)}")


def first_doubt(reason: str) -> str:
    """Return the first doubt of a reason without its figures, so that it is the same of many micrographs.

    >>> first_doubt("only 3 of 12 tiles show metal only; saturated: 9 % of the pixels are black or white, limit 5 %")
    'only ... of ... tiles show metal only'
    """
    return FIGURES.sub("...", re.split(r"; | \(|: ", reason, maxsplit=1)[0])
