"""Say which part of some micrographs is the field of view, where it cannot be found in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from gdest.core.errors import SettingsError, require
from gdest.core.file_names import fits
from gdest.core.option import at_least, check_fields


@dataclass(frozen=True)
class CropRule:
    """Say how many px at each side of the files whose relative path fits `glob` are not looked at."""

    glob: str
    top: Annotated[int, at_least(0)] = 0
    bottom: Annotated[int, at_least(0)] = 0
    left: Annotated[int, at_least(0)] = 0
    right: Annotated[int, at_least(0)] = 0

    def __post_init__(self) -> None:
        """Raise `SettingsError` for a rule that leaves nothing out, or less than nothing."""
        check_fields(self)
        require(any((self.top, self.bottom, self.left, self.right)), "give top, bottom, left or right in px.")


SIDES = ("top", "bottom", "left", "right")


def crop_rules(raw: Any) -> tuple[CropRule, ...]:
    """Return the rules of the `[[crop]]` sections of a gdest.toml; raise `SettingsError` for a wrong one."""
    if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
        raise SettingsError("crop is a list of rules; write [[crop]] above each.")
    return tuple(_rule(number, keys) for number, keys in enumerate(raw, start=1))


def _rule(number: int, keys: dict[str, Any]) -> CropRule:
    where = f"[[crop]] {number}"
    for key, value in keys.items():
        if key not in ("glob", *SIDES):
            raise SettingsError(f"{where}: unknown key {key}; known are glob, {', '.join(SIDES)}.")
        if type(value) is not (str if key == "glob" else int):
            raise SettingsError(f"{where}: {key} = {value!r} is of the wrong kind.")
    if "glob" not in keys:
        raise SettingsError(f"{where}: a glob is missing, such as glob = 'scanner/*'.")
    try:
        return CropRule(**keys)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error


def crop_for(name: str, rules: Sequence[CropRule]) -> CropRule | None:
    """Return the first rule that fits a micrograph's name, None without one."""
    return next((rule for rule in rules if fits(name, rule.glob)), None)
