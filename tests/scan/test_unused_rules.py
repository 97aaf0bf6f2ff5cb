"""Rules, patterns and rows of tables that fit no file are named when a scan begins."""

from __future__ import annotations

import pytest
from helpers.scan_fixtures import Counting, put

from gdest.cli.run_scan import run_scan
from gdest.core.errors import NothingGradedError
from gdest.core.settings import GradeSettings
from gdest.scan.settings import ScanSettings
from gdest.scan.shards import Shard

RULES = r"""
[[pixel_size]]
glob = 'a\*'
um_per_px = 1.0
[[pixel_size]]
glob = "A/*"
um_per_px = 1.0
[[crop]]
glob = 'b\5.tif#2'
top = 1
[[crop]]
glob = "scanner/*"
top = 1
[[objective]]
name = "200x"
um_per_px = 1.0
[[objective]]
name = "50,5x"
um_per_px = 2.0
[[objective]]
name = "20x"
um_per_px = 2.0
[[objective]]
name = "500x"
glob = "b/*"
um_per_px = 2.0
[specimen]
csv = 'lists\specimens.csv'
"""
UNUSED = [
    "lab.toml: [[pixel_size]] 2 fits no file: glob = 'A/*'.",
    "lab.toml: [[crop]] 2 fits no file: glob = 'scanner/*'.",
    "lab.toml: [[objective]] 3 fits no file: name = '20x', glob = '*'.",
    "lab.toml: [[objective]] 4 fits no file: name = '500x', glob = 'b/*'.",
    "--include oven/* fits no file.",
    "--exclude *.png fits no file.",
    "--exclude b/4* fits no file.",
]
EXTRA = {"include": (r"a\*", "*_50.5x*", r"oven\*"), "exclude": ("*.png", r"b\4*")}


@pytest.fixture
def config(root, tmp_path):
    for name in ("a/x_200x.tif", "a/y_50.5x.tif", "a/z_500x.tif"):
        put(root, name, 30)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "specimens.csv").write_text("file;specimen\na\\0.tif;P1\nb/5.tif#2;P2\n")
    (tmp_path / "lab.toml").write_text(RULES)
    return tmp_path / "lab.toml"


def told(capsys):
    return [line for line in capsys.readouterr().err.splitlines() if "fits no file" in line or "fit no file" in line]


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_fits_no_file_is_named_and_nothing_else(run, config, capsys, dry_run):
    run(ScanSettings(dry_run=dry_run, **EXTRA), config=config)
    assert [line.removeprefix(f"{config.parent}/") for line in told(capsys)] == UNUSED
    (config.parent / "lists" / "specimens.csv").write_text("file,specimen\n" + "".join(f"c{i},P\n" for i in range(25)))
    run(ScanSettings(dry_run=True), config=config)
    names = ", ".join(f"c{i}" for i in range(20))
    assert told(capsys)[-1] == f"{config}: [specimen] csv: 25 of 25 rows fit no file: {names} and 5 more."


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_scan_that_takes_no_file_says_so_and_writes_no_empty_reports(run, tmp_path, dry_run):
    with pytest.raises(NothingGradedError, match=r"^Not one of 6 files .*: matches no --include pattern \(6\)\.$"):
        run(ScanSettings(dry_run=dry_run, include=("P9/*",)))
    with pytest.raises(NothingGradedError, match=r": excluded by a/\* \(3\), older than --since 2200-01-01 \(3\)\.$"):
        run(ScanSettings(dry_run=dry_run, exclude=("a/*",), since="2200-01-01"))
    assert not (tmp_path / "out" / "results.csv").exists()


def test_a_scan_that_takes_no_file_keeps_the_results_of_earlier_ones(run, table):
    assert run(ScanSettings(include=("a/*",)))[0] == 0
    assert run(ScanSettings(include=("P9/*",))) == (0, 0)
    assert run(ScanSettings(include=("P9/*",), dry_run=True)) == (0, 0)
    assert list(table().index) == ["a/0.tif", "a/2.tif", "a/4.tif"]


def test_a_shard_that_takes_no_file_is_no_error(run, tmp_path):
    assert run(ScanSettings(include=("P9/*",), shard=Shard(1, 2)))[0] == 0
    assert (tmp_path / "out" / "shards" / "1-of-2" / "results.csv").is_file()


def test_more_than_a_screen_of_rules_is_counted(run, tmp_path, capsys):
    (tmp_path / "gdest.toml").write_text("".join(f"[[crop]]\nglob = 'x{i}'\ntop = 1\n" for i in range(30)))
    run(ScanSettings(dry_run=True), config=tmp_path / "gdest.toml")
    said = capsys.readouterr().err.splitlines()
    assert sum("fits no file" in line for line in said) == 20
    assert "... and 10 more rules and patterns that fit no file." in said


def test_a_backslash_in_a_pattern_is_a_slash(root, tmp_path, use, capsys):
    use(Counting())
    run_scan([root], tmp_path / "out", GradeSettings(), None, None, ScanSettings(dry_run=True, include=(r"a\*.tif",)))
    grade = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines() if "\tgrade\t" in line]
    assert grade == ["a/0.tif", "a/2.tif", "a/4.tif"]
