"""A ledger belongs to its archive: another one is refused, one that moved is compared by hash."""

from __future__ import annotations

import os
import shutil

import pandas as pd
import pytest
from helpers.scan_fixtures import SETTINGS, Counting, put

from gdest.cli.run_scan import run_scan
from gdest.core.errors import OutputError, SettingsError
from gdest.scan.ledger import Ledger
from gdest.scan.settings import ScanSettings


@pytest.fixture
def scan_of(tmp_path, use):
    """Scan folders below `tmp_path` into one output folder; return the exit code and the number of tiles seen."""

    def scanned(*names, **options):
        predictor = Counting()
        use(predictor)
        roots = [tmp_path / name for name in names]
        return run_scan(roots, tmp_path / "out", SETTINGS, None, None, ScanSettings(**options)), predictor.seen

    return scanned


def grades(tmp_path):
    return pd.read_csv(tmp_path / "out/results.csv").set_index("file")["g"]


def twins(tmp_path):
    """Two archives, in each a file of the same name, size and time that shows another steel."""
    first, second = put(tmp_path, "A/001.tif", 10), put(tmp_path, "B/001.tif", 240)
    os.utime(first, ns=(7, 7))
    os.utime(second, ns=(7, 7))
    assert first.stat().st_size == second.stat().st_size


@pytest.mark.parametrize("dry_run", [False, True])
def test_another_archive_is_refused_with_the_way_out_and_the_results_stay(scan_of, tmp_path, dry_run):
    twins(tmp_path)
    scan_of("A")
    before = (tmp_path / "out/results.csv").read_bytes()
    with pytest.raises(OutputError, match=r"holds the results of .*/A, not of .*/B\. Give another --out, or .*--moved"):
        scan_of("B", dry_run=dry_run)
    assert (tmp_path / "out/results.csv").read_bytes() == before
    with Ledger.open(tmp_path / "out") as ledger:
        assert ledger.last_run().roots == (str(tmp_path / "A"),)


def test_a_part_of_the_archive_is_another_archive_too(scan_of, tmp_path):
    put(tmp_path, "A/x/1.tif", 10)
    scan_of("A")
    with pytest.raises(OutputError, match="not of"):
        scan_of("A/x")


def test_a_further_folder_may_be_added_and_every_name_has_its_own_grade(scan_of, tmp_path):
    twins(tmp_path)
    scan_of("A")
    alone = grades(tmp_path)["001.tif"]
    assert scan_of("A", "B")[1] == 4  # only the file of B is new to the network
    both = grades(tmp_path)
    assert both["A/001.tif"] == alone
    assert both["B/001.tif"] > alone + 0.5
    assert scan_of("B", "A") == (0, 0)


def test_an_archive_that_moved_is_compared_by_hash_and_what_differs_is_graded(scan_of, tmp_path):
    twins(tmp_path)
    put(tmp_path, "A/002.tif", 90)
    scan_of("A")
    before = grades(tmp_path)
    shutil.move(tmp_path / "A", tmp_path / "C")
    shutil.move(tmp_path / "B/001.tif", tmp_path / "C/001.tif")  # of the size and time of the one that it replaces
    with pytest.raises(OutputError, match="--moved"):
        scan_of("C")
    assert scan_of("C", moved=True)[1] == 4
    after = grades(tmp_path)
    assert after["002.tif"] == before["002.tif"]
    assert after["001.tif"] > before["001.tif"] + 0.5
    assert scan_of("C") == (0, 0)


def test_a_link_that_leads_to_another_folder_now_is_another_archive(scan_of, tmp_path):

    twins(tmp_path)
    scan_of("A")
    (tmp_path / "A").rename(tmp_path / "old")
    (tmp_path / "A").symlink_to(tmp_path / "B")
    with pytest.raises(OutputError, match="not of"):
        scan_of("A")


def test_shards_of_different_archives_are_not_joined(scan_of, tmp_path):
    from gdest.scan.merge import merge_shards
    from gdest.scan.shards import Shard

    twins(tmp_path)
    scan_of("A", shard=Shard(1, 2))
    scan_of("B", shard=Shard(2, 2))
    with pytest.raises(OutputError, match=r"2-of-2 holds results of .*/B, .*1-of-2 of .*/A;"):
        merge_shards(tmp_path / "out")


def test_a_clock_beyond_what_a_database_holds_costs_nothing(scan_of, tmp_path):
    os.utime(put(tmp_path, "A/1.tif", 10), (10**10, 10**10))
    assert scan_of("A")[1] == 4
    assert scan_of("A") == (0, 0)


def test_pictures_that_gdest_wrote_in_the_archive_are_named_with_their_number(scan_of, tmp_path, capsys):
    put(tmp_path, "A/1.tif", 10)
    scan_of("A")
    (tmp_path / "all").mkdir()
    (tmp_path / "A").rename(tmp_path / "all/A")
    (tmp_path / "out").rename(tmp_path / "all/results")
    capsys.readouterr()
    assert scan_of("all")[1] == 4
    said = capsys.readouterr().err
    assert f"{tmp_path / 'all/results'}: an output folder of gdest; left out 3 pictures that it wrote." in said
    assert list(grades(tmp_path).index) == ["A/1.tif"]


@pytest.mark.parametrize(("name", "what"), [("nowhere", "cannot be found; is the arch"), ("a.tif", "gdest analyze")])
def test_a_folder_that_is_not_there_is_told_apart_from_a_file(scan_of, tmp_path, name, what):
    put(tmp_path, "a.tif", 10)
    with pytest.raises(SettingsError, match=what):
        scan_of(name)
