"""Describe each column of the reports in one record, from which every report takes its own.

A test compares the page `columns` of the manual with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Cell = str | int | float | None


@dataclass(frozen=True)
class Column:
    """Describe one column: its name, its meaning and how each report shows it.

    A `whole` number stays whole beside empty cells; `number_format` is Excel's, empty for text. `stated_width` is in
    characters; 0 lets the name decide. The workbook shows a `printed` column where a row fills it, and one that is
    `always` there in any case; the others are behind the outline's plus sign. A `badge` is coloured by its value.
    `gallery`, `details`, `problems` and `counts` are its place, counted from 1, in the gallery's table, beside an
    opened micrograph or chosen specimen, and in the sheets Problems and Counts; 0 leaves it out.
    """

    name: str
    note: str
    type: Literal["text", "number", "whole"] = "text"
    number_format: str = ""
    stated_width: int = 0
    printed: bool = False
    always: bool = False
    wrapped: bool = False
    badge: bool = False
    gallery: int = 0
    details: int = 0
    problems: int = 0
    counts: int = 0

    @property
    def width(self) -> int:
        """Return the width in the workbook in characters."""
        return self.stated_width or max(len(self.name) + 4, 9)

    @property
    def decimals(self) -> int | None:
        """Return the digits after the point, None for text."""
        return len(self.number_format.partition(".")[2]) if self.number_format else None


def _number(name: str, note: str, number_format: str, **looks: Any) -> Column:
    return Column(name, note, "number", number_format, **looks)


def _whole(name: str, note: str, **looks: Any) -> Column:
    return Column(name, note, "whole", "0", **looks)


def _counted(name: str, note: str, number_format: str, **looks: Any) -> Column:
    """Return a narrow column, whose name may take two lines: with all that is counted a page is full."""
    return _number(name, note, number_format, stated_width=min(len(name) + 2, 15), **looks)


def _by_name(*columns: Column) -> Mapping[str, Column]:
    return {column.name: column for column in columns}


SHOWN: Mapping[str, Any] = {"printed": True, "always": True}

VERDICT = Column(
    "verdict",
    "pass, fail or undecided by the limits in gdest.toml",
    stated_width=11,
    printed=True,
    badge=True,
    gallery=3,
)
"""The same for a micrograph and for a specimen; the sheet Problems shows it too."""

COLUMNS = _by_name(
    Column("file", "path relative to the scanned folder", stated_width=36, **SHOWN, gallery=1, problems=1, counts=1),
    Column(
        "status", "graded, review, uncalibrated or failed", stated_width=13, **SHOWN, badge=True, gallery=2, problems=2
    ),
    Column("reason", "why the row needs a person", stated_width=40, **SHOWN, wrapped=True, gallery=11, problems=4),
    _number("g", "ASTM grain size number G, mean of the tile grades", "0.0", **SHOWN, gallery=4, problems=7),
    _number("g_low", "lower end of the 90 % interval of G", "0.0", **SHOWN, gallery=5, problems=8),
    _number("g_high", "upper end of the 90 % interval of G", "0.0", **SHOWN, gallery=6, problems=9),
    _number("g_from_density", "G of the mean grain density of the tiles", "0.0"),
    _number("g_seen", "G as the model sees it at its reference pixel size, before calibration", "0.0"),
    _number("grains_per_mm2", "grains per mm2 of section, N_A, from g_from_density", "#,##0"),
    _number("mean_diameter_um", "mean planar grain diameter in um, from g_from_density", "0.0"),
    _number("mean_intercept_um", "mean lineal intercept in um, from g_from_density", "0.0", printed=True, details=5),
    _number("g_sd", "standard deviation of the tile grades, in G", "0.00"),
    _number("g_min", "coarsest tile, G", "0.0"),
    _number("g_max", "finest tile, G", "0.0"),
    _number("within_half_g", "share of tiles within 0.5 G of g, 0..1", "0%"),
    Column(
        "homogeneity",
        "uniform, duplex:<suggested type> or unknown; an indication, not an E1181 rating",
        stated_width=20,
        printed=True,
        gallery=8,
    ),
    _number("um_per_px", "pixel size in um", "0.0000", printed=True, gallery=10),
    Column("um_per_px_source", "where the pixel size comes from", stated_width=18, details=4),
    _whole("tiles", "number of 224x224 px tiles the network saw"),
    _whole("width_px", "width in px"),
    _whole("height_px", "height in px"),
    Column("sha256", "SHA-256 of the file", stated_width=14),
    Column("model", "name of the weights"),
    Column("model_sha256", "SHA-256 of the weights file", stated_width=14),
    Column("gdest_version", "version of gdest"),
    Column("graded_at", "time of grading, UTC, ISO 8601", stated_width=26),
    _whole(
        "tiles_used",
        "tiles that g is the mean of; covered ones (banner, scale bar, mounting, reflection) are left out",
    ),
    Column(
        "area_by_half_g",
        "share of the area at each half grade, G:percent, coarsest first",
        stated_width=32,
        wrapped=True,
        details=2,
    ),
    Column("homogeneity_note", "what the grade map shows, in words", stated_width=48, wrapped=True, details=1),
    Column("file_modified", "time of the file's last change, UTC, ISO 8601", stated_width=26),
    _number(
        "g_intercept",
        "G of the intercepts counted on the drawn boundaries",
        "0.0",
        printed=True,
        details=6,
    ),
    _whole("intercepts", "intercepts counted on the drawn boundaries"),
    Column(
        "specimen", "specimen by the rule in gdest.toml", stated_width=24, printed=True, gallery=9, problems=6, counts=2
    ),
    Column("product", "product of the specimen"),
    Column("heat", "heat of the specimen"),
    Column("order", "order of the specimen"),
    Column("location", "location within the specimen", wrapped=True),
    replace(VERDICT, problems=3),
    Column(
        "verdict_reason",
        "the limits that gave the verdict",
        stated_width=32,
        printed=True,
        wrapped=True,
        details=3,
        problems=5,
    ),
    _number("area_mm2", "area examined in mm2: what the tiles cover that g is the mean of", "0.000", printed=True),
    _counted(
        "g_counted",
        "G by E112's count of grains and intercepts on the boundaries found (--count)",
        "0.0",
        printed=True,
        gallery=7,
        counts=3,
    ),
    _counted("g_counted_low", "lower end of the 95 % interval of g_counted", "0.0", details=7, counts=4),
    _counted("g_counted_high", "upper end of the 95 % interval of g_counted", "0.0", details=8, counts=5),
    _counted(
        "grains_counted", "grains counted: those inside and half of those cut (Saltikov)", "0", details=9, counts=7
    ),
    _counted(
        "intercepts_counted",
        "intercepts of test lines (Heyn, Abrams), each weighed by how sure its boundary is",
        "0",
        details=10,
        counts=8,
    ),
    _counted("mean_intercept_counted_um", "mean lineal intercept in um, counted", "0.0", details=11, counts=9),
    _counted(
        "relative_accuracy_counted",
        "%RA of the count, 100 times the 95 % interval over the mean; E112 asks for 10 or less",
        "0.0",
        details=12,
        counts=6,
    ),
    _counted(
        "anisotropy", "longest over shortest mean intercept of the four directions", "0.00", details=13, counts=11
    ),
    _counted("aspect_ratio", "length over width of the grains, mean", "0.00", details=14, counts=12),
    _counted("g_largest_grain", "G of the largest grain found (ALA, E930)", "0.0", printed=True, details=15, counts=13),
    _counted("twinned_share", "share of the grains with a twin boundary, 0..1", "0.00", details=16, counts=14),
    _counted("particle_share", "share of the area under particles and pores, 0..1", "0.000", details=17, counts=15),
    Column(
        "homogeneity_counted",
        "uniform, duplex:<class of E1181> or unknown, from the grains; empty where too few close",
        stated_width=21,
        details=18,
        counts=16,
    ),
    Column(
        "grains_by_half_g",
        "share of the grains at each half grade, G:by number/by area, coarsest first",
        stated_width=36,
        wrapped=True,
        details=19,
        counts=17,
    ),
    Column(
        "count_note",
        "why nothing was counted, or what limits the count",
        stated_width=40,
        wrapped=True,
        details=20,
        counts=18,
    ),
    Column(
        "intercept_by_direction_um",
        "mean intercept in um along lines at 0, 45, 90 and 135 degrees to the rows, degrees:um",
        stated_width=16,
        wrapped=True,
        details=21,
        counts=10,
    ),
    Column("count_corrected_by", "who corrected the boundaries by hand (gdest count)", details=22, counts=19),
    Column(
        "count_corrected_at",
        "time of counting the corrected boundaries, UTC, ISO 8601",
        stated_width=26,
        details=23,
        counts=20,
    ),
)
"""The columns of a micrograph's row by name, in their order; new ones are appended."""

HEATMAP = Column("heatmap", "the grade map over the micrograph; every picture on one scale", stated_width=14, **SHOWN)
"""The last column of the sheet Micrographs, which no other report has."""

OVERLAY = Column("overlay", "boundaries, twins and particles over the micrograph", stated_width=10, **SHOWN)
"""The last column of the sheet Counts."""

SPECIMEN_COLUMNS = _by_name(
    Column("specimen", "specimen by the rule in gdest.toml", stated_width=24, printed=True, gallery=1),
    Column("product", "product"),
    Column("heat", "heat", gallery=2),
    Column("order", "order"),
    Column("location", "locations of its micrographs", wrapped=True),
    VERDICT,
    Column("verdict_reason", "the limits that gave the verdict", stated_width=32, printed=True, wrapped=True),
    _whole("fields", "micrographs with status graded; only these count", printed=True, gallery=4),
    _whole("fields_left_out", "micrographs with any other status", printed=True),
    _number("g", "ASTM grain size number G of the mean grains per mm2", "0.0", **SHOWN, gallery=5),
    _number("g_low", "lower end of the 95 % interval over the fields (Student t)", "0.0", **SHOWN, gallery=6),
    _number("g_high", "upper end of the 95 % interval over the fields (Student t)", "0.0", **SHOWN, gallery=7),
    _number(
        "relative_accuracy",
        "%RA, 100 times the 95 % interval over the mean; E112 asks for 10 or less",
        "0.0",
        printed=True,
        gallery=8,
    ),
    _number(
        "g_model_half",
        "half-width of the model's own 90 % interval, mean of the fields; more fields do not shrink it",
        "0.00",
        printed=True,
    ),
    _number("g_iso_643", "ISO 643 grain size number of the mean grains per mm2", "0.0", printed=True),
    _number("grains_per_mm2", "mean N_A of the fields", "#,##0"),
    _number("sd_per_mm2", "standard deviation of N_A over the fields (n - 1)", "#,##0"),
    _number("ci95_per_mm2", "95 % interval of the mean N_A, plus or minus", "#,##0"),
    _number("mean_diameter_um", "mean planar grain diameter in um", "0.0"),
    _number("mean_intercept_um", "mean lineal intercept in um", "0.0", printed=True),
    _number("area_mm2", "area examined in mm2", "0.000", printed=True),
    _number("grains", "grains on that area, estimated", "0", printed=True),
    Column(
        "homogeneity",
        "uniform, duplex in n of m fields, or unknown; an indication, not an E1181 rating",
        stated_width=20,
        printed=True,
        gallery=10,
    ),
    Column("flags", "what falls short of E112", stated_width=44, printed=True, wrapped=True, gallery=11),
    _whole("fields_counted", "graded micrographs with a g_counted; only these enter what is counted", details=8),
    _counted(
        "g_counted", "G of the mean N_A of the fields' g_counted, never a mean of G", "0.0", printed=True, gallery=9
    ),
    _counted(
        "g_counted_low",
        "lower end of the 95 % interval of g_counted over the fields (Student t)",
        "0.0",
        printed=True,
        details=1,
    ),
    _counted(
        "g_counted_high",
        "upper end of the 95 % interval of g_counted over the fields (Student t)",
        "0.0",
        printed=True,
        details=2,
    ),
    _counted(
        "relative_accuracy_counted",
        "%RA of the count over the fields; E112 asks for 10 or less",
        "0.0",
        printed=True,
        details=3,
    ),
    _counted("grains_counted", "grains counted in all fields", "0", printed=True, details=4),
    _counted("intercepts_counted", "intercepts counted in all fields", "0", details=5),
    _counted(
        "g_largest_grain", "G of the largest grain found in any field (ALA, E930)", "0.0", printed=True, details=6
    ),
    Column(
        "grains_by_half_g",
        "share of the grains of all fields at each half grade, G:by number/by area, coarsest first",
        stated_width=36,
        wrapped=True,
        details=7,
    ),
)
"""The columns of a specimen's row by name, in their order; new ones are appended."""


def columns_in(
    place: Literal["gallery", "details", "problems", "counts"], columns: Mapping[str, Column]
) -> list[Column]:
    """Return the columns that a place shows, in its order."""
    shown = [column for column in columns.values() if getattr(column, place)]
    return sorted(shown, key=lambda column: int(getattr(column, place)))


def column_notes() -> dict[str, list[tuple[str, str]]]:
    """Return (name, meaning) of each column of results.csv and of specimens.csv, in their order."""
    tables = {"results.csv": COLUMNS, "specimens.csv": SPECIMEN_COLUMNS}
    return {file: [(one.name, one.note) for one in columns.values()] for file, columns in tables.items()}
