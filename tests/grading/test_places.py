"""The places of tiles lie in the grade map as the tiles do, and no row follows from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from helpers.predictors import FakePredictor

from gdest.core.records import ImageFile, Micrograph
from gdest.core.tiles import cut_parts
from gdest.grading.pipeline import grade_map_of, graded_row
from gdest.reports.table import ModelName, cells
from gdest.scan.ledger_schema import pack_grade_map, unpack_grade_map

STEP = np.linspace(-1, 1, 49, dtype=np.float32).reshape(7, 7)


class Telling(FakePredictor):
    """Say places that tell the tiles apart by their mean grey."""

    def predict(self, parts):
        means = cut_parts(parts).mean(axis=(1, 2)).astype(np.float32)
        return replace(super().predict(parts), places=means[:, None, None] * STEP)


def micrograph():
    pixels = np.repeat(np.repeat(np.arange(1, 7, dtype=np.uint8).reshape(2, 3), 224, axis=0), 224, axis=1)
    not_metal = np.zeros((448 // 8, 672 // 8), bool)
    not_metal[:20, :20] = True  # in the first tile
    return Micrograph(ImageFile(None, "a.tif"), pixels, 1.0, "command-line", "0" * 64, not_metal=not_metal, cell_px=8)


def test_each_tile_has_its_own_places_and_one_that_is_left_out_has_none():
    whole = replace(micrograph(), not_metal=None)
    found = grade_map_of(whole, Telling(answer=8.0), 224)
    assert found.places.dtype == np.float16
    assert found.places.shape == (2, 3, 7, 7)
    expected = np.arange(1, 7).reshape(2, 3, 1, 1) * STEP
    assert np.allclose(found.places, expected, atol=0.01)
    part = grade_map_of(micrograph(), Telling(answer=8.0), 224)
    known = np.isfinite(part.g_seen)
    assert not known.all()
    assert np.isnan(part.places[~known]).all()
    assert np.isfinite(part.places[known]).all()


def test_no_cell_of_a_row_follows_from_the_places():
    told, silent = Telling(answer=8.0), FakePredictor(answer=8.0)
    rows = []
    for predictor in (told, silent):
        row = graded_row(micrograph(), grade_map_of(micrograph(), predictor, 224), predictor.card)
        rows.append(cells(replace(row, graded_at="now"), ModelName("fake", "0")))
    assert rows[0] == rows[1]


def test_a_ledger_keeps_them_and_reads_a_map_of_before_them():
    found = grade_map_of(micrograph(), Telling(answer=8.0), 224)
    kept = unpack_grade_map(pack_grade_map(found))
    assert np.array_equal(kept.places, found.places, equal_nan=True)
    assert unpack_grade_map(pack_grade_map(replace(found, places=None))).places is None


def test_a_map_that_only_shows_a_pattern_keeps_no_places():
    coarse = grade_map_of(
        replace(micrograph(), not_metal=None, pixels=np.ones((448, 448), np.uint8)), Telling(4.0), 112
    )
    assert coarse.zoom == 0.5
    assert coarse.places is not None
    assert coarse.closer is not None
    assert coarse.closer.places is None
