"""Tell which specimen a micrograph shows, by the rule of gdest.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gdest.core import DataError, SettingsError, in_other_forms, read_lines


@dataclass(frozen=True)
class Origin:
    """Name the specimen that a micrograph shows, and what else is known of it."""

    specimen: str
    product: str = ""
    heat: str = ""
    order: str = ""
    location: str = ""


ORIGIN_FIELDS = tuple(one.name for one in fields(Origin))
IDENTITY = ORIGIN_FIELDS[:4]
"""What tells specimens apart: two heats may use the same name."""


@dataclass(frozen=True)
class SpecimenRule:
    """Hold the rule that gives a file its specimen: its folder, a regular expression, or a list."""

    folder: str = ""
    pattern: re.Pattern[str] | None = None
    listed: Mapping[str, Origin] | None = None

    def origin(self, file: str) -> Origin | None:
        """Return the origin of a file (path relative to its root, `/`); None where the rule gives none."""
        if self.listed is not None:
            return next((self.listed[name] for name in in_other_forms(file) if name in self.listed), None)
        if self.pattern is not None:
            match = next(filter(None, map(self.pattern.search, in_other_forms(file))), None)
            named = {name: value for name, value in match.groupdict().items() if value} if match else {}
            return Origin(**named) if "specimen" in named else None
        parent = file.rpartition("/")[0]
        name = parent.partition("/")[0] if self.folder == "top" else parent
        return Origin(name) if name else None


def specimen_rule(section: Mapping[str, Any] | None, base: Path) -> SpecimenRule | None:
    """Return the rule of a `[specimen]` section; a CSV's path is relative to `base`.

    Exactly one of `folder` ("parent" or "top"), `regex` (with a group named specimen) or `csv`
    must be given. Raises `SettingsError` with one sentence.
    """
    if section is None:
        return None
    if not isinstance(section, Mapping) or len(section) != 1 or not {"folder", "regex", "csv"} & set(section):
        raise SettingsError("[specimen] takes exactly one of folder, regex or csv.")
    ((kind, value),) = section.items()
    if not isinstance(value, str):
        raise SettingsError(f"[specimen] {kind} must be text.")
    if kind == "folder":
        if value not in ("parent", "top"):
            raise SettingsError('[specimen] folder is "parent" (the whole path) or "top" (the first folder).')
        return SpecimenRule(folder=value)
    return SpecimenRule(pattern=_pattern(value)) if kind == "regex" else SpecimenRule(listed=_listed(base / value))


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise SettingsError(f"[specimen] regex is not a regular expression: {error}.") from error
    unknown = set(pattern.groupindex) - set(ORIGIN_FIELDS)
    if "specimen" not in pattern.groupindex or unknown:
        known = ", ".join(ORIGIN_FIELDS)
        raise SettingsError(f"[specimen] regex needs a group (?P<specimen>...); group names are {known}.")
    return pattern


def _listed(path: Path) -> dict[str, Origin]:
    try:
        lines = read_lines(path)
    except DataError as error:
        raise SettingsError(f"[specimen] csv: {error}") from error
    listed: dict[str, Origin] = {}
    for line, row in lines:
        name = (row.get("file") or "").strip().replace("\\", "/")
        origin = Origin(**{key: (row.get(key) or "").strip() for key in ORIGIN_FIELDS})
        if not name or not origin.specimen:
            raise SettingsError(f"[specimen] csv: {path}, line {line} needs a file and a specimen.")
        if listed.setdefault(name, origin) != origin:
            raise SettingsError(f"[specimen] csv: {path}, line {line} names {name} again, for another specimen.")
    return listed
