"""Nodes share an archive: each file in one shard, and the merged shards are what one scan would have written."""

from __future__ import annotations

import os
from dataclasses import replace

import pandas as pd
import pytest

from gdest.cli.run_merge import merge_exit_code, run_merge
from gdest.core.errors import OutputError, SettingsError
from gdest.core.settings import GradeSettings
from gdest.reports import read_record
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import Finding
from gdest.scan.merge import merge_shards
from gdest.scan.outcome import MergeOutcome, Results
from gdest.scan.settings import ScanSettings
from gdest.scan.shards import Shard, read_shard


def slurm(task, count, first, last, step=1):
    values = {"ID": task, "COUNT": count, "MIN": first, "MAX": last, "STEP": step}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}


@pytest.mark.parametrize("count", [1, 2, 7])
def test_every_file_belongs_to_exactly_one_shard_and_shards_are_alike_in_size(count):
    names = [f"ordner {i % 9}/ü{i}.tif" for i in range(3000)]
    shards = [Shard(index + 1, count) for index in range(count)]
    assert all(sum(shard.holds(name) for shard in shards) == 1 for name in names)
    sizes = [sum(map(shard.holds, names)) for shard in shards]
    assert max(sizes) - min(sizes) < 0.25 * 3000 / count


def test_a_shard_is_read_from_words_or_from_slurm():
    assert read_shard("3/8", slurm(12, 4, 10, 13)) == Shard(3, 8)
    assert read_shard(None, slurm(12, 4, 10, 13)) == Shard(3, 4)
    assert read_shard(None, slurm(12, 4, 10, 16, step=2)) == Shard(2, 4)
    assert read_shard(None, {}) is None
    for words in ("0/4", "5/4", "3", "a/b"):
        with pytest.raises(SettingsError, match="I/N"):
            read_shard(words, {})


@pytest.mark.parametrize("task", [2, 4])
def test_a_part_of_a_slurm_array_that_is_submitted_again_is_refused(task):
    with pytest.raises(SettingsError, match=r"one of 2, from 2 to 4 in steps of 1.*--shard I/N"):
        read_shard(None, slurm(task, 2, 2, 4))


@pytest.mark.parametrize("missing", ["COUNT", "MIN", "MAX", "STEP"])
def test_a_slurm_array_that_does_not_say_which_tasks_it_has_is_refused(missing):
    environment = slurm(1, 4, 1, 4)
    del environment[f"SLURM_ARRAY_TASK_{missing}"]
    with pytest.raises(SettingsError, match="which tasks it has"):
        read_shard(None, environment)


def test_tasks_that_were_renumbered_are_noticed_by_the_shards_on_the_disk(run, tmp_path):
    for task in (1, 4):
        run(ScanSettings(shard=read_shard(None, slurm(task, 4, 1, 4))))
    renumbered = read_shard(None, slurm(3, 2, 2, 3))  # tasks 2 and 3, submitted again, look whole
    with pytest.raises(SettingsError, match=r"another split \(1-of-4, 4-of-4\), not of 2.*--shard I/4"):
        run(ScanSettings(shard=renumbered))
    assert sorted(path.name for path in (tmp_path / "out/shards").iterdir()) == ["1-of-4", "4-of-4"]


def test_merged_shards_are_what_one_scan_would_have_written(run, tmp_path):
    run()
    whole = pd.read_csv(tmp_path / "out/results.csv").drop(columns="graded_at")
    heatmaps = {path.name: path.read_bytes() for path in (tmp_path / "out/heatmaps").rglob("*.png")}
    seen = [run(ScanSettings(shard=Shard(i, 3)))[1] for i in (1, 2, 3)]
    assert sum(seen) == 24
    assert max(seen) < 24
    merged = tmp_path / "merged"
    assert run_merge(merged, sorted((tmp_path / "out/shards").iterdir())) == 0
    pd.testing.assert_frame_equal(pd.read_csv(merged / "results.csv").drop(columns="graded_at"), whole)
    assert {path.name: path.read_bytes() for path in (merged / "heatmaps").rglob("*.png")} == heatmaps


@pytest.mark.usefixtures("counting")
def test_merged_shards_have_the_overlays_too(run, tmp_path):
    for i in (1, 2):
        run(ScanSettings(shard=Shard(i, 2)), settings=GradeSettings(count=True))
    assert run_merge(tmp_path / "out", ()) == 0
    overlays = sorted(path.name for path in (tmp_path / "out/overlays").rglob("*.png"))
    assert overlays == [f"{i}.tif.png" for i in range(6)]


def test_a_row_that_no_disk_can_draw_is_none_without_its_pictures_once_its_shard_is_merged(run, tmp_path):
    run(ScanSettings(shard=Shard(1, 1)))
    with Ledger.open(tmp_path / "out/shards/1-of-1") as shard:
        recipe = shard.recipes()[0].id
        row = next(iter(shard.rows(recipe)))
        with shard.writing():
            shard.record(recipe, row.file, [Finding(row.cells, row.grade_map, undrawable=True)])
    assert run_merge(tmp_path / "out", ()) == 0
    with Ledger.open(tmp_path / "out") as ledger:
        wanted = {file for file, _ in ledger.drawn(recipe)}
        assert row.file.name not in wanted and len(wanted) == 5


def test_merge_names_the_gaps_and_the_doubles(run, tmp_path, capsys):
    out = tmp_path / "out"
    for i in (1, 2):
        run(ScanSettings(shard=Shard(i, 2)))
    with Ledger.open(out / "shards/1-of-2") as first, Ledger.open(out / "shards/2-of-2") as second:
        recipe = first.recipes()[0].id
        lost, twice = sorted(first.files(recipe))[:2]
        row = next(iter(first.rows(recipe, files=[twice])))
        with second.writing():
            second.record(recipe, row.file, [Finding(row.cells | {"graded_at": "2999"}, row.grade_map, row.pictures)])
        first.mark_gone(recipe, [lost], "now")
    capsys.readouterr()
    assert run_merge(out, ()) == 3
    said = capsys.readouterr().err
    assert f"{lost}: not graded by any shard" in said
    assert f"{twice}: graded by more than one shard" in said
    frame = pd.read_csv(out / "results.csv").set_index("file")
    assert len(frame) == 5
    assert str(frame["graded_at"][twice]) == "2999"


def test_merge_misses_a_whole_shard_and_one_that_was_cut_short(run, root, tmp_path, capsys):
    run(ScanSettings(shard=Shard(1, 3)))
    run(ScanSettings(shard=Shard(3, 3)))
    with Ledger.open(tmp_path / "out/shards/3-of-3") as shard:
        shard.begin_run(shard.recipes()[0], [root], "host", "now", "0")
    assert run_merge(tmp_path / "out", ()) == 3
    said = capsys.readouterr().err
    assert "shard 2 of 3 is not there" in said
    assert "3-of-3 is not finished" in said


def test_shards_of_different_settings_and_no_shards_are_refused(run, tmp_path):
    with pytest.raises(OutputError, match="no shards"):
        run_merge(tmp_path / "empty", ())
    run(ScanSettings(shard=Shard(1, 2)))
    run(ScanSettings(shard=Shard(2, 2)), settings=GradeSettings(stride_px=112))
    with pytest.raises(OutputError, match="other settings"):
        run_merge(tmp_path / "out", ())


@pytest.mark.parametrize(
    ("counts", "doubled", "gaps", "code"),
    [
        ({"graded": 2}, (), (), 0),
        ({"graded": 2}, ("a.tif",), (), 3),
        ({"graded": 2}, (), ("shard 2 of 3 is not there",), 3),
        ({"graded": 1, "failed": 1}, (), (), 3),
        ({"failed": 2}, ("a.tif",), ("shard 2 of 3 is not there",), 4),
    ],
)
def test_rows_gaps_and_doubles_choose_the_exit_code_of_a_merge(counts, doubled, gaps, code):
    assert merge_exit_code(MergeOutcome(Results(counts, [], (), True), 2, doubled, gaps)) == code


def test_a_merge_returns_the_joined_rows_and_what_is_missing(run, tmp_path):
    for i in (1, 2):
        run(ScanSettings(shard=Shard(i, 2)))
    whole = merge_shards(tmp_path / "out")
    assert (whole.results.counts, whole.shards, whole.doubled, whole.gaps) == ({"graded": 6}, 2, (), ())
    first = tmp_path / "out/shards/1-of-2"
    twice = merge_shards(tmp_path / "twice", [first, first])
    with Ledger.open(first) as ledger:
        names = tuple(sorted(ledger.files(ledger.recipes()[0].id)))
    assert twice.doubled == names
    in_the_second = sorted({f"{'ab'[i % 2]}/{i}.tif" for i in range(6)} - set(names))
    assert twice.gaps == ("shard 2 of 2 is not there", *(f"{one}: not graded by any shard" for one in in_the_second))


@pytest.fixture
def shard(run, tmp_path):
    """Return the folder of the only shard of an archive."""
    run(ScanSettings(shard=Shard(1, 1)))
    return tmp_path / "out/shards/1-of-1"


def rename_a_row(shard, **changed):
    """Let a shard's ledger say another name of one micrograph, of its file, or of its pictures."""
    with Ledger.open(shard) as ledger:
        recipe = ledger.recipes()[0].id
        row = next(iter(ledger.rows(recipe)))
        cells = row.cells | {"file": changed.get("micrograph", row.cells["file"])}
        with ledger.writing():
            ledger.record(recipe, row.file, [])
            ledger.record(
                recipe,
                replace(row.file, name=changed.get("file", row.file.name)),
                [Finding(cells, row.grade_map, changed.get("pictures", row.pictures))],
            )


@pytest.mark.parametrize("name", ["../../../victim", "a/../../victim", "/tmp/victim", "", ".", "a\0b", "\x1b[2J/../x"])
@pytest.mark.parametrize("of", ["micrograph", "file"])
def test_a_shard_with_a_name_that_leads_out_of_its_folder_is_refused(shard, tmp_path, name, of):
    rename_a_row(shard, **{of: name})
    # the picture that the name of a micrograph three folders up has
    (tmp_path / "victim.png").write_bytes(b"kept")
    (tmp_path / "out/victim.png").write_bytes(b"kept")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match="leads out of its folder") as caught:
        merge_shards(tmp_path / "merged", [shard])
    assert str(caught.value).isprintable()
    assert (tmp_path / "victim.png").read_bytes() == (tmp_path / "out/victim.png").read_bytes() == b"kept"
    after = {path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "merged")}
    assert after == set(before)


def test_a_merge_takes_regular_files_of_the_shard_only(shard, tmp_path):
    secret = tmp_path / "secret/deep.png"
    secret.parent.mkdir()
    secret.write_bytes(b"secret")
    pictures = sorted((shard / "heatmaps/a").glob("*.png"))
    pictures[0].unlink()
    pictures[0].symlink_to(secret)
    pictures[1].unlink()
    os.mkfifo(pictures[1])
    (shard / "heatmaps/b").rename(tmp_path / "elsewhere")
    (shard / "heatmaps/b").symlink_to(tmp_path / "elsewhere")
    merge_shards(tmp_path / "merged", [shard])
    assert [path.name for path in (tmp_path / "merged/heatmaps").rglob("*.png")] == [pictures[2].name]


def test_pictures_that_no_row_has_are_not_taken_into_the_record(shard, tmp_path):
    rename_a_row(shard, pictures={"../../secret": ("0" * 64, 1)})
    merge_shards(tmp_path / "merged", [shard])
    assert all("secret" not in name for name, _ in read_record(tmp_path / "merged")[0].pictures)


def test_a_split_into_millions_of_parts_is_told_in_a_few_lines(shard, tmp_path):
    of_many = shard.with_name("1-of-300000000")
    shard.rename(of_many)
    gaps = merge_shards(tmp_path / "merged", [of_many]).gaps
    assert len(gaps) == 21
    assert gaps[0] == "shard 2 of 300000000 is not there"
    assert gaps[-1] == "299999979 more shards of 300000000 are not there"


@pytest.mark.parametrize("name", ["steel-of-oven", "0-of-0", "5-of-2"])
def test_a_folder_whose_name_says_no_part_is_no_shard_of_a_split(shard, tmp_path, name):
    named = shard.with_name(name)
    shard.rename(named)
    assert merge_shards(tmp_path / "merged", [named]).gaps == ()
