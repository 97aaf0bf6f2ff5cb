"""Read `gdest.toml`, where an archive's rules stand; each section is understood by the room it is for."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any

from gdest.core.errors import SettingsError


class Section(StrEnum):
    """Name the sections that some room understands; any other is a mistake that must not pass silently."""

    LIMIT = "limit"
    OBJECTIVE = "objective"
    PIXEL_SIZE = "pixel_size"
    SPECIMEN = "specimen"


def read_config(path: Path | None) -> dict[str, Any]:
    """Return the sections of a `gdest.toml`, none without a path; raise `SettingsError` with one sentence."""
    if path is None:
        return {}
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from error
    for name in sections:
        if name not in set(Section):
            raise SettingsError(f"{path}: unknown section [{name}]; known are {', '.join(Section)}.")
    return sections
