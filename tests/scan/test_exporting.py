"""How reports are exported from the ledger: in either style of CSV, of archives of any size."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from gdest.cli.run_merge import run_merge
from gdest.cli.run_reports import run_report, run_verify
from gdest.core.errors import SettingsError
from gdest.core.tables import number, read_table
from gdest.reports.record_file import file_sha256, read_record
from gdest.reports.report_settings import ReportSettings
from gdest.scan import exporting
from gdest.scan.database import Database
from gdest.scan.settings import ScanSettings
from gdest.scan.shards import Shard

EUROPEAN = ScanSettings(reports=ReportSettings("european"))
RULES = '[specimen]\nfolder = "parent"\n[[limit]]\nrule = "g >= 7.5"\n'


@pytest.fixture
def config(tmp_path):
    (tmp_path / "gdest.toml").write_text(RULES)
    return tmp_path / "gdest.toml"


def styles(out):
    """Return the separators of the two tables, and check that they say what the record says."""
    names = ("results.csv", "specimens.csv")
    found = ["".join(sorted({*(out / name).read_text("utf-8-sig").partition("\n")[0]} & {",", ";"})) for name in names]
    rows = {row["file"]: row["g"] for row in read_record(out)[0].table}
    assert {row["file"]: number(row["g"]) for row in read_table(out / "results.csv")} == rows
    return found


def test_a_scan_writes_every_csv_as_a_european_excel_reads_it(run, config, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(EUROPEAN, config=config)[0] == 0
    assert styles(out) == [";", ";"]
    assert {(out / name).read_bytes()[:3] for name in ("results.csv", "specimens.csv")} == {b"\xef\xbb\xbf"}
    assert '"csv":"european"' in (out / "index.html").read_text(encoding="utf-8")
    capsys.readouterr()
    run_verify(out)
    assert capsys.readouterr().out.splitlines() == [f"weights {Path('fake').resolve()}: missing"]
    assert run(config=config) == (0, 0)  # graded by the same recipe
    assert styles(out) == [",", ","]


def test_a_gdest_toml_states_the_style_and_the_command_line_says_otherwise(run, config, tmp_path):
    config.write_text(f'{RULES}[reports]\ncsv = "european"\n')
    run(config=config)
    assert styles(tmp_path / "out") == [";", ";"]
    run(ScanSettings(reports=ReportSettings("plain")), config=config)
    assert styles(tmp_path / "out") == [",", ","]


def test_reports_written_again_keep_the_style_of_the_scan_unless_told_otherwise(run, config, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other.toml"
    run(EUROPEAN, config=config)
    run_report(out, None, fail_on_reject=False)
    assert styles(out) == [";", ";"]
    other.write_text(f'{RULES}[reports]\ncsv = "plain"\n')
    run_report(out, other, fail_on_reject=False)
    assert styles(out) == [",", ","]
    run_report(out, other, ReportSettings("european"), fail_on_reject=False)
    assert styles(out) == [";", ";"]


def test_a_merge_takes_the_style_of_its_shards(run, config, tmp_path):
    for index in (1, 2):
        run(ScanSettings(shard=Shard(index, 2), reports=ReportSettings("european")), config=config)
    run_merge(tmp_path / "out", [])
    assert styles(tmp_path / "out") == [";", ";"]
    run_merge(tmp_path / "out", [], ReportSettings("plain"))
    assert styles(tmp_path / "out") == [",", ","]


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ('[reports]\ncsv = "German"', r"\[reports\]: csv is plain or european\.$"),
        ('[reports]\ncvs = "plain"', r"\[reports\]: unknown key cvs; known are csv\.$"),
        ('[[reports]]\ncsv = "plain"', r"\[reports\] is one section"),
    ],
)
def test_a_wrong_style_is_one_sentence(run, tmp_path, section, sentence):
    (tmp_path / "gdest.toml").write_text(section)
    with pytest.raises(SettingsError, match=sentence):
        run(config=tmp_path / "gdest.toml")
    with pytest.raises(SettingsError, match=r"^--csv is plain or european\.$"):
        ReportSettings("German")


def told(out):
    content = json.loads((out / "run.json").read_text())
    graded_at = pd.read_csv(out / "results.csv").drop(columns="graded_at").to_csv()
    return content["accepted"], content["pictures"], graded_at, (out / "specimens.csv").read_bytes()


def test_the_reports_of_an_archive_that_fits_no_memory_say_the_same(run, config, tmp_path, monkeypatch):
    run(config=config)
    known = told(tmp_path / "out")
    monkeypatch.setattr(exporting, "MOST_IN_MEMORY", 2)
    for name in ("results.csv", "ledger.sqlite"):
        (tmp_path / "out" / name).unlink()
    assert run(config=config)[0] == 0
    assert told(tmp_path / "out") == known
    assert known[0]["failures"] > 0


def test_a_ledger_that_is_damaged_while_reports_read_it_is_mended(run, table, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "MOST_IN_MEMORY", 2)
    run()
    database = Database.open(tmp_path / "out" / "ledger.sqlite")
    database.tell("UPDATE micrographs SET cells = replace(cells, 'graded', 'gradea') WHERE name = 'a/2.tif'")
    database.close()
    (tmp_path / "out" / "results.csv").unlink()
    code, seen = run()
    assert (code, seen > 0) == (0, True)
    assert set(table()["status"]) == {"graded"}


def test_a_scan_of_nothing_new_tells_limits_without_reading_the_rows(run, config, monkeypatch):
    options = ScanSettings(fail_on_reject=True)
    assert run(options, config=config)[0] == 6
    monkeypatch.setattr(exporting, "read_record", None)
    assert run(options, config=config) == (6, 0)


def test_a_report_that_cannot_be_read_back_is_written_again_by_the_next_scan(run, config, tmp_path, monkeypatch):
    def refused(path):
        if path.name == "specimens.csv":
            raise OSError(5, "Input/output error")
        return file_sha256(path)

    with monkeypatch.context() as patched:
        patched.setattr(exporting, "file_sha256", refused)
        assert run(config=config)[0] == 0
    before = (tmp_path / "out" / "run.json").read_bytes()
    run(config=config)
    written = (tmp_path / "out" / "run.json").read_bytes()
    assert written != before
    run(config=config)
    assert (tmp_path / "out" / "run.json").read_bytes() == written


def times(out):
    record, _ = read_record(out)
    return record.started, record.finished, record.seconds, record.files_read


def test_a_scan_that_read_nothing_tells_when_and_how_long_its_files_were_graded(run, config, tmp_path, monkeypatch):
    out = tmp_path / "out"
    run(config=config)
    graded = times(out)
    assert graded[3] == 6
    monkeypatch.setattr(exporting, "now", lambda: "2999-01-01T00:00:00+00:00")
    config.write_text(RULES.replace("7.5", "8.5"))
    assert run(config=config) == (0, 0)
    assert times(out) == graded
    record, _ = read_record(out)
    assert record.history[-1]["limits"] == ["G >= 8.5"]  # the reports are those of today
    assert run(ScanSettings(force=True), config=config)[1] == 24
    assert times(out)[1].startswith("2999") and times(out)[3] == 6


def test_a_scan_that_read_nothing_takes_no_times_of_other_weights(run, config, tmp_path):
    out = tmp_path / "out"
    run(config=config)
    run(config=config, sha256="2" * 64)
    graded = times(out)
    run(config=config)  # known to the ledger since the first scan
    assert times(out) != graded and times(out)[3] == 0
