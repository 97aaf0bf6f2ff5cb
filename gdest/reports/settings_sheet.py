"""Write the sheet Settings of the workbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gdest.reports.record import Record
from gdest.reports.sheets import LINE_PT, Sheet, cell_text, lines_of

SETTING_CHARACTERS = 96
"""Characters on a line of the column of values, which is 100 wide."""


def write_settings(sheet: Sheet, record: Record) -> None:
    """Write every setting, the sections of gdest.toml, the model card, versions, hashes, host, start and end."""
    worksheet, bold = sheet.worksheet, sheet.style(bold=True)
    style = sheet.style(text_wrap=True, align="left", valign="top")
    worksheet.set_column(0, 0, 40)
    worksheet.set_column(1, 1, 100)
    worksheet.repeat_rows(0)
    worksheet.write_string(0, 0, "setting", bold)
    worksheet.write_string(0, 1, "value", bold)
    told: dict[str, object] = {"weights": record.weights, "weights_sha256": record.model_sha256, "host": record.host}
    told |= {"started": record.started, "finished": record.finished, "stopped": record.stopped}
    told |= {"seconds": round(record.seconds, 1), "unfinished": record.unfinished}
    parts = {"": told, "roots": record.roots, "settings": record.settings, "gdest.toml": record.sections}
    lines = flat({**parts, "versions": record.versions, "model card": record.card, "history": record.history})
    for row, (name, value) in enumerate(lines, start=1):
        worksheet.set_row(row, LINE_PT * lines_of(value, SETTING_CHARACTERS))
        worksheet.write_string(row, 0, cell_text(name), style)
        worksheet.write_string(row, 1, cell_text(value), style)


def flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Return (dotted name, text) of everything in nested mappings; lists of plain values stay on one line."""
    if isinstance(value, Mapping):
        pairs = [flat(one, f"{name}.{key}".strip(".")) for key, one in value.items()]
        return [line for pair in pairs for line in pair]
    if isinstance(value, (list, tuple)) and any(isinstance(one, Mapping) for one in value):
        return [line for i, one in enumerate(value, start=1) for line in flat(one, f"{name}.{i}")]
    if isinstance(value, (list, tuple)):
        return [(name, ", ".join(str(one) for one in value))]
    return [(name, "" if value is None else str(value))]
