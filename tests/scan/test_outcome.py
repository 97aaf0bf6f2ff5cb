"""What a scan returns, and the exit code that follows, for archives graded, doubtful, rejected and cut short."""

from __future__ import annotations

import pytest
from helpers.predictors import FakePredictor
from helpers.scan_fixtures import put

from gdest.cli.run_scan import scan_exit_code
from gdest.core.errors import NothingGradedError
from gdest.reports.every import REPORTS
from gdest.scan.outcome import Results, ScanOutcome
from gdest.scan.settings import ScanSettings
from gdest.scan.stopping import Stop


def test_a_scan_counts_the_whole_folder_and_says_what_it_read_itself(scan_once, root, tmp_path):
    first = scan_once()
    assert (first.files_read, first.results.counts, first.results.problems) == (6, {"graded": 6}, [])
    assert (first.results.written, first.signal, first.rejected) == (True, 0, 0)
    assert first.results.reports == tuple(tmp_path / "out" / name for name in REPORTS)
    assert first.seconds > 0.0
    put(root, "new.tif", 70)
    (root / "broken.tif").write_bytes(b"II*\0")
    second = scan_once()
    assert (second.files_read, second.results.counts) == (2, {"graded": 7, "failed": 1})
    assert [row["file"] for row in second.results.problems] == ["broken.tif"]
    third = scan_once()
    assert (third.files_read, third.results.counts, third.results.written) == (0, {"graded": 7, "failed": 1}, False)


def test_a_report_that_is_missing_is_written_again(scan_once, tmp_path):
    scan_once()
    (tmp_path / "out" / "index.html").unlink()
    assert scan_once().results.written
    assert (tmp_path / "out" / "index.html").is_file()


def test_micrographs_that_are_all_in_review_have_a_g_and_exit_code_3(scan_once):
    outcome = scan_once(predictor=FakePredictor(novelty=9.0))
    assert outcome.results.counts == {"review": 6}
    assert all(row["g"] is not None for row in outcome.results.problems)
    assert scan_exit_code(outcome) == 3


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({"graded": 2}, 0),
        ({"graded": 1, "review": 1}, 3),
        ({"graded": 1, "failed": 1}, 3),
        ({"graded": 1, "uncalibrated": 1}, 3),
        ({"review": 2}, 3),
        ({"review": 1, "failed": 1}, 3),
        ({"failed": 1, "uncalibrated": 1}, 4),
        ({"failed": 2}, 4),
        ({"uncalibrated": 2}, 4),
    ],
)
def test_the_rows_choose_the_exit_code(counts, code):
    assert scan_exit_code(ScanOutcome(Results(counts, [], (), True), 2, 1.0)) == code


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (ScanOutcome(Results({"failed": 1}, [], (), True), 1, 1.0, rejected=1), 6),
        (ScanOutcome(Results({"graded": 1}, [], (), True), 1, 1.0, signal=2), 130),
        (ScanOutcome(None, 0, 1.0, signal=15), 143),
    ],
)
def test_a_limit_that_fails_comes_before_the_rows_and_a_signal_before_both(outcome, code):
    assert scan_exit_code(outcome) == code


@pytest.mark.parametrize(("rule", "rejected", "code"), [("g >= 15.0", 6, 6), ("g >= 1.0", 0, 0)])
def test_fail_on_reject_counts_micrographs_where_no_rule_names_specimens(scan_once, tmp_path, rule, rejected, code):
    config = tmp_path / "gdest.toml"
    config.write_text(f'[[limit]]\nrule = "{rule}"\non = "micrograph"\n')
    outcome = scan_once(ScanSettings(fail_on_reject=True), config=config)
    assert (outcome.rejected, scan_exit_code(outcome)) == (rejected, code)
    assert not (tmp_path / "out" / "specimens.csv").exists()
    again = scan_once(ScanSettings(fail_on_reject=True), config=config)
    assert (again.results.written, again.rejected) == (False, rejected)
    unasked = scan_once(config=config)
    assert (unasked.rejected, scan_exit_code(unasked)) == (0, 0)


def test_what_limits_found_is_there_also_when_nothing_is_new(scan_once, tmp_path):
    config = tmp_path / "gdest.toml"
    config.write_text('[[limit]]\nrule = "g >= 15.0"\nfile = "a/*"\n[[limit]]\nrule = "g <= 16"\nheat = "H99*"\n')
    first, again = scan_once(config=config), scan_once(config=config)
    assert (first.results.written, again.results.written) == (True, False)
    for outcome in (first, again):
        found = outcome.results.acceptance
        assert found.limits == (
            "G >= 15.0 (file a/*), applies to 3 micrographs, 0 specimens",
            "G <= 16 (heat H99*), applies to 0 micrographs, 0 specimens",
        )
        assert [line.partition(":")[0] for line in found.failing] == ["a/0.tif", "a/2.tif", "a/4.tif"]
    assert scan_once().results.acceptance is None


def test_micrographs_without_a_specimen_are_counted(scan_once, tmp_path):
    config = tmp_path / "gdest.toml"
    config.write_text('[specimen]\nregex = "^a/(?P<specimen>[0-9])"\n')
    assert scan_once(config=config).results.unassigned == 3
    config.write_text('[specimen]\nregex = "(?P<specimen>[0-9])"\n')
    assert scan_once(config=config).results.unassigned == 0


def test_a_scan_that_shall_stop_before_the_first_file_has_no_results(scan_once, tmp_path):
    stop = Stop()
    stop.signal = 15
    outcome = scan_once(stop=stop)
    assert (outcome.results, outcome.files_read, outcome.signal) == (None, 0, 15)
    assert not (tmp_path / "out" / "results.csv").exists()


def test_an_archive_without_images_is_one_sentence(scan_once, root):
    for path in root.rglob("*.tif"):
        path.unlink()
    with pytest.raises(NothingGradedError, match="No image found"):
        scan_once()
