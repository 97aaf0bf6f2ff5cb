"""Say how reports are written, on the command line or in the section `[reports]` of a gdest.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any

from gdest.core import CSV_STYLES, Check, CsvStyle, Option, Section, SettingsError, check_fields

STYLE = Check(lambda style: style in CSV_STYLES, f"is {' or '.join(CSV_STYLES)}")


@dataclass(frozen=True)
class ReportSettings:
    """Say how reports are written; None leaves it to the gdest.toml, and without one to what the record tells."""

    csv: Annotated[
        CsvStyle | None,
        Option(
            "plain, or european: for an Excel that has decimal commas.", STYLE, shown="STYLE", read=lambda said: said
        ),
    ] = None

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that cannot be meant."""
        check_fields(self)


def csv_style(stated: ReportSettings, sections: Mapping[str, Any], known: CsvStyle = "plain") -> CsvStyle:
    """Return the style of the CSV files: as stated, else as in the sections of a gdest.toml, else as `known`.

    Raises `SettingsError` for a wrong section `[reports]`.
    """
    section = sections.get(Section.REPORTS, {})
    if not isinstance(section, Mapping):
        raise SettingsError('[reports] is one section with the line csv = "european".')
    keys = [one.name for one in fields(ReportSettings)]
    for name in section:
        if name not in keys:
            raise SettingsError(f"[reports]: unknown key {name}; known are {', '.join(keys)}.")
    style: Any = section.get("csv")
    if style is not None and not STYLE.holds(style):
        raise SettingsError(f"[reports]: csv {STYLE.sentence}.")
    return stated.csv or style or known
