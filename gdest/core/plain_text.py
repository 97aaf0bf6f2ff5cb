"""Make text of others harmless: names, reasons and records may hold whatever a disk or a file lets through."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
NOT_PRINTED = re.compile(r"[^\x20-\x7e\n]")


def printable(text: str) -> str:
    r"""Return text on one line, of which no character moves the cursor, turns its direction or is unseen.

    Control and format characters, line breaks and lone surrogates become `REPLACEMENT`.

    >>> printable("a\x1b[2Jb\n.tif")
    'a�[2Jb�.tif'
    """
    return "".join(one if _is_seen(one) else REPLACEMENT for one in text)


def escaped_json(text: str) -> str:
    r"""Return JSON in which what `printable` would replace is escaped, so that it can be shown and read back.

    >>> escaped_json('"a\x9b.tif"')
    '"a\\u009b.tif"'
    """
    return NOT_PRINTED.sub(lambda found: found[0] if _is_seen(found[0]) else _escape(found[0]), text)


def stays_inside(name: str) -> bool:
    """Return whether a name, relative to a folder, is of something below it.

    >>> [stays_inside(name) for name in ("a/b..tif", "", "/a", "a/../../b")]
    [True, False, False, False]
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    path = PurePath(name)
    return bool(path.name) and not path.anchor and ".." not in path.parts and "\0" not in name


def _is_seen(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
