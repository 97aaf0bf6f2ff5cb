from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from helpers.predictors import CARD, FakePredictor

from gdest.core.calibration import CalibrationSettings
from gdest.core.errors import MicrographError
from gdest.core.grid import tile_grid, usable_tiles
from gdest.core.records import Failed, Graded, GradeMap, ImageFile, Micrograph
from gdest.core.settings import GradeSettings
from gdest.core.tiles import GreyImage
from gdest.grading import pipeline
from gdest.grading.looks import Shown
from gdest.grading.pipeline import boundary_fields, grade_files, grade_map_of, grade_micrographs, graded_row
from gdest.grading.zooms import predict_grade_map
from gdest.reading import read_micrographs


def test_bad_file_is_named_and_the_rest_is_graded(write_tiff, grey):
    files = [write_tiff(f"{i}.tif", grey) for i in range(12)]
    files[5].path.write_bytes(b"II*\0 and then nothing")
    rows = list(grade_micrographs(files, FakePredictor(), GradeSettings()))
    assert [row.file.name if isinstance(row, Failed) else row.micrograph.file.name for row in rows] == [
        file.name for file in files
    ]
    assert [isinstance(row, Failed) for row in rows] == [i == 5 for i in range(12)]
    assert rows[5].reason


def test_two_images_of_one_name_in_two_folders_are_two_rows(write_tiff, grey):
    files = [write_tiff("a/1.tif", grey), write_tiff("b/1.tif", grey)]
    names = [row.micrograph.file.name for row in grade_micrographs(files, FakePredictor(), GradeSettings())]
    assert names == ["a/1.tif", "b/1.tif"]


def test_g_is_moved_to_the_pixel_size_of_the_file(write_tiff, grey):
    (row,) = grade_micrographs([write_tiff("a.tif", grey, 0.5)], FakePredictor(6.0), GradeSettings())
    assert row.status == "graded"
    assert row.g_seen == pytest.approx(6.0)
    assert row.statistics.g == pytest.approx(8.0, abs=1e-4)


def test_without_a_pixel_size_there_is_no_g_but_a_reason(write_tiff, grey):
    (row,) = grade_micrographs([write_tiff("a.tif", grey, None)], FakePredictor(6.0), GradeSettings())
    assert isinstance(row, Graded)
    assert (row.status, row.statistics, row.g_seen) == ("uncalibrated", None, 6.0)
    assert "--um-per-px" in row.reason


def test_a_stated_pixel_size_calibrates_every_file(write_tiff, grey):
    settings = GradeSettings(CalibrationSettings(magnification=10, camera_um=5.0))
    (row,) = grade_micrographs([write_tiff("a.tif", grey, None)], FakePredictor(6.0), settings)
    assert row.statistics.g == pytest.approx(8.0, abs=1e-4)


def test_all_edge_shifted_tiles_are_seen(grey):
    predictor = FakePredictor(7.0)
    grade_map = predict_grade_map(GreyImage(grey), predictor, 224)
    assert predictor.shapes == [(4, 224, 224)]
    assert grade_map.g_seen.shape == (2, 2)
    assert grade_map.tiles == 4


def test_coarse_grains_are_looked_at_from_further_away(rng):
    """A predictor that obeys self-similarity gives the same G at any size, from fewer, larger tiles."""
    pixels = rng.integers(0, 255, (900, 1000), dtype=np.uint8)
    by_tiles = {25: 2.5, 9: 4.5, 4: 6.5}  # tiles at full, half and quarter size; each halving adds 2 G
    predictor = FakePredictor(lambda tiles: np.full(len(tiles), by_tiles[len(tiles)]))
    grade_map = predict_grade_map(GreyImage(pixels), predictor, 224)
    assert [shape[0] for shape in predictor.shapes] == [25, 9, 4]
    assert (grade_map.zoom, grade_map.tiles) == (0.25, 38)
    assert grade_map.g_seen == pytest.approx(2.5)
    # four tiles cannot show where coarse and fine lie, nine hardly; the 25 of the whole picture are kept for that
    assert grade_map.closer.grid.shape == (5, 5)
    assert grade_map.closer.g_seen == pytest.approx(2.5)


def test_a_halved_picture_with_tiles_enough_needs_no_closer_look(rng):
    pixels = rng.integers(0, 255, (1800, 2000), dtype=np.uint8)
    grade_map = predict_grade_map(
        GreyImage(pixels), FakePredictor(lambda tiles: np.full(len(tiles), 3.0 + (len(tiles) < 60) * 2)), 224
    )
    assert (grade_map.zoom, grade_map.grid.shape) == (0.5, (5, 5))
    assert grade_map.closer is None


def test_halving_stops_where_no_tile_would_fit(rng):
    pixels = rng.integers(0, 255, (460, 500), dtype=np.uint8)
    predictor = FakePredictor(1.0)
    grade_map = predict_grade_map(GreyImage(pixels), predictor, 224)
    assert grade_map.zoom == 0.5
    assert grade_map.g_seen == pytest.approx(-1.0)


def test_hardly_any_contrast_and_grains_out_of_range_need_a_person(write_tiff, grey):
    flat = write_tiff("flat.tif", np.full((300, 300), 120, np.uint8))
    (row,) = grade_micrographs([flat], FakePredictor(6.0), GradeSettings())
    assert row.status == "review"
    assert "contrast" in row.reason
    (row,) = grade_micrographs([write_tiff("fine.tif", grey)], FakePredictor(CARD.g_max + 0.5), GradeSettings())
    assert row.status == "review"
    assert "finer" in row.reason


def test_a_huge_image_is_refused_by_the_limit_in_megapixels(write_tiff, grey):
    (row,) = grade_micrographs([write_tiff("a.tif", grey)], FakePredictor(), GradeSettings(max_megapixels=0.1))
    assert isinstance(row, Failed)
    assert "megapixels" in row.reason


def covered_row(usable, of=9, um_per_px=1.0):
    values = np.full((of,), np.nan, np.float32)
    values[:usable] = 6.0
    side = round(of**0.5)
    grid = tile_grid(224 * side, 224 * side, 224, 224)
    grey = np.tile(np.arange(60, 200, dtype=np.uint8), (140, 1))
    micrograph = Micrograph(ImageFile(None, "a.tif"), grey, um_per_px, "", "", doubts=("a spot",))
    return graded_row(micrograph, GradeMap(values.reshape(side, side), grid, 1.0, usable), CARD)


def test_fewer_than_three_tiles_of_metal_are_for_review_unless_the_picture_has_no_more():
    assert covered_row(3).reason == "a spot"
    assert covered_row(2).reason == "a spot; only 2 of 9 tiles show metal only"
    assert covered_row(1, of=1).reason == "a spot"
    assert covered_row(2).status == "review"


def partly_covered_row(covered_cols, g=6.0, zoom=1.0):
    """Return the row of 896x896 px of metal beside which nothing is covered but some columns inside."""
    not_metal = np.zeros((112, 112), bool)
    not_metal[:, 112 - covered_cols : 111] = True
    grid = tile_grid(896, 896, 224, 224)
    values = np.where(usable_tiles(grid, not_metal, 8), np.float32(g), np.float32(np.nan))
    grey = np.tile(np.arange(60, 172, dtype=np.uint8), (896, 8))
    micrograph = Micrograph(ImageFile(None, "a.tif"), grey, 1.0, "", "", not_metal=not_metal, cell_px=8)
    return graded_row(micrograph, GradeMap(values.astype(np.float32), grid, zoom, 16), CARD)


def test_where_little_of_the_metal_lies_in_tiles_a_person_must_look():
    assert "of its metal" not in partly_covered_row(20).reason
    assert "only 50% of its metal lies in tiles that show metal only" in partly_covered_row(57).reason


def test_coarse_grains_that_could_not_be_seen_at_half_the_size_for_what_covers_them_are_for_review():
    why = "its grains are coarse for the part of it that shows metal only"
    assert why in partly_covered_row(20, g=4.9).reason
    assert why not in partly_covered_row(20, g=5.1).reason
    assert why not in partly_covered_row(20, g=2.0, zoom=0.25).reason


@pytest.mark.parametrize(
    ("by", "said"),
    [(np.nan, False), (0.149, False), (-0.149, False), (0.151, True), (-0.3, True)],
)
def test_a_part_of_a_field_that_reads_differently_at_another_size_is_for_review(grey, by, said):
    micrograph = Micrograph(ImageFile(None, "a.tif"), grey, 1.0, "", "")
    grade_map = GradeMap(np.full((1, 1), 5.0, np.float32), tile_grid(224, 224, 224, 224), 1.0, 1, other_size_by=by)
    row = graded_row(micrograph, grade_map, CARD)
    assert (row.status, "at which of two sizes to grade it" in row.reason) == (("graded", "review")[said], said)


def test_where_much_is_covered_tiles_lie_half_a_tile_apart():
    not_metal = np.zeros((112, 112), bool)  # cells of 8 px
    row, col = np.indices(not_metal.shape)
    not_metal[np.hypot(row - 56, col - 56) > 56] = True
    few = Shown(not_metal, 8, FakePredictor(), 224)
    assert few.grid((896, 896), 1.0) == tile_grid(896, 896, 224, 112)
    not_metal[...] = False
    not_metal[50, 50] = True
    assert few.grid((896, 896), 1.0) == tile_grid(896, 896, 224, 224)
    assert Shown(None, 8, FakePredictor(), 224).grid((896, 896), 1.0) == tile_grid(896, 896, 224, 224)


def test_a_row_without_a_pixel_size_keeps_its_other_reasons_after_the_first():
    row = covered_row(2, um_per_px=None)
    assert row.status == "uncalibrated"
    assert row.reason.split("; ")[-2:] == ["a spot", "only 2 of 9 tiles show metal only"]
    assert row.reason.startswith("the pixel size is not known")


def test_a_grade_map_that_is_recalled_is_not_asked_of_the_network(write_tiff, grey):
    known = GradeMap(np.full((2, 2), 7.5, np.float32), tile_grid(300, 400, 224, 224), 1.0, 4)
    predictor, files = FakePredictor(6.0), [write_tiff("a.tif", grey), write_tiff("b.tif", grey)]
    found = grade_files(files, predictor, GradeSettings(), lambda one: known if one.file.name == "b.tif" else None)
    assert [(file.name, round(rows[0].statistics.g, 3)) for file, rows in found] == [("a.tif", 6.0), ("b.tif", 7.5)]
    assert sum(shape[0] for shape in predictor.shapes) == 4


def test_a_file_that_hangs_is_a_row_to_try_again_and_the_next_is_graded(write_tiff, grey, monkeypatch):
    let_go = threading.Event()
    real = pipeline.read_micrographs

    def reading(file, settings):
        if file.name == "a.tif":
            let_go.wait(30)
        return real(file, settings)

    monkeypatch.setattr(pipeline, "read_micrographs", reading)
    files = [write_tiff("a.tif", grey), write_tiff("b.tif", grey)]
    stalled, graded = grade_micrographs(files, FakePredictor(), GradeSettings(read_timeout_s=1.0))
    let_go.set()
    assert (stalled.file, stalled.again, stalled.sha256) == (files[0], True, None)
    assert stalled.graded_at[:2] == "20"
    assert stalled.reason == "reading gave no answer within 1 s; the next scan tries again"
    assert graded.status == "graded"


def test_a_picture_that_breaks_off_while_it_is_looked_at_is_a_failed_row(write_tiff, grey, monkeypatch):
    def broken(*_):
        raise MicrographError("strip 3 is damaged")

    monkeypatch.setattr(pipeline, "grade_map_of", broken)
    file = write_tiff("a.tif", grey)
    (row,) = grade_micrographs([file], FakePredictor(), GradeSettings())
    assert isinstance(row, Failed)
    assert (row.file, row.reason, len(row.sha256), row.again) == (file, "strip 3 is damaged", 64, False)
    assert row.graded_at[:2] == "20"


def test_a_row_says_how_uniform_its_map_is_and_when_it_was_graded():
    grades = np.full((4, 5), 6.0, np.float32)
    grid = tile_grid(4 * 224, 5 * 224, 224, 224)
    pixels = np.random.default_rng(1).integers(0, 256, (4 * 224, 5 * 224), dtype=np.uint8)
    micrograph = Micrograph(ImageFile(None, "a.tif"), pixels, 1.0, "command-line", "0" * 64)
    row = graded_row(micrograph, GradeMap(grades, grid, 1.0, 20), CARD)
    assert (row.homogeneity, row.homogeneity_note) == ("uniform", "no more scatter than uniform steel shows")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(row.graded_at)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("um_per_px", "words"), [(0.5, "a slope from 7.0 to 10.0 G;"), (None, "a slope from 5.0 to 8.0 G as seen;")]
)
def test_a_slope_is_told_in_g_of_the_micrograph_where_its_pixel_size_is_known(um_per_px, words):
    grades = np.tile(np.linspace(5.0, 8.0, 6, dtype=np.float32), (5, 1))
    grid = tile_grid(5 * 224, 6 * 224, 224, 224)
    pixels = np.random.default_rng(1).integers(0, 256, (5 * 224, 6 * 224), dtype=np.uint8)
    micrograph = Micrograph(ImageFile(None, "a.tif"), pixels, um_per_px, "command-line", "0" * 64)
    row = graded_row(micrograph, GradeMap(grades, grid, 1.0, 30), CARD)
    assert row.homogeneity == "duplex:gradient"
    assert row.homogeneity_note.startswith(words)  # at half the card's 1 um per px grains are four times as small


def drawn_squares(side_cells=14, p=255):
    """Return the boundary map (3, 112, 112) of a tile of square grains."""
    maps = np.zeros((3, 112, 112), np.uint8)
    first = side_cells // 2
    maps[0, first::side_cells], maps[0, :, first::side_cells] = p, p
    maps[0, first + 1 :: side_cells], maps[0, :, first + 1 :: side_cells] = p, p
    return maps


class DrawingPredictor(FakePredictor):
    """Draw the same square grains in every tile."""

    card = replace(CARD, boundaries=True)

    def predict(self, parts):
        found = super().predict(parts)
        return replace(found, boundaries=np.repeat(drawn_squares()[None], len(found.g_seen), axis=0))


def test_grains_are_counted_only_where_that_is_asked_and_the_weights_draw(write_tiff, grey):
    (row,) = grade_micrographs([write_tiff("a.tif", grey)], DrawingPredictor(8.0), GradeSettings())
    assert row.count is None
    (row,) = grade_micrographs([write_tiff("a.tif", grey)], FakePredictor(), GradeSettings(count=True))
    assert row.count.note == "these weights draw no boundaries"
    assert np.isnan(row.count.g)


def test_square_grains_are_counted_at_the_size_of_the_file_and_the_map_is_not_kept(write_tiff):
    pixels = np.random.default_rng(0).integers(0, 256, (448, 448), dtype=np.uint8)
    settings = GradeSettings(CalibrationSettings(um_per_px=0.5), count=True)
    (row,) = grade_micrographs([write_tiff("a.tif", pixels)], DrawingPredictor(7.3), settings)
    side_mm = 28 * 0.5e-3  # 14 cells of 2 px
    expected = np.log2(1.0 / side_mm**2 / 15.5) + 1.0
    assert row.count.g == pytest.approx(expected, abs=0.05)
    assert row.g_intercept == pytest.approx(row.count.g_intercepts)
    assert row.grade_map.boundaries == ()
    assert "estimate and count" not in row.reason


def test_an_estimate_and_a_count_whose_intervals_do_not_meet_send_the_row_to_review(write_tiff):
    pixels = np.random.default_rng(0).integers(0, 256, (448, 448), dtype=np.uint8)
    settings = GradeSettings(CalibrationSettings(um_per_px=0.5), count=True)
    (row,) = grade_micrographs([write_tiff("a.tif", pixels)], DrawingPredictor(9.0), settings)
    assert row.status == "review"
    assert "estimate and count contradict each other" in row.reason


def test_what_is_recalled_is_counted_on_boundaries_drawn_again(write_tiff):
    pixels = np.random.default_rng(0).integers(0, 256, (448, 448), dtype=np.uint8)
    file, settings = write_tiff("a.tif", pixels), GradeSettings(count=True)
    ((_, (first,)),) = grade_files([file], DrawingPredictor(7.3), settings)
    ((_, (again,)),) = grade_files([file], DrawingPredictor(6.5), settings, recall=lambda _: first.grade_map)
    assert again.count.g_planimetric == first.count.g_planimetric
    assert again.count.grains == first.count.grains


class DoubtfulPredictor(DrawingPredictor):
    """Draw half of the boundaries faintly where a picture is as it is, and all of them surely at half the size."""

    def predict(self, parts):
        found = super().predict(parts)
        if found.boundaries is not None and parts[0].image.whole is None:
            found.boundaries[:, 0] = np.where(np.arange(112) % 28 < 20, found.boundaries[:, 0], 0) // 4 * 2
        return found


def test_where_boundaries_are_in_doubt_they_are_counted_at_half_the_size_if_they_are_surer_there(write_tiff):
    pixels = np.random.default_rng(0).integers(0, 256, (960, 960), dtype=np.uint8)
    settings = GradeSettings(CalibrationSettings(um_per_px=1.0), count=True)
    file = write_tiff("a.tif", pixels)
    (row,) = grade_micrographs([file], DoubtfulPredictor(6.5), settings)
    assert row.count.spread < 0.5
    (micrograph,) = read_micrographs(file, settings)
    fields = boundary_fields(micrograph, DoubtfulPredictor(6.5), settings)
    assert {field.cell_px for field in fields} == {overlay.cell_px for overlay in row.count.overlays} == {4.0}
    (sure,) = grade_micrographs([file], DrawingPredictor(6.5), settings)
    assert {overlay.cell_px for overlay in sure.count.overlays} == {2.0}


def test_what_is_not_metal_in_a_micrograph_has_no_grade():
    not_metal = np.zeros((56, 84), bool)  # cells of 8 px: 448 x 672
    not_metal[:28, :28] = True
    pixels = np.zeros((448, 672), np.uint8)
    micrograph = Micrograph(ImageFile(None, "a.tif"), pixels, 1.0, "", "", not_metal=not_metal, cell_px=8)
    seen = grade_map_of(micrograph, FakePredictor(6.0), 224).g_seen
    assert np.isnan(seen).tolist() == [[True, False, False], [False, False, False]]


@pytest.mark.parametrize(
    ("seen", "um_per_px", "possible"), [(6.0, 12.0, False), (6.0, 10.0, True), (10.0, 0.23, False)]
)
def test_a_g_that_no_steel_has_is_for_review_with_the_pixel_size_that_made_it(
    write_tiff, grey, seen, um_per_px, possible
):
    settings = GradeSettings(CalibrationSettings(um_per_px=um_per_px))
    (row,) = grade_micrographs([write_tiff("a.tif", grey, None)], FakePredictor(seen), settings)
    assert row.status == ("graded" if possible else "review")
    assert ("outside of what steel has" in row.reason) is not possible
    assert possible or f"check the pixel size, {um_per_px:g} um/px" in row.reason
