"""A dry run foretells what the scan does: pixel sizes, specimens, limits, and where it would stop."""

from __future__ import annotations

import os

import pytest
import tifffile
from helpers.scan_fixtures import SETTINGS, Counting, put

from gdest.cli import run_scan as command
from gdest.core.calibration import CalibrationSettings
from gdest.core.errors import OutputError, WeightsError
from gdest.core.records import Failed, ImageFile
from gdest.core.settings import GradeSettings
from gdest.model import weights_path
from gdest.reading.micrograph import read_micrographs
from gdest.scan.job import prepare_scan
from gdest.scan.previewing import foresee
from gdest.scan.settings import ScanSettings

RULES = """
[[objective]]
name = "200x"
um_per_px = 0.5

[specimen]
regex = '(?P<heat>H[0-9]+)_(?P<specimen>P[0-9]+)'

[[limit]]
rule = "g >= 5.0"
heat = "H1"

[[limit]]
rule = "homogeneity"
on = "specimen"
"""


@pytest.fixture
def mixed(tmp_path):
    """An archive of files that state their size, by a tag or a name, one that states none, and broken ones."""
    root = tmp_path / "mixed"
    put(root, "H1_P1.tif", 10, um_per_px=0.25)
    put(root, "H2_P1_200x.tif", 20, um_per_px=0.25)
    pixels = tifffile.imread(root / "H1_P1.tif")
    tifffile.imwrite(root / "H1_P2_200x.tif", pixels)
    tifffile.imwrite(root / "loose.tif", pixels)
    tifffile.imwrite(root / "pages_H1_P3.tif", [pixels, pixels], resolution=(1e4, 1e4), resolutionunit="CENTIMETER")
    (root / "empty.tif").write_bytes(b"")
    (tmp_path / "gdest.toml").write_text(RULES)
    return root


@pytest.fixture
def foretold(mixed, tmp_path, use):
    def told(settings=SETTINGS, options=ScanSettings(), out="out"):
        use(Counting())
        return foresee(prepare_scan([mixed], tmp_path / out, settings, None, tmp_path / "gdest.toml", options))

    return told


def test_each_file_is_told_with_its_pixel_size_source_specimen_and_limits(foretold):
    first, second = "G >= 5.0 (heat H1)", "homogeneity uniform"
    found = {one.file: one for one in foretold().files}
    assert {name: (one.um_per_px, one.um_per_px_source, one.specimen, one.limits) for name, one in found.items()} == {
        "H1_P1.tif": ("0.25", "tiff-resolution", "P1", f"{first}; {second}"),
        "H1_P2_200x.tif": ("0.5", "objective", "P2", f"{first}; {second}"),
        "H2_P1_200x.tif": ("0.5", "objective", "P1", second),
        "empty.tif": ("", "", "", ""),
        "loose.tif": ("", "uncalibrated", "", ""),
        "pages_H1_P3.tif": ("1", "tiff-resolution", "P3", f"{first}; {second}"),
    }
    assert "pixel sizes disagree: 0.5 um/px (objective), 0.25 um/px" in found["H2_P1_200x.tif"].note
    assert found["empty.tif"].note == "the file is empty (0 bytes)"
    assert found["pages_H1_P3.tif"].note == "2 micrographs"


def test_what_is_foretold_is_what_reading_finds(foretold, mixed):
    settings = GradeSettings()
    for one in foretold().files:
        if "200x" in one.file:  # by a rule of gdest.toml, which is not read here
            continue
        rows = list(read_micrographs(ImageFile(mixed / one.file, one.file), settings))
        sizes = {f"{row.um_per_px:.5g}" for row in rows if not isinstance(row, Failed) and row.um_per_px}
        assert "; ".join(sizes) == one.um_per_px
        assert [row.reason for row in rows if isinstance(row, Failed)] == (
            [one.note] if one.file == "empty.tif" else []
        )


def test_the_totals_count_files_sources_specimens_and_limits(foretold):
    assert foretold().totals == (
        "6 files: 6 to grade (6 new).",
        "Pixel sizes by source: 2 tiff-resolution, 2 objective, 1 cannot be read, 1 uncalibrated.",
        "1 would get no G, since nothing says their pixel size: gdest manual pixel-size.",
        "3 specimens; 2 files of none.",
        "Limit 1: G >= 5.0 (heat H1), applies to 3 files.",
        "Limit 2: homogeneity uniform, applies to 4 files.",
    )


def test_a_size_that_only_a_scale_bar_tells_is_not_called_unknown(foretold):
    found = {one.file: one for one in foretold(GradeSettings(CalibrationSettings(scale_bar_um=100.0))).files}
    assert found["loose.tif"].um_per_px_source == "scale-bar?"
    assert found["H1_P1.tif"].um_per_px_source == "tiff-resolution"


def test_a_file_that_is_left_out_is_not_opened(foretold, mixed):
    (mixed / "H1_P1.tif").write_bytes(b"no longer a picture")
    found = {one.file: one for one in foretold(options=ScanSettings(exclude=("H1_P1*",))).files}
    assert (found["H1_P1.tif"].action, found["H1_P1.tif"].note) == ("leave", "")


def test_a_dry_run_fails_where_the_output_cannot_be_written(foretold, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file is not a folder"):
        foretold(out="file/out")
    (tmp_path / "shut").mkdir()
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(tmp_path / "shut") and real(path, mode))
    with pytest.raises(OutputError, match="permission denied"):
        foretold(out="shut/out")
    with pytest.raises(OutputError, match="permission denied"):
        foretold(options=ScanSettings(log_file=tmp_path / "shut" / "log"))


def test_a_dry_run_fails_where_the_weights_cannot_be_used(mixed, tmp_path):
    whole = weights_path(None).read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    options = ScanSettings(dry_run=True)
    with pytest.raises(WeightsError):
        command.run_scan([mixed], tmp_path / "out", GradeSettings(), tmp_path / "cut.safetensors", None, options)
    assert not (tmp_path / "out").exists()


def test_weights_that_only_loading_finds_damaged_end_a_dry_run_too(foretold, monkeypatch):
    def damaged(*_):
        raise WeightsError("damaged inside")

    monkeypatch.setattr("gdest.scan.previewing.load_weights_of", damaged)
    with pytest.raises(WeightsError, match="damaged inside"):
        foretold()


def test_where_there_is_no_terminal_the_lines_can_be_read_by_a_program(foretold, mixed, tmp_path, capsys):
    foretold()
    capsys.readouterr()
    options = ScanSettings(dry_run=True)
    command.run_scan([mixed], tmp_path / "out", GradeSettings(), None, tmp_path / "gdest.toml", options)
    printed = capsys.readouterr()
    lines = [line.split("\t") for line in printed.out.splitlines()]
    assert lines[0] == [
        "file", "action", "why", "um_per_px", "um_per_px_source", "specimen", "limits", "note",
    ]  # fmt: skip
    assert {len(line) for line in lines} == {8}
    assert "3 specimens; 2 files of none." in printed.err


def test_a_dry_run_counts_what_moved_and_what_was_deleted_as_the_scan_does(run, root, capsys):
    run()
    (root / "a/2.tif").rename(root / "b/moved.tif")
    (root / "b/1.tif").unlink()
    capsys.readouterr()
    run(ScanSettings(dry_run=True))
    told = capsys.readouterr()
    lines = ["\t".join(line.split("\t")[:3]) for line in told.out.splitlines()[1:]]
    assert [line for line in lines if "unchanged" not in line] == [
        "b/1.tif\tgone\tno longer in the archive",
        "b/moved.tif\tgrade\tmoved",
    ]
    assert "6 files: 1 to grade (1 moved), 4 to leave, 1 deleted.\n" in told.err
    run()
    assert "1 moved, 4 unchanged, 1 deleted (b/1.tif)\n" in capsys.readouterr().err
