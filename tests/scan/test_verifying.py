"""What `gdest verify` notices of an output folder that was changed, and what it says that it cannot."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3

import pytest
from helpers.scan_fixtures import SETTINGS, Counting, put

from gdest.cli.run_reports import run_report, run_verify
from gdest.cli.run_scan import run_scan
from gdest.core.errors import SettingsError
from gdest.core.own_output import LEDGER
from gdest.reports.record_file import row_line
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_damage import damaged_rows
from gdest.scan.ledger_schema import Finding
from gdest.scan.settings import ScanSettings


@pytest.fixture
def out(run, tmp_path):
    """The output folder of a scan of six files, whose weights are a file."""
    (tmp_path / "weights").write_bytes(b"weights")
    run(sha256=hashlib.sha256(b"weights").hexdigest())
    edit(tmp_path / "out", lambda content: content.update(weights=str(tmp_path / "weights")))
    return tmp_path / "out"


@pytest.fixture
def verify(out, capsys):
    """Verify the folder; return the lines on standard output after the exit code was checked against them."""

    def verified(*arguments):
        capsys.readouterr()
        code = run_verify(out, *arguments)
        lines = capsys.readouterr().out.splitlines()
        assert code == (3 if lines else 0)
        return lines

    return verified


def edit(out, change):
    """Change what stands in run.json, as somebody with an editor would."""
    content = json.loads((out / "run.json").read_text(encoding="utf-8"))
    change(content)
    (out / "run.json").write_text(json.dumps(content), encoding="utf-8")


def with_new_hash(content):
    digest = hashlib.sha256()
    for row in content["rows"]:
        digest.update(row_line(row).encode())
    content["rows_sha256"] = digest.hexdigest()


def test_nothing_differs_after_a_scan(verify):
    assert verify() == []


def test_what_the_reports_fill_in_is_no_difference(run, verify, out, root, tmp_path):
    """Copies, specimens, verdicts and what waits stand in the record and never in the ledger."""
    for copied in ("a/copy.tif", "b/copy.tif"):
        shutil.copy(root / "a/2.tif", root / copied)
    config = tmp_path / "gdest.toml"
    config.write_text('[specimen]\nfolder = "parent"\n[[limit]]\nrule = "g >= 5"\n', encoding="utf-8")
    run(ScanSettings(), sha256=hashlib.sha256(b"weights").hexdigest(), config=config)
    put(root, "b/late.tif", 77)
    put(root, "b/later.tif", 78)
    run(ScanSettings(limit=1), sha256=hashlib.sha256(b"weights").hexdigest(), config=config)
    edit(out, lambda content: content.update(weights=str(tmp_path / "weights")))
    rows = {row["file"]: row for row in json.loads((out / "run.json").read_text(encoding="utf-8"))["rows"]}
    assert rows["a/copy.tif"]["copy_of"] == "a/2.tif" and "copy_of" not in rows["b/copy.tif"]
    assert rows["a/2.tif"]["verdict"] == "pass" and "1 file waits" in rows["a/2.tif"]["unfinished"]
    assert verify() == []


@pytest.mark.parametrize("kind", ["heatmaps", "previews", "thumbnails"])
def test_a_picture_that_changed_or_is_missing_is_named(verify, out, kind):
    path = next(path for path in sorted((out / kind).rglob("*.tif.*")))
    name = path.relative_to(out).as_posix()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert verify() == [f"{name}: changed since the run"]
    path.unlink()
    assert verify() == [f"{name}: missing"]


def test_a_changed_picture_that_is_deleted_is_drawn_again_as_verify_says(run, verify, out, tmp_path, capsys):
    path = out / "previews/a/0.tif.jpg"
    assert path.exists()
    path.write_bytes(bytes(reversed(path.read_bytes())))  # of the same size, which a scan looks at
    run_verify(out)
    assert "A picture that changed is drawn again by the next scan once it is deleted." in capsys.readouterr().err
    sha256 = hashlib.sha256(b"weights").hexdigest()
    path.unlink()
    run(sha256=sha256)
    edit(out, lambda content: content.update(weights=str(tmp_path / "weights")))
    assert verify() == []


def test_a_micrograph_that_could_not_be_read_has_no_hash_and_is_no_difference(run, verify, root, out, tmp_path, capsys):
    (root / "a/fifo.tif").mkdir()
    (root / "a/unread.tif").symlink_to(tmp_path / "nowhere")
    run(sha256=hashlib.sha256(b"weights").hexdigest())
    edit(out, lambda content: content.update(weights=str(tmp_path / "weights")))
    assert verify() == []
    run_verify(out)
    assert "1 micrograph could not be read by the scan: without a hash there is" in capsys.readouterr().err


def test_a_row_that_was_removed_from_the_record_is_noticed(verify, out):
    edit(out, lambda content: content["rows"].pop())
    found = verify()
    assert found[0] == "run.json: rows were changed, added or removed since the run"
    assert "b/5.tif: in ledger.sqlite, not in run.json" in found
    edit(out, with_new_hash)
    assert verify() == [
        "results.csv: 6 rows, 5 in run.json",
        "b/5.tif: in ledger.sqlite, not in run.json",
    ]


def test_a_better_grade_in_the_record_is_noticed_by_the_ledger(verify, out):
    def better(content):
        content["rows"][0]["g"] = 9.5
        with_new_hash(content)

    edit(out, better)
    assert verify() == ["a/0.tif: ledger.sqlite and run.json say different things"]


@pytest.mark.parametrize("name", ["results.csv", "results.xlsx", "index.html"])
def test_a_report_without_a_hash_is_named(verify, out, name):
    edit(out, lambda content: content["reports"].pop(name))
    assert verify() == [f"{name}: the record has no hash of it"]


def test_empty_hash_lists_are_findings(verify, out):
    def emptied(content):
        content.update(reports={}, pictures={}, weights="")
        for row in content["rows"]:
            row.pop("sha256")
        with_new_hash(content)

    edit(out, emptied)
    found = verify()
    assert {f"{name}: the record has no hash of it" for name in ("results.csv", "results.xlsx", "index.html")} < set(
        found
    )
    assert "weights: the record does not say which" in found
    assert "a/0.tif: the record has no hash of it" in found
    assert "heatmaps/a/0.tif.png: the record has no hash of it" in found


def test_a_record_without_a_hash_of_its_rows_is_told(verify, out):
    edit(out, lambda content: content.pop("rows_sha256"))
    assert verify() == ["run.json: it has no hash of its own rows, as of an earlier gdest"]


def test_an_edited_ledger_is_noticed_by_the_checksum_of_the_row(verify, out):
    with sqlite3.connect(out / LEDGER) as connection:
        connection.execute("UPDATE micrographs SET cells = json_set(cells, '$.g', 9.5) WHERE name = 'a/0.tif'")
    connection.close()
    assert verify() == ["ledger.sqlite: the row of a/0.tif is not as it was written"]


def test_a_ledger_that_was_edited_with_its_checksums_is_noticed_by_the_record(verify, out):
    with Ledger.open(out) as ledger:
        recipe = ledger.recipes()[0].id
        row = next(iter(ledger.rows(recipe)))
        with ledger.writing():
            ledger.record(recipe, row.file, [Finding(row.cells | {"g": 9.5}, row.grade_map, row.pictures)])
        assert list(damaged_rows(ledger.database)) == []
    assert verify() == ["a/0.tif: ledger.sqlite and run.json say different things"]


def test_a_ledger_that_is_broken_is_named(verify, out):
    (out / LEDGER).write_bytes(b"spilled coffee " * 100)
    (sentence,) = verify()
    assert sentence.startswith("ledger.sqlite: Cannot open the ledger") and "not a database" in sentence


def test_a_folder_of_reports_without_its_ledger_is_compared_as_far_as_it_goes(verify, out, capsys):
    (out / LEDGER).unlink()
    assert verify() == []
    run_verify(out)
    assert "There is no ledger.sqlite here to compare the record with." in capsys.readouterr().err


def test_an_archive_that_moved_is_one_sentence_and_is_found_with_root(verify, root, tmp_path):
    root.rename(tmp_path / "elsewhere")
    assert verify() == [
        f"{root}: this folder is not there, 6 micrographs not compared; where the archive has moved, give --root"
    ]
    assert verify([tmp_path / "elsewhere"]) == []
    put(tmp_path / "elsewhere", "a/0.tif", 200)
    assert verify([tmp_path / "elsewhere"]) == ["a/0.tif: changed since the run"]
    with pytest.raises(SettingsError, match="1 scanned folders; give --root so often"):
        verify([tmp_path / "elsewhere", tmp_path])


def test_of_two_folders_each_is_found_where_it_lies_now(tmp_path, use, capsys):
    use(Counting(), hashlib.sha256(b"weights").hexdigest())
    for level, name in enumerate(("A/1.tif", "B/1.tif")):
        put(tmp_path, name, 90 * level)
    run_scan([tmp_path / "A", tmp_path / "B"], tmp_path / "out", SETTINGS, None, None, ScanSettings())
    edit(tmp_path / "out", lambda content: content.update(weights=""))
    shutil.move(tmp_path / "B", tmp_path / "C")
    capsys.readouterr()
    run_verify(tmp_path / "out")
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["weights", str(tmp_path / "B")]
    run_verify(tmp_path / "out", [tmp_path / "A", tmp_path / "C"])
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["weights"]


def test_what_cannot_be_proven_is_said_unless_a_hash_was_kept_elsewhere(verify, out, capsys):
    kept = hashlib.sha256((out / "run.json").read_bytes()).hexdigest()
    run_verify(out)
    assert "Only the SHA-256 of run.json, kept elsewhere, would show it" in capsys.readouterr().err
    assert verify((), kept.upper()) == []
    run_verify(out, (), kept)
    assert "would show it" not in capsys.readouterr().err
    run_report(out, None, fail_on_reject=False)
    (sentence,) = verify((), kept)
    assert sentence.startswith("run.json: the record of that SHA-256 was written again since, 1 times, last at 20")
    assert verify((), "0" * 64) == ["run.json: not the record of that SHA-256"]


def test_a_report_that_could_not_be_written_with_the_others_is_named(verify, out):
    edit(
        out,
        lambda content: (
            content["reports"].pop("results.xlsx"),
            content["not_written"].update({"results.xlsx": "full"}),
        ),
    )
    assert verify() == ["results.xlsx: not written with the others: full"]
