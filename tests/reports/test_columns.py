"""The names that people's scripts read, and what a record of a column must say."""

from __future__ import annotations

import dataclasses

import pytest

from gdest.core.records import GradeStatistics
from gdest.reports.column import columns_in
from gdest.reports.columns import COLUMNS, HEATMAP, OVERLAY, column_notes
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS
from gdest.reports.specimen_rules import ORIGIN_FIELDS
from gdest.reports.specimens import SpecimenStatistics

DESIGNED = [
    "file", "status", "reason", "g", "g_low", "g_high", "g_from_density", "g_seen", "grains_per_mm2",
    "mean_diameter_um", "mean_intercept_um", "g_sd", "g_min", "g_max", "within_half_g", "homogeneity",
    "um_per_px", "um_per_px_source", "tiles", "width_px", "height_px", "sha256", "model", "model_sha256",
    "gdest_version", "graded_at", "tiles_used", "area_by_half_g", "homogeneity_note", "file_modified",
    "g_intercept", "intercepts", "specimen", "product", "heat", "order", "location", "verdict", "verdict_reason",
    "area_mm2", "g_counted", "g_counted_low", "g_counted_high", "grains_counted", "intercepts_counted",
    "mean_intercept_counted_um", "relative_accuracy_counted", "anisotropy", "aspect_ratio", "g_largest_grain",
    "twinned_share", "particle_share", "homogeneity_counted", "grains_by_half_g", "count_note",
    "intercept_by_direction_um", "count_corrected_by", "count_corrected_at",
]  # fmt: skip
OF_SPECIMENS = [
    "specimen", "product", "heat", "order", "location", "verdict", "verdict_reason", "fields", "fields_left_out",
    "g", "g_low", "g_high", "relative_accuracy", "g_model_half", "g_iso_643", "grains_per_mm2", "sd_per_mm2",
    "ci95_per_mm2", "mean_diameter_um", "mean_intercept_um", "area_mm2", "grains", "homogeneity", "flags",
    "fields_counted", "g_counted", "g_counted_low", "g_counted_high", "relative_accuracy_counted", "grains_counted",
    "intercepts_counted", "g_largest_grain", "grains_by_half_g",
]  # fmt: skip
EVERY = [*COLUMNS.values(), *SPECIMEN_COLUMNS.values(), HEATMAP, OVERLAY]


def names(columns):
    return [column.name for column in columns]


def test_columns_keep_their_names_and_order():
    assert list(COLUMNS)[: len(DESIGNED)] == DESIGNED
    assert list(SPECIMEN_COLUMNS)[: len(OF_SPECIMENS)] == OF_SPECIMENS


def test_every_place_shows_its_columns_in_its_order():
    assert names(columns_in("gallery", COLUMNS)) == [
        *("file", "status", "verdict", "g", "g_low", "g_high", "g_counted", "reason", "copy_of", "homogeneity"),
        *("specimen", "um_per_px"),
    ]
    assert names(columns_in("details", COLUMNS)) == [
        *("homogeneity_note", "area_by_half_g", "verdict_reason", "um_per_px_source", "mean_intercept_um"),
        *("g_intercept", "g_counted_low", "g_counted_high", "grains_counted", "intercepts_counted"),
        *("mean_intercept_counted_um", "relative_accuracy_counted", "anisotropy", "aspect_ratio", "g_largest_grain"),
        *("twinned_share", "particle_share", "homogeneity_counted", "grains_by_half_g", "count_note"),
        *("intercept_by_direction_um", "count_corrected_by", "count_corrected_at"),
    ]
    assert names(columns_in("counts", COLUMNS)) == [
        *("file", "specimen", "g_counted", "g_counted_low", "g_counted_high", "relative_accuracy_counted"),
        *("grains_counted", "intercepts_counted", "mean_intercept_counted_um", "intercept_by_direction_um"),
        *("anisotropy", "aspect_ratio", "g_largest_grain", "twinned_share", "particle_share", "homogeneity_counted"),
        *("grains_by_half_g", "count_note", "count_corrected_by", "count_corrected_at"),
    ]
    assert names(columns_in("problems", COLUMNS)) == [
        *("file", "status", "verdict", "reason", "verdict_reason", "specimen", "g", "g_low", "g_high"),
    ]
    assert names(columns_in("gallery", SPECIMEN_COLUMNS)) == [
        *("specimen", "heat", "verdict", "verdict_reason", "fields", "g", "g_low", "g_high", "relative_accuracy"),
        *("g_counted", "homogeneity", "flags"),
    ]


@pytest.mark.parametrize("place", ["gallery", "details", "problems", "counts"])
@pytest.mark.parametrize("columns", [COLUMNS, SPECIMEN_COLUMNS])
def test_no_two_columns_claim_one_place(place, columns):
    places = [getattr(column, place) for column in columns_in(place, columns)]
    assert places == list(range(1, len(places) + 1))


def test_a_number_has_a_format_and_text_has_none():
    texts = ("text", "time")
    assert [column.name for column in EVERY if (column.type in texts) is bool(column.number_format)] == []
    assert {column.number_format for column in EVERY if column.type == "whole"} == {"0"}


def test_what_the_gallery_rounds_has_a_plain_format():
    """A percent or a thousands separator would need more than a number of decimals."""
    shown = [column for column in EVERY if column.gallery or column.details]
    assert {column.number_format.strip("0.") for column in shown} == {""}
    digits = {column.name: column.decimals for column in shown}
    assert (digits["um_per_px"], digits["g"], digits["fields"], digits["file"]) == (4, 1, 0, None)


def test_a_column_is_as_wide_as_the_longest_word_of_its_heading_where_nothing_is_stated():
    assert COLUMNS["mean_intercept_um"].width == len("intercept,") + 3
    assert (COLUMNS["g"].width, COLUMNS["file"].width) == (8, 30)


def test_every_statistic_has_its_column():
    in_words = {"homogeneity_span"}  # in homogeneity_note
    assert {field.name for field in dataclasses.fields(GradeStatistics)} - in_words <= set(COLUMNS)
    counted = {"origin", "duplex_fields", "unknown_fields"}  # columns of their own, and parts of homogeneity
    assert {field.name for field in dataclasses.fields(SpecimenStatistics)} - counted <= set(SPECIMEN_COLUMNS)
    assert set(ORIGIN_FIELDS) <= set(COLUMNS) & set(SPECIMEN_COLUMNS)


def test_the_notes_name_every_column_of_both_files():
    notes = column_notes()
    assert [name for name, _ in notes["results.csv"]] == list(COLUMNS)
    assert dict(notes["specimens.csv"])["g"] == "ASTM grain size number G of the mean grains per mm2"
    assert all(note for rows in notes.values() for _, note in rows)
