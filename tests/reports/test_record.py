from __future__ import annotations

import hashlib
import json

import pytest
from helpers.table_rows import row

from gdest.cli.run_reports import run_report, run_verify
from gdest.core.errors import DataError
from gdest.reports.assign import Rules
from gdest.reports.every import rejected, write_reports
from gdest.reports.limits import Limit
from gdest.reports.record import Record
from gdest.reports.record_file import read_record

RULES = Rules(None, (Limit("g >= 7.0"),))


@pytest.fixture
def out(tmp_path):
    """An output folder of two micrographs, one of which fails the limit."""
    archive = tmp_path / "archive"
    archive.mkdir()
    (tmp_path / "w.safetensors").write_bytes(b"weights")
    table = []
    for name, g in (("coarse.tif", 5.0), ("fine.tif", 8.0)):
        (archive / name).write_text(name)
        hashed = hashlib.sha256(name.encode()).hexdigest()
        table.append(row(name, sha256=hashed, g=g, g_low=g - 0.3, g_high=g + 0.3))
    weights = hashlib.sha256(b"weights").hexdigest()
    sections = {"limit": [{"rule": "g >= 7.0"}]}
    run = Record(table, (str(archive),), "w", weights, str(tmp_path / "w.safetensors"), sections=sections)
    write_reports(run, RULES, tmp_path / "out")
    return tmp_path / "out"


def test_the_record_holds_the_run(out):
    run, reports = read_record(out)
    assert [line["verdict"] for line in run.table] == ["fail", "pass"]
    assert set(reports) == {"results.csv", "results.xlsx", "index.html", "specimens.csv"}
    assert reports["results.csv"] == hashlib.sha256((out / "results.csv").read_bytes()).hexdigest()
    assert rejected(run, RULES) == 1  # the specimen, too coarse in one of two fields, is undecided


def test_nothing_has_changed_after_a_run(out, capsys):
    assert run_verify(out) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("out/results.csv", "results.csv: changed since the run"),
        ("out/specimens.csv", "specimens.csv: changed since the run"),
        ("archive/fine.tif", "fine.tif: changed since the run"),
        ("w.safetensors", "w.safetensors: changed since the run"),
    ],
)
def test_verify_names_what_has_changed(out, capsys, path, sentence):
    changed = out.parent / path
    changed.write_bytes(changed.read_bytes() + b"!")
    assert run_verify(out) == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(sentence)


def test_verify_names_what_is_gone(out, capsys):
    (out.parent / "archive/fine.tif").unlink()
    assert run_verify(out) == 3
    assert capsys.readouterr().out == "fine.tif: missing\n"


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
    assert "1 of 2 micrographs belong to no specimen by the rule in gdest.toml." in capsys.readouterr().err
    (tmp_path / "specimens.csv").write_text("file,specimen\nfine.tif,A\ncoarse.tif,A\n")
    run_report(out, config, fail_on_reject=False)
    assert "belong to no specimen" not in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"gdest_run": 99}', None])
def test_a_folder_without_a_readable_record_is_one_sentence(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(DataError, match=r"run\.json"):
        read_record(tmp_path)


def test_the_record_is_json_with_nothing_that_json_lacks(out):
    content = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert content["rows"][0]["um_per_px"] == 0.5
    assert "NaN" not in (out / "run.json").read_text(encoding="utf-8")


def test_the_second_micrograph_of_a_file_lies_in_that_file(tmp_path):
    for root in ("one", "two"):
        (tmp_path / root).mkdir()
        (tmp_path / root / "stack.tif").touch()
    (tmp_path / "one" / "odd#3").touch()
    single, several = (
        Record([], (str(tmp_path / "one"),), "w", ""),
        Record([], (str(tmp_path / "one"), str(tmp_path / "two")), "w", ""),
    )
    assert single.path_of("stack.tif#2") == tmp_path / "one" / "stack.tif"
    assert single.path_of("odd#3") == tmp_path / "one" / "odd#3"
    assert several.path_of("two/stack.tif#2") == tmp_path / "two" / "stack.tif"
    assert several.path_of("three/stack.tif") is None
