"""Make names of files that every disk takes out of names that are too long, each still told from the others."""

from __future__ import annotations

import errno
import hashlib
import re
from fnmatch import fnmatchcase
from unicodedata import normalize

LONGEST_NAME = 255
"""Bytes of a name on the disks of Linux and macOS; those of Windows count fewer."""

HASH_DIGITS = 16
HASHED = re.compile(f"~[0-9a-f]{{{HASH_DIGITS}}}$")

OF_A_NAME = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.EILSEQ, errno.EINVAL)
"""What a system answers that cannot hold a file of this name here, where another's it can."""

FOR_EVER = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)
"""Those of them that come from the name alone, and not from what lies in its place."""


def fitting_name(stem: str, suffix: str) -> str:
    """Return the name of a file, `stem` and `suffix`; a stem that is too long is cut, and its hash added.

    >>> fitting_name("a.tif", ".png"), len(fitting_name("a" * 252, ".png"))
    ('a.tif.png', 255)
    """
    is_short = len(_bytes(stem)) + len(_bytes(suffix)) <= LONGEST_NAME
    return f"{stem}{suffix}" if is_short and not HASHED.search(stem) else hashed_name(stem, suffix)


def hashed_name(stem: str, suffix: str) -> str:
    """Return the name of a file that holds the hash of its stem, so that no other stem has it."""
    ending = f"~{hashlib.sha256(_bytes(stem)).hexdigest()[:HASH_DIGITS]}{suffix}"
    beginning = _bytes(stem)[: LONGEST_NAME - len(_bytes(ending))].decode("utf-8", "ignore")
    return f"{beginning}{ending}"


def fits(name: str, glob: str) -> bool:
    """Return whether a name fits a glob, upper and lower case told apart; accents may be composed or not in either.

    Macs write names with the accents apart (NFD), other systems as one letter with them (NFC).

    >>> fits("u\u0308/1.tif", "\u00fc/*"), fits("u/1.tif", "\u00fc/*")
    (True, False)
    """
    return fnmatchcase(name, glob) or fnmatchcase(normalize("NFC", name), normalize("NFC", glob))


def in_other_forms(name: str) -> tuple[str, ...]:
    """Return a name, and then as it is with its accents composed and apart."""
    return tuple(dict.fromkeys((name, normalize("NFC", name), normalize("NFD", name))))


def is_of_a_name(error: BaseException | None) -> bool:
    """Return whether an error of the system comes from the name of one file, so that others can be written."""
    return isinstance(error, OSError) and error.errno in OF_A_NAME


def is_of_a_name_for_ever(error: BaseException | None) -> bool:
    """Return whether this disk can never hold a file of this name, so that trying again is no use."""
    return isinstance(error, OSError) and error.errno in FOR_EVER


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
