"""Read `gdest.toml`, where an archive's rules stand; each section is understood by the room it is for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from gdest.core.errors import SettingsError
from gdest.core.tables import read_text

SLASHES = "Write paths with / between folders."
OF_BACKSLASHES = ("escape", "\\", "hex value")
"""What the errors of tomllib say where a path of Windows stands in double quotes."""

DECIMAL_POINT = "Numbers are written with a decimal point, such as 0.3698."
DECIMAL_COMMA = re.compile(r"=\s*[+-]?\d+,\d")

OF_PATHS = frozenset({"glob", "file", "csv", "template", "fonts"})
"""The keys, of any section, whose text is a path or a glob of paths."""


class Section(StrEnum):
    """Name the sections that some room understands; any other is a mistake that must not pass silently."""

    CERTIFICATE = "certificate"
    CROP = "crop"
    LIMIT = "limit"
    OBJECTIVE = "objective"
    PIXEL_SIZE = "pixel_size"
    REPORTS = "reports"
    SPECIMEN = "specimen"


def read_config(path: Path | None) -> dict[str, Any]:
    """Return the sections of a `gdest.toml`, none without a path; raise `SettingsError` with one sentence."""
    if path is None:
        return {}
    text = ""
    try:
        text = read_text(path)
        sections = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.{_hint(str(error), text)}") from error
    for name in sections:
        if name not in set(Section):
            raise SettingsError(f"{path}: unknown section [{name}]; known are {', '.join(Section)}.")
    return {name: _with_slashes(f"{path}: [{name}]", section) for name, section in sections.items()}


@contextmanager
def naming(config: Path | None) -> Iterator[None]:
    """Put the path of a gdest.toml, whatever it is called, before each `SettingsError` about what stands in it."""
    try:
        yield
    except SettingsError as error:
        raise SettingsError(f"{config}: {error}" if config else str(error)) from error


def _hint(error: str, text: str) -> str:
    """Return what tomllib does not say of a slip that it found in this text, with a blank before it."""
    if any(word in error for word in OF_BACKSLASHES):
        return f" {SLASHES}"
    found = re.search(r"at line (\d+)", error)
    line = text.splitlines()[int(found[1]) - 1] if found else ""
    return f" {DECIMAL_POINT}" if DECIMAL_COMMA.search(line) else ""


def slashed(pattern: str) -> str:
    r"""Return a path or glob with `/` between folders, also where it was written as on Windows.

    >>> slashed(r"oven\*.tif")
    'oven/*.tif'
    """
    return pattern.replace("\\", "/")


def _with_slashes(where: str, section: Any) -> Any:
    r"""Return a section whose paths and globs are `slashed`; raise `SettingsError` where one holds a tab or line break.

    In double quotes `"oven\test"` holds a tab instead of a folder `test`, and would fit nothing.
    """
    if isinstance(section, list):
        return [_with_slashes(where, one) for one in section]
    if not isinstance(section, dict):
        return section
    paths = {key: value for key, value in section.items() if key in OF_PATHS and isinstance(value, str)}
    for key, value in paths.items():
        if min(value, default=" ") < " ":
            raise SettingsError(f"{where} {key} = {value!r} holds a control character. {SLASHES}")
    return section | {key: slashed(value) for key, value in paths.items()}
