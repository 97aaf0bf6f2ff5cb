from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace

import pytest
from helpers.table_rows import row

from gdest.cli.run_reports import run_report, run_verify
from gdest.core.errors import DataError
from gdest.reports.assign import Rules
from gdest.reports.differences import differences
from gdest.reports.every import REPORTS, write_reports
from gdest.reports.limits import Limit
from gdest.reports.limits_found import acceptance
from gdest.reports.record import Record, library_versions
from gdest.reports.record_file import read_record, write_record

RULES = Rules(None, (Limit("g >= 7.0"),))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An archive of two micrographs, one of which fails the limit, weights, and the reports in `out`."""
    folder = tmp_path_factory.mktemp("finished")
    archive = folder / "archive"
    archive.mkdir()
    (folder / "w.safetensors").write_bytes(b"weights")
    table = []
    for name, g in (("coarse.tif", 5.0), ("fine.tif", 8.0)):
        (archive / name).write_text(name)
        table.append(row(name, sha256=sha256(name.encode()), g=g, g_low=g - 0.3, g_high=g + 0.3))
    record = Record(
        table,
        (str(archive),),
        "w",
        sha256(b"weights"),
        str(folder / "w.safetensors"),
        sections={"limit": [{"rule": "g >= 7.0"}]},
        versions=library_versions(),
    )
    write_reports(record, RULES, folder / "out")
    return folder


@pytest.fixture
def out(finished, tmp_path):
    """A copy of the output folder, free to change; archive and weights stay where they are."""
    return shutil.copytree(finished / "out", tmp_path / "out")


def test_the_record_holds_rows_verdicts_and_the_hashes_of_the_reports(finished):
    out = finished / "out"
    record, reports = read_record(out)
    assert [line["verdict"] for line in record.table] == ["fail", "pass"]
    assert set(reports) == {*REPORTS, "specimens.csv"} - {"run.json"}
    assert all(reports[name] == sha256((out / name).read_bytes()) for name in reports)
    assert len(acceptance(record, RULES).failing) == 1  # the specimen, too coarse in one of two fields, is undecided


def test_the_record_is_json_with_nothing_that_json_lacks(finished):
    text = (finished / "out/run.json").read_text(encoding="utf-8")
    content = json.loads(text)
    assert content["rows"][0]["um_per_px"] == 0.5
    assert "NaN" not in text
    assert {"torch", "torchvision", "numpy"} <= set(content["versions"])


def test_nothing_differs_after_a_scan(finished, capsys):
    assert list(differences(*read_record(finished / "out"), finished / "out")) == []
    assert run_verify(finished / "out") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["results.csv", "specimens.csv", "index.html"])
def test_a_report_that_has_changed_is_named(out, capsys, name):
    (out / name).write_bytes((out / name).read_bytes() + b"!")
    assert run_verify(out) == 3
    assert capsys.readouterr().out == f"{name}: changed since the run\n"


@pytest.mark.parametrize(("path", "name"), [("archive/fine.tif", "fine.tif"), ("w.safetensors", "weights")])
def test_a_micrograph_or_weights_file_that_has_changed_or_is_gone_is_named(finished, path, name):
    changed, record, reports = finished / path, *read_record(finished / "out")
    before = changed.read_bytes()
    try:
        changed.write_bytes(before + b"!")
        (sentence,) = differences(record, reports, finished / "out")
        assert sentence.startswith(name) and sentence.endswith(": changed since the run")
        changed.unlink()
        (sentence,) = differences(record, reports, finished / "out")
        assert sentence.startswith(name) and sentence.endswith(": missing")
    finally:
        changed.write_bytes(before)


def test_reports_are_rebuilt_from_the_record_alone(out):
    before = (out / "results.csv").read_bytes()
    for path in out.iterdir():
        if path.name != "run.json":
            path.unlink()
    assert run_report(out, None, fail_on_reject=False) == 0
    assert (out / "results.csv").read_bytes() == before
    assert (out / "results.xlsx").is_file()
    assert run_verify(out) == 0


def test_a_report_can_follow_other_limits(out, tmp_path):
    config = tmp_path / "gdest.toml"
    config.write_text('[[limit]]\nrule = "g >= 4.0"\n')
    assert run_report(out, None, fail_on_reject=True) == 6
    assert run_report(out, config, fail_on_reject=True) == 0
    assert [line["verdict"] for line in read_record(out)[0].table] == ["pass", "pass"]


def test_micrographs_that_a_rule_leaves_without_a_specimen_are_told(out, tmp_path, capsys):
    (tmp_path / "specimens.csv").write_text("file,specimen\nfine.tif,A\n")
    config = tmp_path / "gdest.toml"
    config.write_text('[specimen]\ncsv = "specimens.csv"\n')
    assert run_report(out, config, fail_on_reject=False) == 0
    assert "1 of 2 micrographs belongs to no specimen by the rule in gdest.toml." in capsys.readouterr().err
    (tmp_path / "specimens.csv").write_text("file,specimen\nfine.tif,A\ncoarse.tif,A\n")
    run_report(out, config, fail_on_reject=False)
    assert "belong to no specimen" not in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"gdest_run": 99}', None])
def test_a_folder_without_a_readable_record_is_one_sentence(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(DataError, match=r"run\.json"):
        read_record(tmp_path)


@pytest.mark.parametrize("name", ["../../victim.tif", "/victim.tif", "", "a/../../\x1b[2J"])
def test_a_record_with_a_name_that_leads_out_of_its_folder_is_refused(out, name):
    record, _ = read_record(out)
    write_record(replace(record, table=[row(name)]), [], out)
    with pytest.raises(DataError, match="outside of the scanned folders") as caught:
        read_record(out)
    assert str(caught.value).isprintable()
