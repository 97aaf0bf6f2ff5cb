"""A mistake in the file of `--config` is told with the path that was given, by every command that takes one."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.table_rows import row

from gdest.cli.images import settings_for
from gdest.cli.run_certificate import run_certificate
from gdest.cli.run_reports import run_report
from gdest.core.errors import SettingsError
from gdest.core.settings import GradeSettings
from gdest.reports.assign import Rules
from gdest.reports.every import write_reports
from gdest.reports.record import Record
from gdest.scan.job import prepare_scan

GRADING = [
    "[[pixel_size]]\num_per_px = 0.5",
    "pixel_size = 1",
    "[[objective]]\nname = '20x'\num_per_px = 1\n[[objective]]\nname = '20x'\num_per_px = 2",
    "crop = 1",
    "[[crop]]\nglob = '*'",
]
REPORTING = [
    "[[limit]]\nrule = 'g > 5'",
    "[limit]\nrule = 'g >= 5'",
    "[specimen]\nfolder = 'bottom'",
    "[specimen]\ncsv = 'none.csv'",
    "[reports]\ncsv = 'french'",
    "reports = 1",
]
CERTIFYING = ["[certificate]\nname = 'x'", "certificate = 1"]


@pytest.fixture
def results(tmp_path):
    record = Record([row("1.tif")], ("/archive",), "fake", "1" * 64, finished="2026-11-27T05:52:33+00:00")
    write_reports(record, Rules(), tmp_path / "out")
    return tmp_path / "out"


def scan(config):
    prepare_scan([config.parent], Path("/nowhere"), GradeSettings(), None, config)


def analyze(config):
    settings_for([], GradeSettings(), config)


@pytest.mark.parametrize(
    ("command", "text"),
    [(scan, text) for text in (*GRADING, *REPORTING, *CERTIFYING)] + [(analyze, text) for text in GRADING],
)
def test_a_scan_and_single_images_name_the_file_that_was_given(tmp_path, command, text):
    assert_named(tmp_path, text, command)


@pytest.mark.parametrize("text", REPORTING)
def test_a_report_names_the_file_that_was_given(tmp_path, results, text):
    assert_named(tmp_path, text, lambda config: run_report(results, config, fail_on_reject=False))


@pytest.mark.parametrize("text", CERTIFYING)
def test_a_certificate_names_the_file_that_was_given(tmp_path, results, text):
    assert_named(tmp_path, text, lambda config: run_certificate(results, None, None, None, config, every=True))


def assert_named(folder, text, command):
    config = folder / "lab.toml"
    config.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(SettingsError) as told:
        command(config)
    assert str(told.value).startswith(f"{config}: ")
    assert "gdest.toml" not in str(told.value)
