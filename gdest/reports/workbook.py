"""Write `results.xlsx`.

XlsxWriter in its constant-memory mode: unlike openpyxl's write-only mode it writes conditional formats, pictures
and charts while holding one row at a time, and a workbook that Excel opens without a repair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from xlsxwriter import Workbook

from gdest.core import write_atomically
from gdest.reports import summary_sheet
from gdest.reports.assign import SPECIMEN_COLUMNS
from gdest.reports.limits import Limit
from gdest.reports.run import Run
from gdest.reports.sheets import Column, Pictures, Sheet, fresh_sheet, write_table
from gdest.reports.table import COLUMNS, Cell

SHORT = {"g", "g_low", "g_high", "g_from_density", "g_seen", "g_min", "g_max", "mean_diameter_um", "mean_intercept_um"}
SHORT |= {"g_iso_643", "g_intercept", "relative_accuracy"}
FORMATS = {**dict.fromkeys(SHORT, "0.0"), "g_sd": "0.00", "g_model_half": "0.00", "within_half_g": "0%"}
FORMATS |= {"um_per_px": "0.0000", "area_mm2": "0.000", "grains": "0"}
FORMATS |= dict.fromkeys(
    ("tiles", "tiles_used", "width_px", "height_px", "intercepts", "fields", "fields_left_out"), "0"
)
FORMATS |= dict.fromkeys(("grains_per_mm2", "sd_per_mm2", "ci95_per_mm2"), "#,##0")
WIDTHS = {
    "file": 36,
    "status": 13,
    "verdict": 11,
    "reason": 40,
    "heatmap": 14,
    "homogeneity": 20,
    "homogeneity_note": 48,
    "area_by_half_g": 32,
}
WIDTHS |= {"um_per_px_source": 18, "sha256": 14, "model_sha256": 14, "graded_at": 26, "file_modified": 26}
WIDTHS |= {"verdict_reason": 32, "flags": 44, "specimen": 24}
WRAPPED = {"reason", "homogeneity_note", "area_by_half_g", "verdict_reason", "flags", "location"}
SHOWN = {
    "file",
    "status",
    "reason",
    "g",
    "g_low",
    "g_high",
    "mean_intercept_um",
    "homogeneity",
    "um_per_px",
    "g_intercept",
}
SHOWN |= {"specimen", "verdict", "fields", "fields_left_out", "relative_accuracy", "g_model_half", "g_iso_643", "flags"}
SHOWN |= {"area_mm2", "grains", "verdict_reason", "heatmap"}
"""Columns that a printed page has room for; the others are behind the outline's plus sign."""

ALWAYS = ("file", "status", "reason", "g", "g_low", "g_high")
HEATMAP = "heatmap"
PROBLEM_COLUMNS = ("file", "status", "verdict", "reason", "verdict_reason", "specimen", "g", "g_low", "g_high")


def write_workbook(run: Run, specimens: Sequence[Mapping[str, Cell]], limits: Sequence[Limit], path: Path) -> None:
    """Write the sheets Summary, Specimens, Micrographs, Problems and Settings; raise `OutputError`.

    Links and thumbnails are those of the folder that `path` lies in; links are relative to it.
    """
    pictures = Pictures(path.parent, run)

    def write(temporary: Path) -> None:
        with Workbook(str(temporary), {"constant_memory": True, "strings_to_formulas": False}) as book:
            book.set_properties({"title": "gdest: grain size of etched steel", "comments": "an estimate by a model"})
            summary_sheet.write_summary(fresh_sheet(book, "Summary", run.model), run, specimens, limits)
            _write_specimens(fresh_sheet(book, "Specimens", run.model), specimens, run)
            columns = {**COLUMNS, HEATMAP: "the grade map over the micrograph; every picture on one scale"}
            write_table(fresh_sheet(book, "Micrographs", run.model), _columns(columns, run.table), run.table, pictures)
            problems = [row for row in run.table if _is_problem(row)]
            chosen = {name: COLUMNS[name] for name in PROBLEM_COLUMNS}
            write_table(fresh_sheet(book, "Problems", run.model), _columns(chosen, problems), problems, pictures)
            summary_sheet.write_settings(fresh_sheet(book, "Settings", run.model), run)

    write_atomically(path, write)


def _columns(names: Mapping[str, str], rows: Sequence[Mapping[str, Cell]]) -> list[Column]:
    """Return the columns; those that a page has no room for, or that nobody filled, are folded away."""
    filled = {name for name in names if any(row.get(name) is not None for row in rows)} | {HEATMAP, *ALWAYS}
    return [
        Column(
            name,
            note,
            WIDTHS.get(name, max(len(name) + 4, 9)),
            FORMATS.get(name, ""),
            wrapped=name in WRAPPED,
            folded=name not in SHOWN & filled,
        )
        for name, note in names.items()
    ]


def _is_problem(row: Mapping[str, Cell]) -> bool:
    return row["status"] != "graded" or row["verdict"] in ("fail", "undecided")


def _write_specimens(sheet: Sheet, specimens: Sequence[Mapping[str, Cell]], run: Run) -> None:
    if specimens:
        write_table(sheet, _columns(SPECIMEN_COLUMNS, specimens), specimens, None)
    elif run.sections.get("specimen"):
        sheet.page.write_string(
            0, 0, "No file fits the rule of gdest.toml, section [specimen]; it sees each path as in Micrographs."
        )
    else:
        sheet.page.write_string(0, 0, "No specimens: say in gdest.toml, section [specimen], how a file tells its own.")
