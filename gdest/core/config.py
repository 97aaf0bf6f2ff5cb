"""Read `gdest.toml`, where an archive's rules stand; each section is understood by the room it is for."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any

from gdest.core.errors import SettingsError
from gdest.core.tables import read_text


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
    try:
        sections = tomllib.loads(read_text(path))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        hint = " Write paths with / between folders." if "escape" in str(error) or "\\" in str(error) else ""
        raise SettingsError(f"{path} is not valid TOML: {error}.{hint}") from error
    for name in sections:
        if name not in set(Section):
            raise SettingsError(f"{path}: unknown section [{name}]; known are {', '.join(Section)}.")
    return {name: _with_slashes(section) for name, section in sections.items()}


def _with_slashes(section: Any) -> Any:
    """Return a section in which globs have `/` between folders, also where they were written as on Windows."""
    if isinstance(section, list):
        return [_with_slashes(one) for one in section]
    if not isinstance(section, dict):
        return section
    return {
        key: value.replace("\\", "/") if key == "glob" and isinstance(value, str) else value
        for key, value in section.items()
    }
