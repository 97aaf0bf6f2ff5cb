"""Write numbers with as many digits as tell them apart, and counts with what is counted."""

from __future__ import annotations

import math

MOST_DIGITS = 6


def told_apart(*numbers: float, digits: int = 1) -> tuple[str, ...]:
    """Return numbers as text with so many decimals, or with more where different ones would read the same.

    >>> told_apart(0.62, 0.58), told_apart(7.0, 5.0)
    (('0.62', '0.58'), ('7.0', '5.0'))
    """
    known = {round(number, MOST_DIGITS) for number in numbers if math.isfinite(number)}
    while digits < MOST_DIGITS and len({f"{number:.{digits}f}" for number in known}) < len(known):
        digits += 1
    return tuple(f"{number:.{digits}f}" for number in numbers)


def how_many(count: int, what: str) -> str:
    """Return a count with its noun.

    >>> how_many(1, "file"), how_many(0, "file")
    ('1 file', '0 files')
    """
    return f"{count} {what}{'' if count == 1 else 's'}"


def in_whole(number: float) -> int:
    """Return the nearest whole number of what is not negative, halves up as a workbook shows them.

    >>> in_whole(150.5), in_whole(151.5)
    (151, 152)
    """
    return int(number + 0.5)
