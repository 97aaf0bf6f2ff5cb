from __future__ import annotations

import html
import zipfile
from dataclasses import replace
from datetime import datetime

import openpyxl
import pandas as pd
import pytest
from helpers.table_rows import row
from PIL import Image

from gdest.reports.assign import Rules, assign, specimen_rows
from gdest.reports.columns import COLUMNS
from gdest.reports.limits import Limit
from gdest.reports.record import Record
from gdest.reports.settings_sheet import flat
from gdest.reports.summary_charts import histogram, trend
from gdest.reports.workbook import write_workbook

LIMITS = (Limit("g >= 7.0"), Limit("homogeneity"))
SHEETS = ["Summary", "Specimens", "Micrographs", "Problems", "Settings"]


def make_record(folder):
    failed = dict.fromkeys(["g", "g_low", "g_high", "grains_per_mm2", "homogeneity", "g_seen"])
    table = [
        row("=1+2.tif"),
        row("a\x07b.tif", g=6.0, g_low=5.6, g_high=6.4, file_modified="2026-03-02T08:00:00+00:00"),
        row("sub/#5 ä.tif", g=7.2, g_low=6.8, g_high=7.6),
        row("z.tif", status="failed", reason="the file is empty (0 bytes)", **failed),
    ]
    return Record(
        assign(table, Rules(None, LIMITS)),
        ((folder / "archive").as_posix(),),
        "fake",
        "1" * 64,
        card={"tile_px": 224, "limits": {"novelty": 1.6}},
        settings={"stride_px": 224, "calibration": {"um_per_px": None}},
        host="here",
    )


def put_picture(out, folder, suffix, size):
    path = out / folder / "sub" / f"#5 ä.tif.{suffix}"
    path.parent.mkdir(parents=True)
    Image.new("RGB", size, "blue").save(path)


@pytest.fixture
def record(tmp_path):
    return make_record(tmp_path)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A workbook to read, beside a heatmap and its thumbnail."""
    folder = tmp_path_factory.mktemp("written")
    put_picture(folder / "out", "heatmaps", "png", (900, 600))
    put_picture(folder / "out", "thumbnails", "jpg", (176, 120))
    record = make_record(folder)
    write_workbook(record, specimen_rows(record.table, LIMITS), LIMITS, folder / "out/results.xlsx")
    return folder / "out/results.xlsx"


@pytest.fixture(scope="module")
def book(written):
    return openpyxl.load_workbook(written)


def names(sheet):
    """Return the names of a sheet's columns, with which the notes of the headings begin."""
    return [cell.comment.text.partition(":")[0] for cell in sheet[1]]


def by_name(sheet, number):
    return dict(zip(names(sheet), sheet[number], strict=True))


def test_cells_have_types_formats_notes_and_every_column(book):
    assert book.sheetnames == SHEETS
    sheet = book["Micrographs"]
    assert names(sheet) == [*COLUMNS, "heatmap"]
    cells = by_name(sheet, 2)
    assert (cells["file"].value, cells["file"].data_type) == ("=1+2.tif", "s")
    assert (cells["g"].value, cells["g"].data_type, cells["g"].number_format) == (8.0, "n", "0.0")
    assert cells["tiles"].value == 12
    assert by_name(sheet, 5)["g"].value is None
    assert "um" in by_name(sheet, 1)["mean_diameter_um"].comment.text
    assert by_name(sheet, 3)["file"].value == "a\N{REPLACEMENT CHARACTER}b.tif"


def test_the_page_repeats_its_header_filters_and_colours_status_and_verdict(book):
    sheet = book["Micrographs"]
    assert sheet.freeze_panes == "B2"
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.auto_filter.ref.startswith("A1:") and sheet.auto_filter.ref.endswith("5")
    rules = {str(area.sqref): {one.formula[0] for one in area.rules} for area in sheet.conditional_formatting}
    assert '"review"' in rules["B2:B5"]
    column = by_name(sheet, 1)["verdict"].column_letter
    assert '"fail"' in rules[f"{column}2:{column}5"]
    assert sheet.column_dimensions[by_name(sheet, 1)["tiles"].column_letter].hidden
    assert not sheet.column_dimensions["A"].hidden


def test_links_lead_to_the_micrograph_and_its_heatmap(written, book):
    sheet = book["Micrographs"]
    links = {cell.value: cell.hyperlink.target for (cell,) in sheet["A2:A5"]}
    assert links["sub/#5 ä.tif"].replace("\\", "/") == "../archive/sub/%235%20%C3%A4.tif"
    with zipfile.ZipFile(written) as parts:
        names = parts.namelist()
        drawing = next(
            name for name in names if name.startswith("xl/drawings/_rels/") and b"heatmaps" in parts.read(name)
        )
        assert b"heatmaps/sub/%235%20%C3%A4.tif.png" in parts.read(drawing).replace(b"\\", b"/")
    assert sum(name.startswith("xl/media/") for name in names) == 1


def test_without_a_thumbnail_the_heatmap_is_a_link_in_words(record, tmp_path):
    put_picture(tmp_path, "heatmaps", "png", (90, 60))
    write_workbook(record, [], (), tmp_path / "results.xlsx")
    cell = by_name(openpyxl.load_workbook(tmp_path / "results.xlsx")["Micrographs"], 4)["heatmap"]
    assert cell.value == '=HYPERLINK("heatmaps/sub/%235%20%C3%A4.tif.png","heatmap")'
    shown = openpyxl.load_workbook(tmp_path / "results.xlsx", data_only=True)["Micrographs"]
    assert shown[cell.coordinate].value == "heatmap"


def test_problems_are_what_needs_a_person_and_specimens_have_their_verdict(book):
    problems = [[cell.value for cell in line[:3]] for line in book["Problems"].iter_rows(min_row=2)]
    assert problems == [
        ["a\N{REPLACEMENT CHARACTER}b.tif", "graded", "fail"],
        ["sub/#5 ä.tif", "graded", "undecided"],
        ["z.tif", "failed", "undecided"],
    ]
    specimen = {name: cell.value for name, cell in by_name(book["Specimens"], 2).items()}
    assert (specimen["specimen"], specimen["fields"], specimen["fields_left_out"]) == ("P1", 3, 0)
    assert "fewer than 5 fields" in specimen["flags"]


def test_a_rule_that_fits_no_file_is_told(record, tmp_path):
    table = [row | {"specimen": None} for row in record.table]
    write_workbook(
        replace(record, table=table, sections={"specimen": {"csv": "a.csv"}}), [], (), tmp_path / "results.xlsx"
    )
    book = openpyxl.load_workbook(tmp_path / "results.xlsx")
    assert book["Specimens"]["A1"].value.startswith("No file fits the rule")
    assert {line[0].value: line[1].value for line in book["Summary"]}["without a specimen"] == 4


def test_rows_are_as_high_as_their_wrapped_text(record, tmp_path):
    record.table[0]["verdict_reason"] = None
    record.table[3]["reason"] = "a long reason " * 12  # 168 characters in a column of 40
    write_workbook(record, [], (), tmp_path / "results.xlsx")
    heights = openpyxl.load_workbook(tmp_path / "results.xlsx")["Micrographs"].row_dimensions
    assert heights[2].height == 18  # one line
    assert heights[5].height == 15 * 6 + 3


def test_every_printed_page_says_that_g_is_an_estimate(book):
    for sheet in book:
        assert "estimate by model fake, not an E112 measurement" in sheet.oddFooter.center.text
        assert "not an E1181 rating" in sheet.oddFooter.center.text


def test_summary_counts_and_draws_native_charts(written, book):
    summary = {line[0].value: line[1].value for line in book["Summary"] if line[0].value}
    assert (summary["micrographs"], summary["graded"], summary["failed"]) == (4, 3, 1)
    assert (summary["micrographs: fail"], summary["micrographs: undecided"], summary["limit 1"]) == (
        *(1, 2),
        "G >= 7.0, applies to 4 micrographs, 1 specimen",
    )
    assert "not an E1181 rating" in summary["note"]
    with zipfile.ZipFile(written) as parts:
        charts = [parts.read(name).decode() for name in parts.namelist() if name.startswith("xl/charts/chart")]
    assert ["barChart" in charts[0], "scatterChart" in charts[1]] == [True, True]
    bars = [(line[13].value, line[14].value) for line in book["Summary"].iter_rows(min_row=2, max_row=6)]
    assert bars == [(6.0, 1), (6.5, 0), (7.0, 1), (7.5, 0), (8.0, 1)]


def test_settings_name_every_setting_and_the_model_card(book):
    sheet = book["Settings"]
    told = {line[0].value: line[1].value for line in sheet.iter_rows(min_row=2)}
    assert told["settings.stride_px"] == "224"
    assert told["model card.limits.novelty"] == "1.6"
    assert told["weights_sha256"] == "1" * 64
    assert told["host"] == "here"


def test_what_was_counted_has_a_sheet_with_its_pictures(record, tmp_path):
    known = {"g_counted": 7.3, "g_counted_low": 7.1, "grains_counted": 412.5, "intercept_by_direction_um": "0:21.3"}
    record.table[2] |= known
    record.table[1] |= {"count_note": "the boundaries do not close"}
    put_picture(tmp_path, "overlays", "png", (90, 60))
    write_workbook(record, [], (), tmp_path / "results.xlsx")
    book = openpyxl.load_workbook(tmp_path / "results.xlsx")
    assert book.sheetnames == [*SHEETS[:3], "Counts", *SHEETS[3:]]
    sheet = book["Counts"]
    assert [cell.value for cell in sheet["A"]][1:] == ["a\N{REPLACEMENT CHARACTER}b.tif", "sub/#5 ä.tif"]
    cells = by_name(sheet, 3)
    assert {name: cells[name].value for name in known} == known
    assert (cells["g_counted"].number_format, cells["grains_counted"].number_format) == ("0.0", "0")
    assert cells["overlay"].value == '=HYPERLINK("overlays/sub/%235%20%C3%A4.tif.png","overlay")'
    assert by_name(sheet, 2)["overlay"].value is None
    assert by_name(sheet, 2)["count_note"].value == "the boundaries do not close"
    assert "95 %" in by_name(sheet, 1)["g_counted_low"].comment.text
    assert "follows E112, on boundaries that model fake drew" in sheet.oddFooter.center.text
    hidden = {name: sheet.column_dimensions[cell.column_letter].hidden for name, cell in by_name(sheet, 1).items()}
    assert not hidden["g_counted"] and not hidden["intercept_by_direction_um"]
    assert hidden["anisotropy"] and hidden["count_corrected_by"]  # no row has one


def test_pandas_reads_back_what_was_written(written, record):
    frame = pd.read_excel(written, sheet_name="Micrographs")
    assert list(frame["G"][:3]) == [8.0, 6.0, 7.2]
    assert frame["verdict"].tolist() == [row["verdict"] for row in record.table]


def test_headings_are_words_with_units_and_their_notes_begin_with_the_name_in_the_csv(book):
    micrographs, specimens = (
        {name: cell.value for name, cell in by_name(book[name_of_sheet], 1).items()}
        for name_of_sheet in ("Micrographs", "Specimens")
    )
    assert micrographs["g_low"] == "G low"
    assert micrographs["mean_intercept_um"] == "mean intercept, µm"
    assert micrographs["um_per_px"] == "µm per px"
    assert micrographs["area_mm2"] == "area, mm²"
    assert micrographs["grains_per_mm2"] == "grains per mm²"
    assert specimens["relative_accuracy"] == "%RA"
    assert specimens["g_model_half"] == "G of the model, half-width"


def test_times_are_dates_and_what_is_none_stays_text(tmp_path):
    times = ["2026-03-02T08:00:00+00:00", "2026-03-02T08:00:00+02:00", "0001-01-01T00:00:00+00:00"]
    table = [row(f"{number}.tif", file_modified=time) for number, time in enumerate(times)]
    write_workbook(Record(table, ("/archive",), "fake", "1" * 64), [], (), tmp_path / "results.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "results.xlsx")["Micrographs"]
    cells = [by_name(sheet, number)["file_modified"] for number in range(2, 5)]
    assert [cell.value for cell in cells] == [datetime(2026, 3, 2, 8), datetime(2026, 3, 2, 6), *times[2:]]
    assert cells[0].number_format == "yyyy-mm-dd hh:mm"


def test_every_printed_page_says_what_it_is_about_and_has_a_line_to_sign(record, tmp_path):
    told = replace(record, roots=("/long/" * 40 + "A & B",), finished="2026-11-27T05:52:33+00:00")
    write_workbook(told, specimen_rows(record.table, LIMITS), LIMITS, tmp_path / "results.xlsx")
    with zipfile.ZipFile(tmp_path / "results.xlsx") as parts:
        sheets = [name for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
        for name in sheets:
            text = parts.read(name).decode()
            head, foot = (html.unescape(text.split(f"<{one}>")[1].split("<")[0]) for one in ("oddHeader", "oddFooter"))
            assert head.startswith("&L&BGrain size of etched steel&B  …") and "A && B&C" in head
            assert head.endswith("&R2026-11-27")
            assert foot.startswith("&LChecked by ___")
            assert max(len(head), len(foot)) <= 255
    assert len(sheets) == len(SHEETS)


def test_the_heat_of_a_specimen_is_printed_and_a_column_that_no_row_fills_is_not(tmp_path):
    table = [row("a.tif", heat="H7"), row("b.tif", heat="H7")]
    write_workbook(Record(table, ("/archive",), "fake", "1" * 64), specimen_rows(table, ()), (), tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    for sheet in (book["Specimens"], book["Micrographs"]):
        hidden = {n: sheet.column_dimensions[cell.column_letter].hidden for n, cell in by_name(sheet, 1).items()}
        assert not hidden["heat"] and hidden["order"]


def test_a_long_path_takes_several_lines_in_a_row_high_enough(tmp_path):
    table = [row(f"{'a/long/path/' * 9}{number}.tif") for number in (1, 2)]
    write_workbook(Record(table, ("/archive",), "fake", "1" * 64), [], (), tmp_path / "results.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "results.xlsx")["Micrographs"]
    assert sheet["A2"].alignment.wrap_text and sheet["A2"].value.endswith("/1.tif")
    assert sheet.row_dimensions[2].height >= 15 * len(sheet["A2"].value) / sheet.column_dimensions["A"].width


def test_histogram_counts_half_grades_and_keeps_the_gaps():
    assert histogram([4.74, 4.76, 5.2, 6.0]) == [(4.5, 1), (5.0, 2), (5.5, 0), (6.0, 1)]
    assert histogram([]) == []


def test_trend_is_by_day_and_over_years_by_month():
    assert trend([("2026-03-01", 5.0), ("", 1.0), ("2026-03-01", 6.0)]) == [("2026-03-01", 5.5, 5.0, 6.0)]
    long = [(f"{2000 + i // 12}-{i % 12 + 1:02d}-{day:02d}", 8.0) for i in range(60) for day in range(1, 11)]
    assert [date for date, *_ in trend(long)][:2] == ["2000-01-01", "2000-02-01"]
    assert len(trend(long)) == 60


def test_nested_settings_become_dotted_names():
    nested = {"a": {"b": 1}, "c": [{"d": 2}, {"d": 3}], "e": [1, 2], "f": None}
    assert flat(nested) == [("a.b", "1"), ("c.1.d", "2"), ("c.2.d", "3"), ("e", "1, 2"), ("f", "")]


def test_a_link_too_long_for_a_formula_of_excel_is_left_out(tmp_path):
    """Excel repairs a workbook whose formula holds a text of more than 255 characters."""
    name = "\N{CJK UNIFIED IDEOGRAPH-91D1}" * 40 + ".tif"
    record = replace(make_record(tmp_path), table=[row(name, grains_counted=400.0)])
    path = tmp_path / "overlays" / f"{name}.png"
    path.parent.mkdir()
    Image.new("RGB", (9, 9)).save(path)
    write_workbook(record, [], (), tmp_path / "results.xlsx")
    formulas = [cell.value for line in openpyxl.load_workbook(tmp_path / "results.xlsx")["Counts"] for cell in line]
    assert [one for one in formulas if str(one).startswith("=")] == []
