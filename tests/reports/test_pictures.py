from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.predictors import CARD
from PIL import Image

from gdest.core import GrainCount, Mark, Overlay
from gdest.core.grid import tile_grid
from gdest.core.records import GradeMap, ImageFile, Micrograph
from gdest.grading.pipeline import graded_row
from gdest.reports.marks import LOOKS
from gdest.reports.overlay import layer_name
from gdest.reports.pictures import THUMBNAIL_PX, preview_name, thumbnail_name, write_pictures

BRONZE = (150, 110, 60)


def graded(colour=None, count=None):
    micrograph = Micrograph(
        ImageFile(None, "a.tif"), np.full((224, 448), 128, np.uint8), 1.0, "test", "", colour=colour
    )
    grade_map = GradeMap(np.full((1, 2), 6.0, np.float32), tile_grid(224, 448, 224, 224), 1.0, 2)
    return replace(graded_row(micrograph, grade_map, CARD), count=count)


def picture(path):
    with Image.open(path) as image:
        image.load()
        return image


def test_the_preview_has_the_colours_of_the_file(tmp_path):
    write_pictures(graded(np.full((224, 448, 3), BRONZE, np.uint8)), tmp_path)
    assert picture(tmp_path / preview_name("a.tif")).getpixel((200, 100)) == pytest.approx(BRONZE, abs=4)
    write_pictures(graded(), tmp_path)
    assert picture(tmp_path / preview_name("a.tif")).mode == "L"


def test_the_thumbnail_is_the_map_alone_in_the_shape_of_the_micrograph(tmp_path):
    write_pictures(graded(), tmp_path)
    shown = picture(tmp_path / thumbnail_name("a.tif"))
    assert shown.width / shown.height == pytest.approx(2.0, abs=0.05)
    assert shown.width == THUMBNAIL_PX


def test_a_layer_holds_the_marks_in_their_colours_and_nothing_else(tmp_path):
    marks = np.zeros((224, 448), np.uint8)
    marks[50, 20:200], marks[100, 20:200] = Mark.GRAIN, Mark.LINE
    write_pictures(graded(count=GrainCount(overlays=(Overlay(marks, 1.0),))), tmp_path)
    layer = np.asarray(picture(tmp_path / layer_name("a.tif")).convert("RGBA"))
    assert layer.shape == (224, 448, 4)
    assert layer[50, 100].tolist() == [*LOOKS[Mark.GRAIN].colour, 255]
    assert layer[100, 100].tolist() == [*LOOKS[Mark.LINE].colour, round(255 * LOOKS[Mark.LINE].opacity)]
    assert (layer[:, :, 3] > 0).sum() == 2 * 180
