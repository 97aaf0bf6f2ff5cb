"""Read magnifications in the names of files, folders and objectives."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

NUMBER = r"([0-9]{1,5}(?:[.,][0-9]+)?)"
TIMES = r"[x\N{MULTIPLICATION SIGN}]"

SIZE = re.compile(rf"(?<![0-9a-z.,])[0-9]+(?:(?:{TIMES}| {TIMES} )[0-9]+)+", re.I)
"""`1280x960` and `1280 x 960` are sizes of pictures."""

MAGNIFICATION = re.compile(
    rf"(?<![0-9a-z.,:])(?:{NUMBER} ?{TIMES}(?![0-9a-z])|{NUMBER}:1(?![0-9])|{TIMES}{NUMBER}(?![0-9a-z]))", re.I
)
"""`200x`, `_500X`, `50,5x`, `200 x`, `200:1` and `x200` as words of their own."""

LEAST_AFTER_X = 10.0
"""`x2` counts specimens or pictures; objectives that are written so begin at `x10`."""


def magnifications_in(text: str) -> tuple[float, ...]:
    """Return the magnifications that a text states, ascending, each once.

    >>> magnifications_in("plate 2, 200x, 1280x960"), magnifications_in("x200 and 500:1")
    ((200.0,), (200.0, 500.0))
    """
    found = set()
    for behind, ratio, before in MAGNIFICATION.findall(SIZE.sub(" ", text.replace("_", " "))):
        number = float((behind or ratio or before).replace(",", "."))
        if number > 0 and (not before or number >= LEAST_AFTER_X):
            found.add(number)
    return tuple(sorted(found))


def magnification_of_name(name: str) -> tuple[float | None, str]:
    """Return the magnification that a file's name states, else its nearest folder's, and what contradicts it.

    The contradiction is a phrase, empty where there is none. A name with several magnifications states none.
    """
    path = PurePosixPath(name)
    parts = [found for part in (path.stem, *reversed(path.parts[:-1])) if (found := magnifications_in(part))]
    if not parts:
        return None, ""
    stated = sorted({number for part in parts for number in part})
    several = f"its name says {in_words(stated)}" if len(stated) > 1 else ""
    return (parts[0][0] if len(parts[0]) == 1 else None), several


def in_words(magnifications: list[float] | tuple[float, ...]) -> str:
    """Return magnifications as a person writes them.

    >>> in_words((200.0, 500.0))
    '200x and 500x'
    """
    words = [f"{number:g}x" for number in magnifications]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
