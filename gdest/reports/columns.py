"""Describe each column of the reports in one record, from which every report takes its own.

A test compares the page `columns` of the manual with it.
"""

from __future__ import annotations

from dataclasses import replace

from gdest.reports.column import (
    SHOWN,
    UNFINISHED,
    VERDICT,
    VERDICT_REASON,
    Column,
    by_name,
    grain_column,
    number_column,
    whole_column,
)
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS

COLUMNS = by_name(
    Column("file", "path relative to the scanned folder", stated_width=30, **SHOWN, gallery=1, problems=1, counts=1),
    Column(
        "status", "graded, review, uncalibrated or failed", stated_width=13, **SHOWN, badge=True, gallery=2, problems=2
    ),
    Column("reason", "why the row needs a person", stated_width=34, **SHOWN, wrapped=True, gallery=8, problems=4),
    grain_column("g", "ASTM grain size number G, mean of the tile grades", "0.0", **SHOWN, gallery=4, problems=7),
    grain_column(
        "g_low",
        "lower end of the 90 % interval of G; none where mixed",
        "0.0",
        **SHOWN,
        gallery=5,
        problems=8,
    ),
    grain_column(
        "g_high",
        "upper end of the 90 % interval of G; none where mixed",
        "0.0",
        **SHOWN,
        gallery=6,
        problems=9,
    ),
    grain_column("g_from_density", "G of the mean grain density of the tiles", "0.0"),
    grain_column("g_seen", "G as the model sees it at its reference pixel size, before calibration", "0.0"),
    grain_column("grains_per_mm2", "grains per mm2 of section, N_A, from g_from_density", "#,##0"),
    grain_column("mean_diameter_um", "mean planar grain diameter in um, from g_from_density", "0.0"),
    grain_column(
        "mean_intercept_um", "mean lineal intercept in um, from g_from_density", "0.0", printed=True, details=5
    ),
    grain_column("g_sd", "standard deviation of the tile grades, in G", "0.00"),
    grain_column("g_min", "coarsest tile, G", "0.0"),
    grain_column("g_max", "finest tile, G", "0.0"),
    grain_column("within_half_g", "share of tiles within 0.5 G of g, 0..1", "0%"),
    Column(
        "homogeneity",
        "uniform, duplex:<suggested type> or unknown; an indication, not an E1181 rating",
        stated_width=20,
        printed=True,
        gallery=10,
    ),
    number_column("um_per_px", "pixel size in um", "0.0000", printed=True, gallery=12),
    Column("um_per_px_source", "where the pixel size comes from", stated_width=18, details=4),
    whole_column("tiles", "number of 224x224 px tiles the network saw"),
    whole_column("width_px", "width in px"),
    whole_column("height_px", "height in px"),
    Column("sha256", "SHA-256 of the file", stated_width=14, stated_heading="SHA-256"),
    Column("model", "name of the weights"),
    Column("model_sha256", "SHA-256 of the weights file", stated_width=14, stated_heading="SHA-256 of the model"),
    Column("gdest_version", "version of gdest"),
    Column("graded_at", "time of grading, UTC, ISO 8601", "time", stated_width=17, stated_heading="graded at, UTC"),
    whole_column(
        "tiles_used",
        "tiles that g is the mean of; covered ones (banner, scale bar, mounting, reflection) are left out",
    ),
    Column(
        "area_by_half_g",
        "share of the area at each half grade, G:percent, coarsest first",
        stated_width=32,
        wrapped=True,
        details=2,
        of_grains=True,
    ),
    Column("homogeneity_note", "what the grade map shows, in words", stated_width=48, wrapped=True, details=1),
    Column(
        "file_modified",
        "time of the file's last change, UTC, ISO 8601",
        "time",
        stated_width=17,
        stated_heading="file modified, UTC",
    ),
    grain_column(
        "g_intercept",
        "G of the intercepts counted on the drawn boundaries",
        "0.0",
        printed=True,
        details=6,
    ),
    whole_column("intercepts", "intercepts counted on the drawn boundaries", of_grains=True),
    Column(
        "specimen",
        "specimen by the rule in gdest.toml",
        stated_width=18,
        printed=True,
        gallery=11,
        problems=6,
        counts=2,
    ),
    Column("product", "product of the specimen", stated_width=12, printed=True),
    Column("heat", "heat of the specimen", stated_width=12, printed=True),
    Column("order", "order of the specimen", stated_width=12, printed=True),
    Column("location", "location within the specimen", stated_width=14, printed=True, wrapped=True),
    replace(VERDICT, problems=3),
    replace(VERDICT_REASON, details=3, problems=5),
    number_column(
        "area_mm2", "area examined in mm2: what the tiles cover that g is the mean of", "0.000", printed=True
    ),
    grain_column(
        "g_counted",
        "G by E112's count of grains and intercepts on the boundaries found",
        "0.0",
        printed=True,
        gallery=7,
        counts=3,
    ),
    grain_column(
        "g_counted_low", "lower end of the 95 % interval of g_counted; none where mixed", "0.0", details=7, counts=4
    ),
    grain_column(
        "g_counted_high", "upper end of the 95 % interval of g_counted; none where mixed", "0.0", details=8, counts=5
    ),
    grain_column(
        "grains_counted", "grains counted: those inside and half of those cut (Saltikov)", "0", details=9, counts=7
    ),
    grain_column(
        "intercepts_counted",
        "intercepts of test lines (Heyn, Abrams), each weighed by how sure its boundary is",
        "0",
        details=10,
        counts=8,
    ),
    grain_column("mean_intercept_counted_um", "mean lineal intercept in um, counted", "0.0", details=11, counts=9),
    grain_column(
        "relative_accuracy_counted",
        "%RA of the count, from the scatter of its sample alone; E112 asks for 10 or less",
        "0.0",
        stated_heading="%RA of the count",
        details=12,
        counts=6,
    ),
    grain_column(
        "anisotropy", "longest over shortest mean intercept of the four directions", "0.00", details=13, counts=11
    ),
    grain_column("aspect_ratio", "length over width of the grains, mean", "0.00", details=14, counts=12),
    grain_column(
        "g_largest_grain", "G of the largest grain found (ALA, E930)", "0.0", printed=True, details=15, counts=13
    ),
    grain_column("twinned_share", "share of the grains with a twin boundary, 0..1", "0.00", details=16, counts=14),
    grain_column("particle_share", "share of the area under particles and pores, 0..1", "0.000", details=17, counts=15),
    Column(
        "homogeneity_counted",
        "uniform, duplex:<class of E1181> or unknown, from the grains; empty where too few close",
        stated_width=21,
        details=18,
        counts=16,
        of_grains=True,
    ),
    Column(
        "grains_by_half_g",
        "share of the grains at each half grade, G:by number/by area, coarsest first",
        stated_width=36,
        wrapped=True,
        details=19,
        counts=17,
        of_grains=True,
    ),
    Column(
        "count_note",
        "why nothing was counted, or what limits the count",
        stated_width=40,
        wrapped=True,
        details=20,
        counts=18,
        of_grains=True,
    ),
    Column(
        "intercept_by_direction_um",
        "mean intercept in um along lines at 0, 45, 90 and 135 degrees to the rows, degrees:um",
        stated_width=16,
        wrapped=True,
        details=21,
        counts=10,
        of_grains=True,
    ),
    Column("count_corrected_by", "who corrected the boundaries by hand (gdest count)", details=22, counts=19),
    Column(
        "count_corrected_at",
        "time of counting the corrected boundaries, UTC, ISO 8601",
        "time",
        stated_width=17,
        stated_heading="corrected at, UTC",
        details=23,
        counts=20,
    ),
    Column(
        "copy_of",
        "the micrograph of the same specimen that shows the same field, and counts in its place",
        stated_width=24,
        printed=True,
        wrapped=True,
        gallery=9,
    ),
    Column("fingerprint", "64 grey steps of the picture, which copies of a field share; hexadecimal", stated_width=14),
    UNFINISHED,
)
"""The columns of a micrograph's row by name, in their order; new ones are appended."""

HEATMAP = Column("heatmap", "the grade map over the micrograph; every picture on one scale", stated_width=14, **SHOWN)
"""The last column of the sheet Micrographs, which no other report has."""

OVERLAY = Column("overlay", "boundaries, twins and particles over the micrograph", stated_width=10, **SHOWN)
"""The last column of the sheet Counts."""


def column_notes() -> dict[str, list[tuple[str, str]]]:
    """Return (name, meaning) of each column of results.csv and of specimens.csv, in their order."""
    tables = {"results.csv": COLUMNS, "specimens.csv": SPECIMEN_COLUMNS}
    return {file: [(one.name, one.note) for one in columns.values()] for file, columns in tables.items()}
