"""Gather what a certificate says of a specimen, as E112 asks of a report, in words and numbers ready to be set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gdest.core import Status, __version__, printable
from gdest.reports.by_specimen import identity
from gdest.reports.certificate_limits import limits_on_micrographs, limits_on_specimen
from gdest.reports.column import Cell, Column
from gdest.reports.columns import COLUMNS
from gdest.reports.found import left_of
from gdest.reports.laboratory import Laboratory
from gdest.reports.limits import Limit, Verdict
from gdest.reports.no_metal import as_shown
from gdest.reports.objectives import objectives_of
from gdest.reports.record import Record, caution, counted_caution
from gdest.reports.record_file import RECORD_FILE, file_sha256
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS
from gdest.reports.specimen_rules import ORIGIN_FIELDS
from gdest.reports.specimens import notes_on

ELSEWHERE = (*ORIGIN_FIELDS, "verdict", "verdict_reason", "unfinished", "flags", "grains_by_half_g")
"""Columns of a specimen that have a place of their own."""

FIELD_COLUMNS = ("file", "status", "g", "g_low", "g_high", "g_counted", "um_per_px", "um_per_px_source", "sha256")
HASH_DIGITS = 16


def content_of(
    record: Record, specimen: Mapping[str, Cell], limits: Sequence[Limit], laboratory: Laboratory, folder: Path
) -> dict[str, Any]:
    """Return what the template prints, as JSON can hold it; what is not known is empty text."""
    own = rows_of(record, specimen)
    rows = list(map(as_shown, own))
    notes = list(notes_on(left_of(own)))
    named = {name: str(specimen.get(name) or "") for name in ORIGIN_FIELDS}
    stated = _stated(laboratory, named["specimen"], objectives_of(record, rows))
    columns = [column for column in SPECIMEN_COLUMNS.values() if column.name not in ELSEWHERE]
    counted = [one for one in columns if _is_counted(one)]
    content = {
        "specimen": named,
        "date": record.closed[:10],
        "unfinished": record.unfinished,
        "g": {name: shown(SPECIMEN_COLUMNS[name], specimen.get(name)) for name in ("g", "g_low", "g_high")},
        "g_counted": {
            name: shown(SPECIMEN_COLUMNS[f"g_counted{name[1:]}"], specimen.get(f"g_counted{name[1:]}"))
            for name in ("g", "g_low", "g_high")
        },
        "model_half": shown(SPECIMEN_COLUMNS["g_model_half"], specimen.get("g_model_half")),
        "model_steel": _steel(record),
        "method": _method(record, specimen),
        "pixel_size": _pixel_sizes(rows),
        "estimate": _table([one for one in columns if one not in counted], specimen),
        "counted": _table(counted, specimen) if specimen.get("g_counted") is not None else [],
        "sizes": _sizes(str(specimen.get("grains_by_half_g") or "")),
        "limits": limits_on_specimen(limits, own),
        "micrograph_limits": limits_on_micrographs(limits, own),
        "verdict": str(specimen.get("verdict") or ""),
        "verdict_reason": str(specimen.get("verdict_reason") or ""),
        "flags": [one for one in str(specimen.get("flags") or "").split("; ") if one and one not in notes],
        "notes": notes,
        "field_headings": [COLUMNS[name].heading for name in FIELD_COLUMNS],
        "fields": [[_short(name, shown(COLUMNS[name], row.get(name))) for name in FIELD_COLUMNS] for row in rows],
        "left_out": [_why_left_out(row) for row in rows],
        "failing": [str(row["verdict_reason"]) if row["verdict"] == Verdict.FAIL else "" for row in rows],
        "trace": {
            "record": file_sha256(folder / RECORD_FILE),
            "model": record.model,
            "model_sha256": record.model_sha256,
            "gdest": __version__,
            "folders": ", ".join(record.roots),
        },
    }
    # what the laboratory states may have several lines
    return {"laboratory": stated, **{name: _shown_as_is(value) for name, value in content.items()}}


def _stated(laboratory: Laboratory, specimen: str, objectives: tuple[str, str]) -> dict[str, str]:
    """Return what the laboratory states, and of the objective what it leaves to the table in gdest.toml."""
    stated = asdict(laboratory)
    name, calibration = objectives
    stated["report_number"] = laboratory.report_number.replace("{specimen}", specimen)
    stated["objective"] = laboratory.objective or printable(name)
    stated["calibration_date"] = laboratory.calibration_date or printable(calibration)
    return stated


def _why_left_out(row: Mapping[str, Cell]) -> str:
    """Return why a micrograph does not count in its specimen's numbers, empty for one that does."""
    if row["status"] != Status.GRADED:
        return str(row.get("reason") or row["status"])
    return f"it shows the same field as {row['copy_of']}" if row.get("copy_of") else ""


def _shown_as_is(value: Any) -> Any:
    """Return content of which no text turns the direction of what stands beside it, or is unseen."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {name: _shown_as_is(one) for name, one in value.items()}
    return [_shown_as_is(one) for one in value] if isinstance(value, (list, tuple)) else value


def rows_of(record: Record, specimen: Mapping[str, Cell]) -> list[dict[str, Cell]]:
    """Return the micrographs of a specimen."""
    return [row for row in record.table if row.get("specimen") and identity(row) == identity(specimen)]


def representative(record: Record, specimen: Mapping[str, Cell]) -> dict[str, Cell] | None:
    """Return the graded micrograph whose G is nearest to that of its specimen; None without a graded one."""
    graded = [row for row in rows_of(record, specimen) if row["status"] == Status.GRADED]
    g = _number(specimen.get("g"))
    return min(graded, key=lambda row: abs(_number(row["g"]) - g), default=None)


def _number(value: Cell) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def shown(column: Column, value: Cell) -> str:
    """Return a cell as a person reads it, by the number format of its column; empty text where it is not known."""
    if not isinstance(value, (int, float)):
        return str(value or "")
    if column.number_format.endswith("%"):
        return f"{value:.0%}"
    return f"{value:{',' if ',' in column.number_format else ''}.{column.decimals or 0}f}"


def _is_counted(column: Column) -> bool:
    return "counted" in column.name or column.name == "g_largest_grain"


def _table(columns: Sequence[Column], specimen: Mapping[str, Cell]) -> list[tuple[str, str]]:
    cells = [(column.heading, shown(column, specimen.get(column.name))) for column in columns]
    return [(heading, cell) for heading, cell in cells if cell]


def _method(record: Record, specimen: Mapping[str, Cell]) -> str:
    """Return how the numbers came about, in true sentences."""
    sentences = [caution(f"model {record.model}")]
    sentences.append(f"The model's own interval holds the true G nine times in ten, {_steel(record)}.")
    if specimen.get("g_counted") is not None:
        sentences.append(counted_caution(f"model {record.model}"))
    sentences.append("The interval over the fields is Student's t of the mean grains per mm², of which G is computed.")
    return " ".join(sentences)


def _steel(record: Record) -> str:
    """Return for which steel the model's interval holds."""
    own = record.card.get("training", {}).get("own_fields")
    return f"calibrated on {own} fields that were counted" if own else "for a steel that it has not seen"


def _pixel_sizes(rows: Sequence[Mapping[str, Cell]]) -> str:
    """Return each pixel size of the micrographs with its source."""
    known = {(_number(row.get("um_per_px")), str(row.get("um_per_px_source") or "")) for row in rows}
    stated = sorted(one for one in known if math.isfinite(one[0]))
    return "; ".join(f"{um_per_px:.4f} µm/px ({source})" for um_per_px, source in stated)


def _sizes(text: str) -> list[dict[str, Any]]:
    """Return the shares of the grains at each half grade by number and by area, from their cell."""
    found = []
    for part in text.split():
        g, _, shares = part.partition(":")
        number, _, area = shares.partition("/")
        found.append({"g": g, "number": number, "area": area})
    return found


def _short(name: str, text: str) -> str:
    return text[:HASH_DIGITS] if name == "sha256" else text
