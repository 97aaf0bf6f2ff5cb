"""Read what a certificate must say and no picture tells: the section `[certificate]` of a gdest.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from gdest.core import SettingsError


@dataclass(frozen=True)
class Laboratory:
    """Hold what a laboratory states of itself and its work; empty text is a blank line on the certificate.

    `template` is a Typst file that replaces the one of gdest, `fonts` a folder with further fonts.
    """

    laboratory: str = ""
    address: str = ""
    customer: str = ""
    order: str = ""
    report_number: str = ""
    material: str = ""
    heat_treatment: str = ""
    etchant: str = ""
    section_plane: str = ""
    instrument: str = ""
    objective: str = ""
    calibration_date: str = ""
    operator: str = ""
    approver: str = ""
    remarks: str = ""
    template: str = ""
    fonts: str = ""


def read_laboratory(section: object, base: Path) -> Laboratory:
    """Return what a `[certificate]` section says; its paths are relative to `base`.

    Raises `SettingsError` with one sentence for a key that is not known or a value that is no text, number or date.
    """
    if section is None:
        return Laboratory()
    if not isinstance(section, Mapping):
        raise SettingsError('[certificate] is one section with lines such as customer = "A & B".')
    known = [one.name for one in fields(Laboratory)]
    for name, value in section.items():
        if name not in known:
            raise SettingsError(f"[certificate] has no {name}; known are {', '.join(known)}.")
        if isinstance(value, bool) or not isinstance(value, (str, int, float, date, datetime, time)):
            raise SettingsError(f"[certificate] {name} must be text, a number or a date.")
    made = Laboratory(**{str(name): str(value).strip() for name, value in section.items()})
    return replace(made, **{name: _under(base, getattr(made, name)) for name in ("template", "fonts")})


def _under(base: Path, path: str) -> Any:
    return str(base / path) if path else ""
