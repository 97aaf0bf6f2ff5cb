"""Suggest how the names of an archive tell its specimens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gdest.core import Section
from gdest.reports import read_rules

TIMES = "[xX\N{MULTIPLICATION SIGN}]"
WAYS = (
    ("heat and specimen in the name", "regex", "(?P<heat>H[0-9]+)[ _-](?P<specimen>P[0-9]+)"),
    ("the path up to the magnification in the name", "regex", rf"^(?P<specimen>.+?)[ _-]+x?[0-9]+ ?{TIMES}[^/]*$"),
    ("the folder above the one of the magnification", "regex", rf"^(?P<specimen>.+)/[^/]*[0-9] ?{TIMES}[^/]*/[^/]+$"),
    ("the folder", "folder", "parent"),
    ("the first folder below the root", "folder", "top"),
    ("the path without the number at its end", "regex", r"^(?P<specimen>.+?)[ _-]*\(?[0-9]+\)?\.[^./]+$"),
)
"""What a way is called, and its line in `[specimen]`; the more special ones come first."""

CONVINCING = 0.8
"""A way that gathers this share of the files into specimens of two or more is written as a rule, not as a comment."""


@dataclass(frozen=True)
class Idea:
    """Hold a rule for specimens, how many it makes of how many files, the share of files in groups, and examples."""

    words: str
    line: str
    specimens: int
    covered: int
    share: float
    examples: tuple[str, ...]


def specimen_ideas(names: Sequence[str]) -> list[Idea]:
    """Return the ways that gather files into at least two specimens, the best first.

    Several fields make a specimen. A way that puts each file, or all files, into one of its own tells nothing.
    """
    different: dict[object, Idea] = {}
    for words, key, value in WAYS:
        groups, idea = _idea(names, words, key, value)
        if idea.specimens > 1 and idea.share > 0:
            different.setdefault(groups, idea)  # of two ways to the same specimens the more special one
    # of convincing ways the most special one, which leaves a stray file out, is better than the folder that holds all
    return sorted(different.values(), key=lambda one: -min(one.share, CONVINCING))


def _idea(names: Sequence[str], words: str, key: str, value: str) -> tuple[tuple[object, ...], Idea]:
    """Return which files a way gathers, and the idea."""
    rule = read_rules({Section.SPECIMEN: {key: value}}, Path()).specimen
    assert rule is not None
    origins = [rule.origin(name) for name in names]
    groups = Counter((origin.heat, origin.specimen) for origin in origins if origin)
    gathered = sum(count for count in groups.values() if count > 1)
    line = f'{key} = "{value}"' if key == "folder" else f"{key} = '{value}'"
    examples = tuple(" ".join(filter(None, one)) for one, _ in groups.most_common(3))
    numbers = {one: number for number, one in enumerate(dict.fromkeys(origins))}
    idea = Idea(words, line, len(groups), sum(groups.values()), gathered / len(names), examples)
    return tuple(numbers[one] if one else None for one in origins), idea
