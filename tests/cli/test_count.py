"""gdest count with a fake network and a stand-in for counting, which count what the pixels show."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import roifile
import tifffile
from helpers.command_line import gdest
from helpers.counted_steel import count_of, grain_map, picture_of
from helpers.predictors import FakePredictor
from PIL import Image
from scipy import ndimage

from gdest.core import BoundaryField, Mark, Overlay, grain_size
from gdest.reports import boundary_files
from gdest.reports.lettering import HEADER_PX

GRAINS = 24


def boundary_fields(micrograph, _predictor, _settings):
    """See a boundary where a picture is dark, in cells of two px, as a network at half the resolution would."""
    dark = (micrograph.pixels < 100)[::2, ::2].astype(np.uint8) * 255
    return [BoundaryField(dark, np.zeros_like(dark), np.zeros_like(dark), 2.0)]


def grain_labels(field):
    usable = True if field.usable is None else field.usable
    return ndimage.label((field.grain == 0) & usable)[0].astype(np.int32)


def count_grains(fields, _card):
    (field,) = fields
    labels = grain_labels(field)
    marks = np.where(field.grain > 0, Mark.GRAIN, Mark.NOTHING).astype(np.uint8)
    density = labels.max() / (labels.size * field.cell_px**2 * 1e-6)
    g = float(grain_size.g_from_grains_per_mm2(density))
    overlays = (Overlay(marks, field.cell_px),)
    return count_of(labels, 1.0, field.cell_px, g=g, grains=float(labels.max()), overlays=overlays)


def count_at_pixel_size(count, um_per_px, _card):
    return replace(count, g=float(grain_size.g_from_seen(count.g, um_per_px, 1.0)))


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    for stand_in in (boundary_fields, count_grains, count_at_pixel_size, grain_labels):
        monkeypatch.setattr(f"gdest.grading.{stand_in.__name__}", stand_in, raising=False)
    monkeypatch.setattr("gdest.cli.run_count.load_weights", lambda _given: None)
    monkeypatch.setattr("gdest.cli.run_count.NetworkPredictor", lambda *_arguments: FakePredictor())


@pytest.fixture
def image(write_tiff, rng):
    pixels = picture_of(grain_map(rng, 260, 340, GRAINS), rng)
    return write_tiff("steel.tif", pixels, 0.5).path


def count(*words, cwd):
    return gdest("count", *words, "--json", cwd=cwd)


def row_of(finished):
    (row,) = json.loads(finished.stdout)
    return row


def test_the_boundaries_come_in_every_form_and_the_row_has_the_names_of_the_results(image, tmp_path):
    finished = count(image, "--out", "counted", "--rois", cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    row = row_of(finished)
    assert (row["grains_counted"], row["um_per_px"], row["status"]) == (GRAINS, 0.5, "graded")
    assert (row["g_counted"], row["model"]) == (pytest.approx(np.log2(GRAINS / 0.0221 / 15.5) + 1, abs=2e-3), "fake")
    assert row["count_corrected_by"] is row["count_corrected_at"] is row["boundaries"] is None
    out = tmp_path / "counted"
    endings = ("boundaries.png", "count.json", "geojson", "grains.tif", "overlay.png", "rois.zip")
    assert sorted(path.name for path in out.iterdir()) == [f"steel.tif.{ending}" for ending in endings]
    assert json.loads((out / "steel.tif.count.json").read_text()) == row
    with Image.open(out / "steel.tif.boundaries.png") as picture:
        assert picture.size == (340, 260)
    assert tifffile.imread(out / "steel.tif.grains.tif").max() == GRAINS
    assert len(json.loads((out / "steel.tif.geojson").read_text())["features"]) == GRAINS
    assert len(roifile.roiread(out / "steel.tif.rois.zip")) == GRAINS


def test_a_corrected_map_is_what_is_counted_and_who_corrected_it_when_is_recorded(image, tmp_path):
    began = datetime.now(UTC).replace(microsecond=0)
    first = row_of(count(image, cwd=tmp_path))
    path = tmp_path / "steel.tif.boundaries.png"
    drawn = np.asarray(Image.open(path).convert("L")).copy()
    labels = ndimage.label(drawn > 0)[0]
    largest = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    middle = round(np.argwhere(largest)[:, 0].mean())
    drawn[middle][largest[middle]] = 0
    Image.fromarray(drawn).save(path)
    before = path.read_bytes()
    finished = count(image, "--boundaries", path, "--by", "A. Smith", cwd=tmp_path)
    row = row_of(finished)
    assert row["grains_counted"] > first["grains_counted"]
    assert row["count_corrected_by"] == "A. Smith"
    assert began <= datetime.fromisoformat(row["count_corrected_at"]) <= datetime.now(UTC)
    assert row["boundaries"].endswith("steel.tif.boundaries.png") and len(row["boundaries_sha256"]) == 64
    assert row["twinned_share"] is row["particle_share"] is None
    assert first["twinned_share"] is not None
    assert path.read_bytes() == before  # a person's work is never written over
    assert json.loads((tmp_path / "steel.tif.corrected.count.json").read_text()) == row
    assert json.loads((tmp_path / "steel.tif.count.json").read_text()) == first


LIMITS = """
[specimen]
folder = "parent"
[[limit]]
rule = "g_counted >= {}"
[[limit]]
rule = "g >= 15"
[[limit]]
rule = "g_counted >= 15"
specimen = "P9"
[[limit]]
rule = "g_counted >= 15"
on = "specimen"
"""


@pytest.mark.parametrize(("bound", "verdict"), [(1, "pass"), (14, "fail")])
def test_a_corrected_count_gets_the_verdict_of_the_limits_on_what_is_counted_and_of_no_others(
    image, tmp_path, bound, verdict
):
    count(image, "--out", "counted", cwd=tmp_path)
    boundaries = tmp_path / "counted/steel.tif.boundaries.png"
    drawn = np.asarray(Image.open(boundaries).convert("L")).copy()
    drawn[128:132] = 0
    Image.fromarray(drawn).save(boundaries)
    (tmp_path / "gdest.toml").write_text(LIMITS.format(bound))
    words = (image, "--boundaries", boundaries, "--by", "Huber", "--out", "counted", "--config", "gdest.toml")
    finished = count(*words, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    row = row_of(finished)
    assert (row["verdict"], row["count_corrected_by"]) == (verdict, "Huber")
    assert row["verdict_reason"].startswith("G counted ") and "P9" not in row["verdict_reason"]
    written = json.loads((tmp_path / "counted/steel.tif.corrected.count.json").read_text(encoding="utf-8"))
    assert written["verdict"] == verdict
    said = f"Limits on what is counted: G counted >= {bound}; G counted >= 15 (specimen P9). Others are judged by"
    assert said in finished.stderr
    table = gdest("count", *words, cwd=tmp_path)
    assert f"steel.tif: {verdict}: G counted" in table.stderr
    assert verdict in table.stdout


def test_without_limits_a_count_has_no_verdict(image, tmp_path):
    finished = count(image, "--out", "counted", cwd=tmp_path)
    assert row_of(finished)["verdict"] is None
    assert "imit" not in finished.stderr


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_corrected_count_stands_beside_the_first_and_changes_nothing_of_it(image, tmp_path):
    count(image, "--rois", cwd=tmp_path)
    before = contents(tmp_path)
    Image.new("L", (340, 260), "white").save(tmp_path / "c.png")
    assert count(image, "--boundaries", "c.png", "--by", "me", "--rois", cwd=tmp_path).returncode == 0
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    endings = ("boundaries.png", "count.json", "geojson", "grains.tif", "overlay.png", "rois.zip")
    assert sorted(set(after) - set(before) - {"c.png"}) == [f"steel.tif.corrected.{ending}" for ending in endings]


@pytest.mark.parametrize("ending", ["boundaries.png", "grains.tif"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_boundaries_that_nobody_corrected_are_refused(image, tmp_path, ending, elsewhere):
    (tmp_path / "archive").mkdir()
    image = image.rename(tmp_path / "archive" / image.name)
    count(image, cwd=tmp_path)
    path = tmp_path / f"steel.tif.{ending}"
    if elsewhere:
        (tmp_path / "mine").mkdir()
        path = path.rename(tmp_path / "mine" / path.name)
    before = contents(tmp_path)
    finished = count(image, "--boundaries", path, "--by", "me", cwd=tmp_path)
    assert finished.returncode == 2
    assert f"steel.tif.{ending} is as gdest count wrote it, nobody corrected it" in " ".join(finished.stderr.split())
    assert contents(tmp_path) == before


@pytest.mark.parametrize("ending", ["boundaries.png", "grains.tif"])
def test_what_a_person_drew_is_not_written_over_by_the_next_count(image, tmp_path, ending):
    count(image, cwd=tmp_path)
    assert count(image, cwd=tmp_path).returncode == 0  # nothing was drawn
    (tmp_path / f"steel.tif.{ending}").write_bytes(b"drawn")
    before = contents(tmp_path)
    finished = count(image, cwd=tmp_path)
    assert finished.returncode == 2
    assert f"steel.tif.{ending} was changed since gdest count wrote it" in " ".join(finished.stderr.split())
    assert contents(tmp_path) == before
    (tmp_path / f"steel.tif.{ending}").unlink()
    assert count(image, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("text", ["", "[]", '{"written_boundaries_sha256": 7}'])
def test_a_count_of_an_older_gdest_or_a_damaged_one_is_written_anew(image, tmp_path, text):
    (tmp_path / "steel.tif.count.json").write_text(text)
    (tmp_path / "steel.tif.boundaries.png").write_bytes(b"drawn")
    assert count(image, cwd=tmp_path).returncode == 0
    assert row_of(count(image, cwd=tmp_path))["written_boundaries_sha256"] is not None


def test_the_overlay_says_that_a_person_corrected_the_boundaries(image, tmp_path):
    count(image, cwd=tmp_path)
    Image.new("L", (340, 260), "white").save(tmp_path / "c.png")
    titles = {}
    for by in ("me", "A. Smith"):
        count(image, "--boundaries", "c.png", "--by", by, cwd=tmp_path)
        with Image.open(tmp_path / "steel.tif.corrected.overlay.png") as picture:
            titles[by] = picture.convert("L").crop((0, 34, picture.width, HEADER_PX)).tobytes()
    with Image.open(tmp_path / "steel.tif.overlay.png") as picture:
        titles[""] = picture.convert("L").crop((0, 34, picture.width, HEADER_PX)).tobytes()
    dark = {by: sum(level < 128 for level in title) for by, title in titles.items()}
    assert dark[""] < dark["me"] < dark["A. Smith"]  # each says more


def test_corrected_labels_are_counted_and_kept(image, tmp_path):
    count(image, cwd=tmp_path)
    path = tmp_path / "steel.tif.grains.tif"
    labels = tifffile.imread(path)
    labels[labels == 2] = labels[labels == 1].max()
    tifffile.imwrite(path, labels)
    before = path.read_bytes()
    row = row_of(count(image, "--boundaries", path, "--by", "me", cwd=tmp_path))
    assert row["grains_counted"] >= GRAINS - 2
    assert path.read_bytes() == before


def test_without_a_name_it_is_the_login_name(image, tmp_path, monkeypatch):
    Image.new("L", (340, 260), "white").save(tmp_path / "c.png")
    monkeypatch.setattr("getpass.getuser", lambda: "hanna")
    assert row_of(count(image, "--boundaries", "c.png", cwd=tmp_path))["count_corrected_by"] == "hanna"

    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    finished = count(image, "--boundaries", "c.png", cwd=tmp_path)
    assert finished.returncode == 2
    assert "needs --by NAME" in finished.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--by", "me"), "--by goes with --boundaries."),
        (("b.tif", "--boundaries", "c.png"), "--boundaries goes with one image."),
        (("sub/steel.tif",), "Two images are called steel.tif"),
        (("--boundaries", "missing.png"), "missing.png cannot be read"),
        (("--boundaries", "small.png"), "is 30x20 px, the micrograph 340x260 px"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(image, tmp_path, words, sentence):
    Image.new("L", (30, 20), "white").save(tmp_path / "small.png")
    finished = count(image, *words, cwd=tmp_path)
    assert finished.returncode == 2, finished.stdout
    assert sentence in finished.stderr
    assert list(tmp_path.glob("steel.tif.*")) == []


def test_without_the_writer_of_regions_the_extra_is_named_before_anything_is_counted(image, tmp_path, monkeypatch):
    monkeypatch.setattr(boundary_files, "find_spec", lambda _name: None)
    finished = count(image, "--rois", cwd=tmp_path)
    assert finished.returncode == 2
    assert "pip install 'gdest[roi]'" in finished.stderr


def test_a_bad_file_is_a_row_and_the_rest_is_counted(image, tmp_path):
    (tmp_path / "empty.tif").touch()
    finished = count("empty.tif", image, cwd=tmp_path)
    assert finished.returncode == 3
    bad, good = json.loads(finished.stdout)
    assert (bad["status"], bad["g_counted"], "empty" in bad["reason"]) == ("failed", None, True)
    assert list(bad) == list(good)
    assert good["status"] == "graded"


def test_weights_that_draw_no_boundaries_are_told_and_a_drawn_map_is_counted_all_the_same(image, tmp_path, monkeypatch):
    monkeypatch.setattr("gdest.grading.boundary_fields", lambda *_arguments: [], raising=False)
    finished = count(image, cwd=tmp_path)
    assert finished.returncode == 4
    assert "draw no boundaries" in row_of(finished)["reason"]
    Image.new("L", (340, 260), "white").save(tmp_path / "c.png")
    assert row_of(count(image, "--boundaries", "c.png", "--by", "me", cwd=tmp_path))["grains_counted"] == 1


def test_without_a_pixel_size_there_is_no_g_and_the_exit_code_says_so(write_tiff, rng, tmp_path):
    path = write_tiff("plain.tif", picture_of(grain_map(rng, 260, 340, GRAINS), rng), None).path
    finished = count(path, cwd=tmp_path)
    row = row_of(finished)
    assert finished.returncode == 4
    assert (row["status"], row["g_counted"], row["grains_counted"]) == ("uncalibrated", None, GRAINS)
    assert row_of(count(path, "--um-per-px", "0.5", cwd=tmp_path))["g_counted"] is not None


def test_several_pages_are_several_counts_but_a_corrected_map_is_of_one(rng, tmp_path):
    pages = np.stack([picture_of(grain_map(rng, 260, 340, GRAINS), rng) for _ in range(2)])
    tifffile.imwrite(tmp_path / "two.tif", pages, resolution=(1e4, 1e4), resolutionunit="CENTIMETER")
    finished = count("two.tif", cwd=tmp_path)
    assert [row["file"] for row in json.loads(finished.stdout)] == ["two.tif", "two.tif#2"]
    assert {"two.tif.count.json", "two.tif#2.count.json"} <= {path.name for path in tmp_path.iterdir()}
    Image.new("L", (340, 260), "white").save(tmp_path / "c.png")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert "holds several micrographs" in count("two.tif", "--boundaries", "c.png", cwd=tmp_path).stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_table_tells_the_number_and_who_corrected_it(image, tmp_path):
    Image.new("L", (340, 260), "white").save(tmp_path / "c.png")
    finished = gdest("count", image, "--boundaries", "c.png", "--by", "me", cwd=tmp_path)
    assert " graded " in finished.stdout
    assert "boundaries corrected by hand by me" in finished.stderr
