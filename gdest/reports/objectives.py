"""Tell which objectives of gdest.toml made the pixel sizes of micrographs, and when each was calibrated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any

from gdest.core import CalibrationSettings, Objective, PixelSizeSource, magnification_of_name, split_page
from gdest.reports.column import Cell
from gdest.reports.record import Record


def objectives_of(record: Record, rows: Sequence[Mapping[str, Cell]]) -> tuple[str, str]:
    """Return the names of the objectives that made the pixel sizes of the rows, and their calibrations, in words.

    Both are empty where no pixel size came from one. Where other pixel sizes came from elsewhere, the name tells how
    many micrographs are the objective's.
    """
    known = CalibrationSettings(objectives=tuple(_objectives(record)))
    sized = [row for row in rows if row.get("um_per_px") is not None]
    by = Counter(found for row in sized if (found := _objective_of(row, known)) is not None)
    made = sorted(by, key=lambda one: (one.magnification, one.microscope, one.glob))
    names = [
        _name(one) if by[one] == len(sized) else f"{_name(one)} ({by[one]} of {len(sized)} micrographs)" for one in made
    ]
    told = [(one, words) for one in made if (words := _calibration(one))]
    calibrations = [words if len(made) == 1 else f"{_name(one)}: {words}" for one, words in told]
    return "; ".join(names), "; ".join(calibrations)


def _objectives(record: Record) -> Iterator[Objective]:
    """Yield the objectives that a record was graded with; read back from its file, dates are text."""
    calibration: Mapping[str, Any] = record.settings.get("calibration") or {}
    names = [one.name for one in fields(Objective)]
    for told in calibration.get("objectives") or ():
        known = {name: told[name] for name in names if name in told}
        if isinstance(day := told.get("calibrated"), str):
            known["calibrated"] = date.fromisoformat(day)
        yield Objective(**known)


def _objective_of(row: Mapping[str, Cell], known: CalibrationSettings) -> Objective | None:
    """Return the objective that made the pixel size of a row, None where it came from elsewhere."""
    if row.get("um_per_px_source") != PixelSizeSource.OBJECTIVE:
        return None
    for name in dict.fromkeys((split_page(str(row["file"]))[0], str(row["file"]))):
        magnification, _ = magnification_of_name(name)
        found = None if magnification is None else known.objective_for(name, magnification)
        if found is not None:
            return found
    return None


def _name(objective: Objective) -> str:
    return f"{objective.name}, {objective.microscope}" if objective.microscope else objective.name


def _calibration(objective: Objective) -> str:
    """Return the date and the certificate of a calibration, as far as they are known."""
    day = objective.calibrated.isoformat() if objective.calibrated else ""
    number = f"certificate {objective.certificate}" if objective.certificate else ""
    return ", ".join(filter(None, (day, number)))
