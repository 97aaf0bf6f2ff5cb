"""`gdest certificate` as a user types it."""

from __future__ import annotations

import hashlib
import subprocess

import pytest
from helpers.table_rows import row

from gdest.cli.run_certificate import run_certificate
from gdest.cli.run_reports import run_report, run_verify
from gdest.core import DataError, ExitCode, SettingsError
from gdest.reports.assign import Rules, read_rules
from gdest.reports.every import write_reports
from gdest.reports.limits import Limit
from gdest.reports.record import Record

pytest.importorskip("typst", reason="the test extra is not installed")


@pytest.fixture
def results(tmp_path):
    table = [
        row("1.tif", specimen="P1", heat="H1"),
        row("2.tif", specimen="P1", heat="H2"),
        row("3.tif", specimen="../../P:3\n", heat=None),
    ]
    record = Record(table, ("/archive",), "fake", "1" * 64, finished="2026-11-27T05:52:33+00:00")
    write_reports(record, Rules(), tmp_path / "out")
    return tmp_path / "out"


def test_all_specimens_have_a_certificate_within_the_folder_whatever_they_are_called(results):
    assert run_certificate(results, None, None, None, None, every=True) == ExitCode.GRADED
    made = {path.relative_to(results).as_posix() for path in results.parent.rglob("*.pdf")}
    assert made == {"certificates/P1 H1.pdf", "certificates/P1 H2.pdf", "certificates/_.._P_3_.pdf"}


def test_one_specimen_is_named_by_its_name_and_heat(results, tmp_path):
    with pytest.raises(SettingsError, match="2 specimens are called P1; add --heat"):
        run_certificate(results, "P1", None, tmp_path / "a.pdf", None, every=False)
    run_certificate(results, "P1", "H2", tmp_path / "a.pdf", None, every=False)
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("specimen", "every", "sentence"),
    [
        (None, False, "Give --specimen NAME for one certificate, or --all"),
        ("P1", True, "Give --specimen NAME for one certificate, or --all"),
        ("P9", False, "There is no specimen P9; there are: "),
    ],
)
def test_what_cannot_be_certified_is_told(results, specimen, every, sentence):
    with pytest.raises(SettingsError, match=sentence):
        run_certificate(results, specimen, None, None, None, every=every)


def test_a_specimen_of_which_a_file_waits_gets_no_verdict(tmp_path):
    pypdf = pytest.importorskip("pypdf", reason="the test extra is not installed")
    rules = Rules(None, (Limit("g >= 1.0"),))
    limit = {"limit": [{"rule": "g >= 1.0"}]}
    table = [row(f"{number}.tif", specimen="P1") for number in range(5)]
    waits = row("5.tif", specimen="P1") | {"why": "new"}
    for waiting, is_judged in (([], True), ([waits], False)):
        record = Record(table, ("/archive",), "fake", "1" * 64, sections=limit, waiting=waiting)
        write_reports(record, rules, tmp_path / "out")
        run_certificate(tmp_path / "out", "P1", None, tmp_path / "a.pdf", None, every=False)
        text = " ".join(pypdf.PdfReader(tmp_path / "a.pdf").pages[0].extract_text().split())
        assert ("Verdict:" in text) is is_judged
        assert ("1 of its files waits to be graded." in text) is not is_judged


def test_a_certificate_names_the_limits_of_its_own_specimen_alone(tmp_path):
    pypdf = pytest.importorskip("pypdf", reason="the test extra is not installed")
    tables = [{"rule": "g >= 1.0", "specimen": "P1", "on": "specimen"}, {"rule": "g >= 2.0", "specimen": "P2"}]
    tables.append({"rule": "g >= 9.0", "on": "micrograph"})
    table = [row(f"{number}.tif", specimen=f"P{1 + number // 5}") for number in range(10)]
    record = Record(table, ("/archive",), "fake", "1" * 64, sections={"limit": tables})
    write_reports(record, Rules(None, read_rules(record.sections, tmp_path).limits), tmp_path / "out")
    run_certificate(tmp_path / "out", "P1", None, tmp_path / "a.pdf", None, every=False)
    text = " ".join(pypdf.PdfReader(tmp_path / "a.pdf").pages[0].extract_text().split())
    assert "Verdict: pass." in text
    assert "Limits: G >= 1.0 (specimen P1). Limits on micrographs: • G >= 9.0, applies to 5 micrographs: 5 fail" in text
    assert "P2" not in text


def test_a_folder_without_a_scan_has_no_certificate(tmp_path):
    with pytest.raises(DataError, match=r"run\.json does not exist"):
        run_certificate(tmp_path, "P1", None, None, None, every=False)


def test_another_toml_states_the_laboratory(results, tmp_path):
    (tmp_path / "lab.toml").write_text('[certificate]\ncustmer = "A"\n')
    with pytest.raises(SettingsError, match="has no custmer"):
        run_certificate(results, "P1", "H1", None, tmp_path / "lab.toml", every=False)


def verified(folder, capsys):
    """Return what verify finds of certificates, and what it notes of them."""
    capsys.readouterr()
    run_verify(folder)
    printed = capsys.readouterr()
    texts = (printed.out.splitlines(), printed.err.splitlines())
    return [[line for line in lines if line.startswith("certificates")] for lines in texts]


def test_a_certificate_that_changed_or_is_missing_is_named_by_verify(results, capsys):
    run_certificate(results, None, None, None, None, every=True)
    folder = results / "certificates"
    assert verified(results, capsys) == [[], []]
    command = ["sha256sum", "-c", "--strict", "SHA256SUMS"]
    checked = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout.count(b": OK")) == (0, 3)
    (folder / "P1 H1.pdf").write_bytes((folder / "P1 H2.pdf").read_bytes())
    (folder / "P1 H2.pdf").unlink()
    assert verified(results, capsys) == [
        ["certificates/P1 H1.pdf: changed since the run", "certificates/P1 H2.pdf: missing"],
        [],
    ]
    run_certificate(results, "P1", "H1", None, None, every=False)
    run_certificate(results, "P1", "H2", None, None, every=False)
    assert verified(results, capsys) == [[], []]


def test_certificates_without_a_hash_and_of_an_earlier_record_are_told_and_are_no_difference(results, capsys):
    run_certificate(results, "P1", "H1", None, None, every=False)
    (results / "certificates/signed.pdf").write_bytes(b"%PDF")
    run_report(results, None, fail_on_reject=False)
    assert verified(results, capsys) == [
        [],
        [
            "certificates: not compared, since SHA256SUMS has no hash of them: signed.pdf.",
            "certificates: written from an earlier run.json than that of today: P1 H1.pdf.",
        ],
    ]


def test_the_hash_of_a_certificate_elsewhere_is_told_and_kept_nowhere(results, tmp_path, capsys):
    run_certificate(results, "P1", "H2", tmp_path / "a.pdf", None, every=False)
    known = hashlib.sha256((tmp_path / "a.pdf").read_bytes()).hexdigest()
    assert f"Written: {tmp_path / 'a.pdf'}, SHA-256 {known}" in capsys.readouterr().err
    assert not (results / "certificates").exists()
