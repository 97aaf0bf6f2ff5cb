"""Every reason not to trust an answer is named, and a good micrograph has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.predictors import CARD, FakePredictor

from gdest.core.counted import GrainCount
from gdest.core.grid import tile_grid
from gdest.core.model_card import UNFIT, Doubt
from gdest.core.records import GradeMap, ImageFile, Micrograph, TileAnswers
from gdest.core.settings import GradeSettings
from gdest.core.tiles import GreyImage
from gdest.grading import doubts as doubting
from gdest.grading.doubts import SENTENCES, doubts_of_count, measured_doubts, reasons
from gdest.grading.pipeline import grade_micrographs, graded_row
from gdest.grading.zooms import SURE_G, UNSURE_SHARE, predict_grade_map


def test_boundaries_far_from_closed_are_a_doubt_and_closed_ones_are_none():
    assert list(doubts_of_count(GrainCount(spread=0.4))) == []
    assert list(doubts_of_count(GrainCount())) == []
    (doubt,) = doubts_of_count(GrainCount(spread=1.5))
    assert "far from closed" in doubt


def test_every_doubt_has_its_sentence():
    assert set(SENTENCES) == set(Doubt)


def only_row(file, predictor):
    (row,) = grade_micrographs([file], predictor, GradeSettings())
    return row


@pytest.mark.parametrize("kind", UNFIT)
def test_tiles_that_the_judge_finds_unfit_send_the_micrograph_to_review(write_tiff, grey, kind):
    file = write_tiff("a.tif", grey)
    odds = [3.0 if kind == other else -9.0 for other in UNFIT]
    row = only_row(file, FakePredictor(unfit=odds))
    assert row.status == "review"
    assert SENTENCES[kind] in row.reason
    assert row.statistics.g == pytest.approx(6.0, abs=1e-4)  # the number is there for the person who looks
    assert only_row(file, FakePredictor()).status == "graded"


def test_tiles_far_from_all_training_tiles_send_the_micrograph_to_review(write_tiff, grey):
    row = only_row(write_tiff("a.tif", grey), FakePredictor(novelty=CARD.limits["novelty"] + 0.1))
    assert row.status == "review"
    assert "unlike anything" in row.reason


def by_size(native, halved):
    """Return a predictor for a picture of 500x500, whose 9 tiles become 4 when it is halved."""
    return FakePredictor(lambda tiles: np.full(len(tiles), {9: native, 4: halved}[len(tiles)]))


def test_answers_at_two_zooms_must_agree(write_tiff, rng):
    file = write_tiff("a.tif", rng.integers(0, 256, (500, 500), dtype=np.uint8))
    assert only_row(file, by_size(6.0, 8.2)).status == "graded"
    row = only_row(file, by_size(6.0, 6.1))
    assert row.status == "review"
    assert "two different G (1.9 G apart, limit 0.3)" in row.reason
    assert row.g_seen == pytest.approx(6.0)
    assert row.grade_map.tiles == 13


@pytest.mark.parametrize(("larger_g", "expected"), [(4.5, 2.0), (4.0, 2.0), (3.99, -1.0)])
def test_fragments_are_also_looked_for_in_the_next_larger_picture_while_it_shows_enough_grains(larger_g, expected, rng):
    def sizes_differ(parts):
        said = judge_of(parts)
        larger = said.g_seen < 5.0
        return replace(
            said, unfit=np.where(larger[:, None], [3.0, 3.0, 2.0, 3.0], [-9.0, -9.0, -1.0, -9.0]).astype(np.float32)
        )

    pixels = rng.integers(0, 256, (500, 500), dtype=np.uint8)
    predictor = by_size(larger_g, 6.5)
    judge_of, predictor.predict = predictor.predict, sizes_differ
    doubts = predict_grade_map(GreyImage(pixels), predictor, 224).doubts
    assert doubts["fragments"] == pytest.approx(expected)
    assert doubts["no grains"] == doubts["defocused"] == pytest.approx(-9.0)  # only in the picture that is graded


def test_a_picture_is_not_compared_with_one_that_is_finer_than_the_model_knows(rng):
    pixels = rng.integers(0, 256, (500, 500), dtype=np.uint8)
    grade_map = predict_grade_map(GreyImage(pixels), by_size(CARD.g_max - 1.0, 0.0), 224)
    natural = UNSURE_SHARE * (CARD.g_max - 1.0 - SURE_G[1])
    assert grade_map.doubts["zoom gap"] == pytest.approx(2.0 - natural)  # of the enlarged
    assert grade_map.tiles == 9 + 9  # as it is, and the middles of these enlarged


def test_saturated_and_flat_pictures_are_named(grey):
    grade_map = predict_grade_map(GreyImage(grey), FakePredictor(), 224)
    assert list(reasons(grey, 6.0, grade_map, CARD)) == []
    burnt = np.where(grey > 190, grey, 255).astype(np.uint8)
    assert "saturated" in next(reasons(burnt, 6.0, grade_map, CARD))
    assert "contrast" in next(reasons(np.full_like(grey, 90), 6.0, grade_map, CARD))


def map_of(g=6.0, zoom=1.0, **doubts):
    return GradeMap(np.full((1, 1), g, np.float32), tile_grid(224, 224, 224, 224), zoom, 1, doubts)


def two_greys(dark, bright, share=0.5):
    """Return a picture of 100x100 of two grey levels, that share of it bright, the same on every second pixel."""
    pixels = np.full((100, 100), dark, np.uint8)
    pixels[: round(100 * share)] = bright
    return pixels


@pytest.mark.parametrize(("bright", "said"), [(105, True), (106, False), (107, False)])
def test_a_deviation_of_less_than_three_grey_levels_is_hardly_any_contrast(bright, said):
    found = list(reasons(two_greys(100, bright), 6.0, map_of(), CARD))
    assert found == (["hardly any contrast: no grain structure can be seen"] if said else [])


@pytest.mark.parametrize("level", [0, 1, 254, 255])
@pytest.mark.parametrize(("share", "said"), [(0.7, False), (0.72, True)])
def test_more_than_seven_tenths_of_black_or_white_pixels_are_saturated(level, share, said):
    found = list(reasons(two_greys(100, level, share), 6.0, map_of(), CARD))
    assert found == ([f"saturated: {100 * share:.0f} % of the pixels are black or white, limit 70 %"] if said else [])


@pytest.mark.parametrize("level", [2, 253])
def test_nearly_black_or_white_is_not_saturated(level):
    assert list(reasons(two_greys(100, level, 0.9), 6.0, map_of(), CARD)) == []


def test_of_every_picture_each_second_row_and_column_is_looked_at():
    rows, cols = np.indices((100, 100))
    for between in (rows % 2 == 1, cols % 2 == 1):
        pixels = np.where(rows // 2 % 2 == cols // 2 % 2, 100, 160).astype(np.uint8)
        pixels[:44] = 0  # 44 % of what is looked at, and half of the rest are too few
        pixels[between] = 0
        assert list(reasons(pixels, 6.0, map_of(), CARD)) == []


@pytest.mark.parametrize(("sample_px", "said"), [(50 * 50, True), (50 * 50 - 1, False)])
def test_contrast_and_saturation_are_measured_on_every_second_pixel_or_of_more_on_every_fourth(
    monkeypatch, sample_px, said
):
    monkeypatch.setattr(doubting, "SAMPLE_PX", sample_px)
    rows, cols = np.indices((100, 100))
    pixels = np.where(rows // 4 % 2, 100, 160).astype(np.uint8)
    pixels[(rows % 4 == 2) | (cols % 4 == 2)] = 255  # three quarters of every second pixel, none of every fourth
    pixels[(rows % 2 == 1) | (cols % 2 == 1)] = 0  # never looked at
    assert [reason.split(":")[0] for reason in reasons(pixels, 6.0, map_of(), CARD)] == ["saturated"] * said


@pytest.mark.parametrize(
    ("g", "zoom", "said"),
    [
        (1.0, 1.0, None), (0.9, 1.0, "coarser"), (13.5, 1.0, None), (13.6, 1.0, "finer"),
        (-1.0, 0.5, None), (-1.1, 0.5, "coarser"), (11.5, 0.5, None), (11.6, 0.5, "finer"),
    ],
)  # fmt: skip
def test_grains_beyond_the_trained_range_as_they_look_in_the_graded_picture_are_named(g, zoom, said):
    found = list(reasons(two_greys(80, 160), g, map_of(g, zoom), CARD))
    in_picture = g if zoom == 1.0 else g + 2.0
    words = f"grains {said} than the model was trained on (G seen {in_picture:.1f}, trained 1.0..13.5)"
    assert found == ([words] if said else [])


def test_a_doubt_is_a_reason_beyond_its_limit_only():
    def found(**doubts):
        return list(reasons(two_greys(80, 160), 6.0, map_of(**doubts), CARD))

    assert found(novelty=2.0) == found(novelty=float("nan")) == found() == []
    words = "2.1 times the usual distance from its training pictures, limit 2.0"
    assert found(novelty=2.14) == [f"{SENTENCES['novelty']} ({words})"]
    no_limit = replace(CARD, limits={})
    assert list(reasons(two_greys(80, 160), 6.0, map_of(novelty=1e9), no_limit)) == []


@pytest.mark.parametrize(
    ("doubts", "told"),
    [
        ({"zoom gap": 0.34}, "(0.34 G apart, limit 0.30)"),
        ({"novelty": 2.001}, "(2.001 times the usual distance from its training pictures, limit 2.000)"),
        ({"defocused": 0.01}, "(probability 50.2 %, limit 50.0 %)"),  # 1 / (1 + exp(-0.01))
        ({"fragments": 2.0}, "(probability 88 %, limit 50 %)"),
        ({"fragments": 20.0}, "(probability over 99 %, limit 50 %)"),
    ],
)
def test_a_measure_and_its_limit_have_the_digits_that_tell_them_apart_and_units(doubts, told):
    (found,) = reasons(two_greys(80, 160), 6.0, map_of(**doubts), CARD)
    assert found.endswith(told)


def test_a_share_of_pixels_just_beyond_its_limit_does_not_read_as_the_limit():
    pixels = two_greys(100, 255, 0.7)
    pixels[70, :20] = 255  # 10 of the 2500 that are looked at more
    (found,) = reasons(pixels, 6.0, map_of(), CARD)
    assert found == "saturated: 70.4 % of the pixels are black or white, limit 70.0 %"


def test_what_shows_no_metal_is_said_before_all_else_also_before_a_missing_pixel_size(write_tiff, grey):
    file = write_tiff("photograph.tif", grey, um_per_px=None)
    row = only_row(file, FakePredictor(unfit=(3.0, 3.0, -9.0, -9.0)))
    no_metal, unknown, defocused = row.reason.split("; ", 2)
    assert no_metal.startswith("no metal")
    assert unknown.startswith("the pixel size is not known")
    assert defocused.startswith("state ") and "out of focus" in defocused
    assert (row.status, row.homogeneity) == ("uncalibrated", "unknown")
    metal = only_row(file, FakePredictor())
    assert metal.reason.startswith("the pixel size is not known")
    assert metal.homogeneity == "uniform"


def test_what_shows_no_metal_is_said_before_what_was_found_while_reading():
    pixels = two_greys(80, 160)
    micrograph = Micrograph(ImageFile(None, "a.tif"), pixels, 1.0, "", "", doubts=("two pixel sizes",))
    reason = graded_row(micrograph, map_of(**{"no grains": 3.0, "novelty": 2.5}), CARD).reason
    assert [part.split(",")[0].split(" (")[0] for part in reason.split("; ")] == [
        *("no metal", "two pixel sizes", SENTENCES["novelty"])
    ]
    plain = graded_row(micrograph, map_of(novelty=2.5), CARD).reason
    assert plain.startswith("two pixel sizes; unlike")


def test_doubts_are_means_over_tiles_and_fragments_the_larger_of_two_pictures():
    def answers(fragments):
        unfit = np.float32([[1.0, 3.0, fragments, -7.0], [2.0, 5.0, fragments + 2.0, -9.0]])
        return TileAnswers(np.float32([6, 6]), unfit, np.float32([0.5, 1.5]))

    plain = measured_doubts(answers(-3.0), 0.25)
    kinds = {"no grains": 1.5, "defocused": 4.0, "fragments": -2.0, "structure": -8.0}
    assert plain == {**kinds, "novelty": 1.0, "zoom gap": 0.25}
    assert list(plain) == list(Doubt)
    assert measured_doubts(answers(-3.0), 0.25, answers(-1.0)) == {**plain, "fragments": 0.0}
    assert measured_doubts(answers(-3.0), 0.25, answers(-7.0)) == plain
