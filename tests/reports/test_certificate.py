"""The certificate as somebody reads it: its text, its pictures and its fonts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import matplotlib
import pytest
from helpers.table_rows import row
from PIL import Image

from gdest.core import NO_METAL, SettingsError
from gdest.reports.assign import Rules, specimen_rows
from gdest.reports.certificate import letters_without_font, write_certificate
from gdest.reports.certificate_content import representative
from gdest.reports.every import write_reports
from gdest.reports.heatmap import heatmap_name
from gdest.reports.laboratory import Laboratory, read_laboratory
from gdest.reports.limits import Limit
from gdest.reports.pictures import preview_name
from gdest.reports.record import Record
from gdest.reports.record_file import file_sha256

pytest.importorskip("typst", reason="the test extra is not installed")
pypdf = pytest.importorskip("pypdf", reason="the test extra is not installed")

LIMITS = (Limit("g >= 7.0"),)
STATED = Laboratory(
    laboratory="Prüflabor Müller & Söhne", customer="#strong[*A* $x$] <b>", report_number="7-{specimen}"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two specimens in its folder, with the pictures of one micrograph."""
    out = tmp_path_factory.mktemp("run")
    table = [
        row(f"a/{number}.tif", g=g, g_low=g - 0.4, g_high=g + 0.4, grains_per_mm2=15.5 * 2 ** (g - 1), heat="H Ω7")
        for number, g in enumerate((7.6, 8.0, 8.1, 8.2, 8.6))
    ]
    table.append(row("b#[x]_y.tif", status="failed", g=None, reason="empty", specimen="P2", um_per_px=None))
    for name, size in ((preview_name("a/2.tif"), (400, 300)), (heatmap_name("a/2.tif"), (800, 398))):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, "teal").save(out / name)
    record = Record(table, ("/archive",), "fake", "1" * 64, finished="2026-11-27T05:52:33+00:00", card={"training": {}})
    return write_reports(record, Rules(None, LIMITS), out), out


def written(run, tmp_path, laboratory=STATED, number=0, limits=LIMITS):
    """Return the pages of a certificate as text, spaces made one, and the PDF."""
    record, out = run
    specimen = specimen_rows(record.table, limits)[number]
    missing = write_certificate(record, specimen, limits, laboratory, out, tmp_path / "c.pdf")
    pdf = pypdf.PdfReader(tmp_path / "c.pdf")
    return [" ".join(page.extract_text().split()) for page in pdf.pages], pdf, missing


def test_a_certificate_tells_the_result_its_intervals_its_method_and_where_it_comes_from(run, tmp_path):
    pages, _, _ = written(run, tmp_path)
    specimen = specimen_rows(run[0].table, LIMITS)[0]
    text = " ".join(pages)
    assert f"G {specimen['g']:.1f}" in pages[0]
    assert f"{specimen['g_low']:.1f} to {specimen['g_high']:.1f}, 95 % over the fields" in text
    assert "± 0.40 by the model itself, 90 %, for a steel that it has not seen" in text
    assert "estimate by model fake, not an E112 measurement" in text
    assert "Verdict: pass." in text
    assert "Limits: G >= 7.0. Limits on micrographs: • G >= 7.0, applies to 5 micrographs: 5 pass" in text
    assert f"%RA {specimen['relative_accuracy']:.1f}" in text
    assert f"G, ISO 643 {specimen['g_iso_643']:.1f}" in text
    assert "Graded 2026-11-27" in text
    assert file_sha256(run[1] / "run.json") in text
    for number in range(5):
        assert f"{number}.tif" in text
    assert [f"Page {number} of {len(pages)}" in page for number, page in enumerate(pages, start=1)] == [True] * len(
        pages
    )


def test_what_the_laboratory_states_is_printed_as_it_is_and_the_rest_stays_blank(run, tmp_path):
    pages, _, missing = written(run, tmp_path)
    text = " ".join(pages)
    assert "Prüflabor Müller & Söhne" in text
    assert "#strong[*A* $x$] <b>" in text  # no markup
    assert "No. 7-P1" in text and "Heat H Ω7" in text
    assert "Etchant Instrument" in text  # nothing between
    assert missing == ""


def test_a_specimen_without_a_grade_says_so_and_has_no_picture(run, tmp_path):
    pages, pdf, _ = written(run, tmp_path, number=1)
    assert "no G" in pages[0] and "undecided" in pages[0]
    assert sum(len(page.images) for page in pdf.pages) == 0


def test_the_micrograph_nearest_to_the_specimens_g_is_shown_with_its_um_bar(run, tmp_path):
    record, _ = run
    assert representative(record, specimen_rows(record.table, LIMITS)[0])["file"] == "a/2.tif"
    pages, pdf, _ = written(run, tmp_path)
    assert "Micrograph a/2.tif" in " ".join(pages) and "100 µm" in " ".join(pages)  # of 400 um
    assert sum(len(page.images) for page in pdf.pages) == 2


def text_of(table, tmp_path, laboratory=STATED, settings=None, limits=()):
    """Return the text of the certificate of the first specimen of a table."""
    closed = "2026-11-27T05:52:33+00:00"
    record = Record(table, ("/archive",), "fake", "1" * 64, finished=closed, settings=settings or {})
    record = write_reports(record, Rules(None, limits), tmp_path)
    return " ".join(written((record, tmp_path), tmp_path, laboratory, limits=limits)[0])


def by_objective(file, **cells):
    return row(file, um_per_px_source="objective", **cells)


PLAN = {"name": "200x", "um_per_px": 0.5, "glob": "*.tif", "microscope": "Axio 7", "certificate": "K-4711"}
PLAN |= {"calibrated": date(2026, 3, 1)}
OTHER = {"name": "500x", "um_per_px": 0.2, "glob": "*", "microscope": "", "certificate": "", "calibrated": "2026-04-02"}
OBJECTIVES = {"calibration": {"objectives": [PLAN, OTHER]}}


def test_the_objective_that_made_the_pixel_size_is_named_with_its_calibration(tmp_path):
    table = [by_objective(f"{number}_200x.tif#2") for number in range(3)]
    text = text_of(table, tmp_path, settings=OBJECTIVES)
    assert "Objective 200x, Axio 7" in text and "Calibrated on 2026-03-01, certificate K-4711" in text
    assert "500x" not in text
    stated = Laboratory(objective="Plan 20x/0.5", calibration_date="2025-01-01")
    text = text_of(table, tmp_path, stated, OBJECTIVES)
    assert "Objective Plan 20x/0.5" in text and "Calibrated on 2025-01-01" in text and "K-4711" not in text


def test_of_several_objectives_each_has_its_own_calibration_and_share(tmp_path):
    table = [by_objective("1_200x.tif"), by_objective("2_500x.tif"), row("3_200x.tif", um_per_px_source="czi")]
    text = text_of(table, tmp_path, settings=OBJECTIVES)
    assert "200x, Axio 7 (1 of 3 micrographs); 500x (1 of 3 micrographs)" in text
    assert "200x, Axio 7: 2026-03-01, certificate K-4711; 500x: 2026-04-02" in text


def test_an_objective_that_made_no_pixel_size_is_not_named(tmp_path):
    text = text_of([row("1_200x.tif", um_per_px_source="czi")], tmp_path, settings=OBJECTIVES)
    assert "Axio" not in text and "K-4711" not in text


def test_a_field_that_does_not_count_says_why(tmp_path):
    same = {"sha256": "7" * 64}
    table = [row("1.tif", **same), row("2.tif", **same), row("3.tif", status="review", reason="too blurred to tell")]
    text = text_of(table, tmp_path)
    assert "Does not count: it shows the same field as 1.tif" in text
    assert "Does not count: too blurred to tell" in text
    assert text.count("Does not count") == 2


COARSE = {"g": 4.0, "g_low": 3.6, "g_high": 4.4}


def test_a_field_that_fails_a_limit_is_seen_though_no_limit_judged_its_specimen(tmp_path):
    limits = (Limit("g >= 5.0", (), ("micrograph",)), Limit("g <= 2.0", (("specimen", "nosuch*"),)))
    text = text_of([row("1.tif"), row("2.tif", **COARSE)], tmp_path, limits=limits)
    assert "Verdict: " not in text.partition(" Fields ")[0] and "nosuch" not in text
    assert "Limits on micrographs: • G >= 5.0, applies to 2 micrographs: 1 pass, 1 fail" in text
    assert text.count("Verdict: fail. G 4.0 (3.6..4.4, 90 %) is below 5.0") == 1


def test_no_page_break_parts_what_is_said_of_a_field_from_its_name(tmp_path):
    limits = (Limit("g >= 5.0", (), ("micrograph",)),)
    for before in range(2):  # two lines a field, so that a page would end within one for one of both
        table = [row(f"{number:03}.tif") for number in range(before)]
        table += [row(f"{number:03}.tif", **COARSE) for number in range(before, 80)]
        record = write_reports(Record(table, ("/archive",), "fake", "1" * 64), Rules(None, limits), tmp_path)
        pages = written((record, tmp_path), tmp_path, limits=limits)[0]
        tops = [page.partition(" source SHA-256 ")[2] for page in pages]
        assert sum(map(bool, tops)) > 1
        assert all(re.match(r"\d{3}\.tif graded", top) for top in tops if top)


def test_what_was_left_out_is_a_note_and_no_shortfall_of_e112(tmp_path):
    same = {"sha256": "7" * 64}
    table = [row(f"{number}.tif") for number in range(3)]
    table += [row("3.tif", **same), row("4.tif", g=6.0, **same), row("5.tif", status="review", reason="blurred")]
    table += [row("6.tif", status="failed", g=None, reason="empty")]
    table += [row("7.tif", status="review", reason=NO_METAL)]
    text = text_of(table, tmp_path)
    assert "Falls short of ASTM E112: fewer than 5 fields; 1 of 5 fields left out (not graded). Notes: 1 copy" in text
    assert (
        "Notes: 1 copy left out (one field counts once); 1 of these with another G than their field: check the pixel "
        "sizes; 1 picture without metal; 1 file that could not be read. Estimate" in text
    )
    (specimen,) = specimen_rows(table, ())
    assert all(one in text for one in specimen["flags"].split("; "))


def test_notes_alone_do_not_say_that_a_specimen_falls_short(tmp_path):
    fields = [row(f"{number}.tif", area_mm2=1.0) for number in range(5)]
    text = text_of([*fields, row("5.tif", status="failed", g=None, reason="empty")], tmp_path)
    assert "Notes: 1 file that could not be read." in text and "Falls short" not in text
    text = text_of(fields[:4], tmp_path)
    assert "Falls short of ASTM E112: fewer than 5 fields." in text and "Notes:" not in text


def test_the_end_of_an_interval_that_is_known_is_told(tmp_path):
    fields = [(f"{number}.tif", g) for number, g in enumerate((4.0, 4.2, 9.0))]
    table = [row(file, g=g, grains_per_mm2=15.5 * 2 ** (g - 1)) for file, g in fields]
    (specimen,) = specimen_rows(table, ())
    assert specimen["g_low"] is None and specimen["g_high"] is not None
    text = text_of(table, tmp_path)
    assert f"below {specimen['g_high']:.1f}, 95 % over the fields" in text


def test_no_word_of_the_table_of_sizes_runs_into_the_next(tmp_path):
    grades = [half / 2 for half in range(4, 30)]
    sizes = " ".join(f"{g:.1f}:{4 if g > 2 else 0}%/4%" for g in grades)
    text = text_of([row("1.tif", g_counted=8.0, grains_counted=400.0, grains_by_half_g=sizes)], tmp_path)
    shown = (
        text.partition("Sizes of the grains ")[2].partition(" Fields ")[0].partition(" Operator")[0].split()
    )  # pypdf glues what touches
    names = ("G", "number", "area")
    assert [word for word in shown if word in names] == 2 * list(names)
    assert [float(word) for word in shown if re.fullmatch(r"\d+\.\d", word)] == grades
    assert [shown.count("0%"), shown.count("4%")] == [1, 51]


def test_who_signs_does_so_below_the_result_however_much_there_is_to_tell(tmp_path):
    """Remarks of one more line each time: somewhere a line of the table of sizes would stand alone on a page."""
    sizes = " ".join(f"{half / 2:.1f}:1%/1%" for half in range(-20, 40))
    table = [row("1.tif", g_counted=8.0, grains_counted=400.0, grains_by_half_g=sizes)]
    record = write_reports(Record(table, ("/archive",), "fake", "1" * 64), Rules(None, ()), tmp_path)
    for lines in range(12):
        pages = written((record, tmp_path), tmp_path, replace(STATED, remarks="a remark. " * 10 * lines))[0]
        assert "Result" in pages[0] and pages[0].count("Date, signature") == 2
        assert "Date, signature" not in " ".join(pages[1:])
        of_sizes = [[len(re.findall(rf"\b{word} \d+%", page)) for word in ("number", "area")] for page in pages]
        assert all(number == area for number, area in of_sizes) and sum(map(sum, of_sizes)) > 0


def test_every_font_is_in_the_file(run, tmp_path):
    _, pdf, _ = written(run, tmp_path)
    fonts = {name: font for page in pdf.pages for name, font in page["/Resources"]["/Font"].items()}
    described = [font["/DescendantFonts"][0]["/FontDescriptor"] for font in fonts.values()]
    assert described
    assert all({"/FontFile2", "/FontFile3"} & set(one) for one in described)


def test_letters_that_no_font_has_are_told():
    dejavu = str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))
    assert letters_without_font("Prüfer Ω 金相 µm 金\n", [dejavu]) == "相金"
    assert letters_without_font("Prüfer Ω", [dejavu]) == ""
    assert letters_without_font("a", []) == "a"


def test_a_laboratory_brings_its_own_template(run, tmp_path):
    own = tmp_path / "own.typ"
    own.write_text('#let d = json("data.json")\nOnly #d.specimen.specimen and #d.g.g', encoding="utf-8")
    pages, _, _ = written(run, tmp_path, Laboratory(template=str(own)))
    assert pages == ["Only P1 and 8.1"]
    own.write_text("#broken(", encoding="utf-8")
    with pytest.raises(SettingsError, match="The certificate's template cannot be set: "):
        written(run, tmp_path, Laboratory(template=str(own)))
    with pytest.raises(SettingsError, match="cannot be read"):
        written(run, tmp_path, Laboratory(template=str(tmp_path / "none.typ")))


def test_a_section_is_read_with_dates_and_paths_below_its_folder():
    found = read_laboratory({"calibration_date": date(2026, 3, 1), "order": 4711, "template": "t.typ"}, Path("/rules"))
    assert found == Laboratory(calibration_date="2026-03-01", order="4711", template="/rules/t.typ")
    assert read_laboratory(None, Path()) == Laboratory()


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"custmer": "A"}, "has no custmer; known are laboratory, address, customer,"),
        ({"customer": ["A"]}, "customer must be text, a number or a date"),
        ({"customer": True}, "customer must be text, a number or a date"),
        ("A", "is one section with lines such as"),
    ],
)
def test_a_slip_in_the_section_is_named(section, sentence):
    with pytest.raises(SettingsError, match=sentence):
        read_laboratory(section, Path())
