"""Describe each column of a specimen's row."""

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

SPECIMEN_COLUMNS = by_name(
    Column("specimen", "specimen by the rule in gdest.toml", stated_width=18, printed=True, gallery=1),
    Column("product", "product", stated_width=12, printed=True),
    Column("heat", "heat", stated_width=12, printed=True, gallery=2),
    Column("order", "order", stated_width=12, printed=True),
    Column("location", "locations of its micrographs", stated_width=14, printed=True, wrapped=True),
    VERDICT,
    replace(VERDICT_REASON, gallery=4, details=12),
    whole_column("fields", "fields with status graded, each once; only these count", printed=True, gallery=5),
    whole_column("fields_left_out", "fields of metal with status review or uncalibrated", printed=True),
    number_column("g", "ASTM grain size number G of the mean grains per mm2", "0.0", **SHOWN, gallery=6),
    number_column(
        "g_low",
        "lower end of the 95 % interval over the fields (Student t); none where mixed or open",
        "0.0",
        **SHOWN,
        gallery=7,
    ),
    number_column(
        "g_high",
        "upper end of the 95 % interval over the fields (Student t); none where mixed",
        "0.0",
        **SHOWN,
        gallery=8,
    ),
    number_column(
        "relative_accuracy",
        "%RA, 100 times the 95 % interval over the mean; E112 asks for 10 or less",
        "0.0",
        stated_heading="%RA",
        printed=True,
        gallery=9,
    ),
    number_column(
        "g_model_half",
        "half-width of the model's own 90 % interval, mean of the fields; more fields do not shrink it",
        "0.00",
        stated_heading="G of the model, half-width",
        printed=True,
    ),
    number_column(
        "g_iso_643",
        "ISO 643 grain size number of the mean grains per mm2",
        "0.0",
        printed=True,
        stated_heading="G, ISO 643",
    ),
    number_column("grains_per_mm2", "mean N_A of the fields", "#,##0"),
    number_column(
        "sd_per_mm2", "standard deviation of N_A over the fields (n - 1)", "#,##0", stated_heading="SD, grains per mm²"
    ),
    number_column(
        "ci95_per_mm2",
        "95 % interval of the mean N_A, plus or minus",
        "#,##0",
        stated_heading="95 % interval, ± grains per mm²",
    ),
    number_column("mean_diameter_um", "mean planar grain diameter in um", "0.0"),
    number_column("mean_intercept_um", "mean lineal intercept in um", "0.0", printed=True),
    number_column("area_mm2", "area examined in mm2", "0.000", printed=True),
    number_column("grains", "grains_per_mm2 times area_mm2, an estimate and no count", "0", printed=True),
    Column(
        "homogeneity",
        "uniform, duplex in n of m fields, scattered (they differ) or unknown; no E1181 rating",
        stated_width=20,
        printed=True,
        gallery=11,
    ),
    Column("flags", "what falls short of E112", stated_width=34, printed=True, wrapped=True, gallery=12),
    whole_column("fields_counted", "graded micrographs with a g_counted; only these enter what is counted", details=8),
    grain_column(
        "g_counted", "G of the mean N_A of the fields' g_counted, never a mean of G", "0.0", printed=True, gallery=10
    ),
    grain_column(
        "g_counted_low",
        "lower end of the 95 % interval of g_counted over the fields (Student t); none where open",
        "0.0",
        printed=True,
        details=1,
    ),
    grain_column(
        "g_counted_high",
        "upper end of the 95 % interval of g_counted over the fields (Student t)",
        "0.0",
        printed=True,
        details=2,
    ),
    grain_column(
        "relative_accuracy_counted",
        "%RA of the count over the fields; E112 asks for 10 or less",
        "0.0",
        stated_heading="%RA of the count",
        printed=True,
        details=3,
    ),
    grain_column("grains_counted", "grains counted in all fields", "0", printed=True, details=4),
    grain_column("intercepts_counted", "intercepts counted in all fields", "0", details=5),
    grain_column(
        "g_largest_grain", "G of the largest grain found in any field (ALA, E930)", "0.0", printed=True, details=6
    ),
    Column(
        "grains_by_half_g",
        "share of the grains of all fields at each half grade, G:by number/by area, coarsest first",
        stated_width=36,
        wrapped=True,
        details=7,
    ),
    Column(
        "homogeneity_counted",
        "the same by the grains that were counted; empty where none were",
        stated_width=20,
        printed=True,
        details=9,
    ),
    number_column(
        "g_between_fields",
        "standard deviation of G between the fields beyond their own scatter; 0 where that explains it",
        "0.00",
        details=10,
    ),
    whole_column("copies_left_out", "micrographs that show a field which is counted already", details=11),
    UNFINISHED,
)
"""The columns of a specimen's row by name, in their order; new ones are appended."""
