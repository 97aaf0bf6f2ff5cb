from __future__ import annotations

from dataclasses import is_dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from gdest.core import records
from gdest.core.errors import (
    ArchiveError,
    DataError,
    GdestError,
    MicrographError,
    NothingGradedError,
    OutputError,
    SettingsError,
    WeightsError,
    require,
)
from gdest.core.exit_codes import ExitCode, exit_code
from gdest.core.records import (
    Failed,
    FileState,
    Graded,
    GradeMap,
    GradeStatistics,
    ImageFile,
    Micrograph,
    PixelSizeSource,
    Status,
    TileGrid,
    now,
)
from gdest.core.tiles import Regions, Tiles

FILE = ImageFile(Path("a.tif"), "a.tif")
GRID = TileGrid((0, 16), (0, 16, 20), 16)


def test_the_size_of_a_micrograph_is_that_of_its_pixels_or_of_its_regions():
    thinned = np.zeros((30, 40), np.uint8)
    whole = Micrograph(FILE, thinned, None, "", "0")
    assert (whole.rows, whole.cols) == (30, 40)
    assert (whole.doubts, whole.not_metal, whole.cell_px, whole.regions) == ((), None, 1, None)
    parts = Micrograph(FILE, thinned, None, "", "0", regions=Regions((60, 80), lambda *_: thinned))
    assert (parts.rows, parts.cols) == (60, 80)


def test_a_grid_has_rows_of_tops_and_columns_of_lefts():
    assert GRID.shape == (2, 3)


@pytest.mark.parametrize(("g", "shift"), [(8.0, 2.0), (5.5, -0.5), (None, 0.0)])
def test_the_shift_is_what_the_pixel_size_adds_to_g_seen(g, shift):
    statistics = None if g is None else GradeStatistics(g, g, g, g, 0.0, g, g, 1.0, "uniform")
    grade_map = GradeMap(np.full((2, 3), 6.0, np.float32), GRID, 1.0, 6)
    micrograph = Micrograph(FILE, np.zeros((32, 36), np.uint8), None, "", "0")
    row = Graded(micrograph, grade_map, Status.GRADED, "", 6.0, statistics, "uniform", now())
    assert row.shift == shift
    assert (row.homogeneity_note, row.g_intercept, row.intercepts) == ("", None, None)
    assert (grade_map.doubts, grade_map.closer) == ({}, None)


def test_now_is_the_time_in_utc_to_the_second():
    said = datetime.fromisoformat(now())
    assert said.utcoffset() == timedelta(0)
    assert said.microsecond == 0
    assert abs(said - datetime.now(UTC)) < timedelta(seconds=5)


def test_statuses_and_sources_are_stored_as_their_words():
    assert [str(status) for status in Status] == ["graded", "review", "uncalibrated", "failed"]
    assert " ".join(PixelSizeSource) == (
        "command-line gdest.toml objective ome-xml imagej zeiss-tag fei-tag olympus-tag leica-tag nikon-tag "
        "metamorph-tag gatan-tag tiff-resolution czi lif nd2 oib vsi file-name scale-bar"
    )


def test_what_travels_between_the_steps_cannot_be_changed_on_the_way():
    nouns = [*vars(records).values(), Tiles, Regions]
    frozen = {noun.__name__: noun.__dataclass_params__.frozen for noun in nouns if is_dataclass(noun)}
    assert len(frozen) == 14
    assert all(frozen.values())


def test_a_failure_is_the_files_own_and_not_tried_again_unless_said():
    assert Failed(FILE, "empty", None, "").again is False
    assert FileState("a.tif", "/a.tif", 1, 2).again is False


@pytest.mark.parametrize(
    ("counts", "code"),
    [({"graded": 3}, 0), ({}, 0), ({"graded": 2, "review": 1}, 3), ({"graded": 1, "review": 1}, 3),
     ({"graded": 2, "uncalibrated": 1}, 3), ({"graded": 2, "failed": 1}, 3), ({"review": 3}, 3),
     ({"review": 1, "failed": 1}, 3), ({"failed": 1}, 4),
     ({"uncalibrated": 2}, 4), ({"uncalibrated": 1, "failed": 1}, 4)],
)  # fmt: skip
def test_the_exit_code_follows_the_table_of_the_manual(counts, code):
    assert exit_code(counts) == code


def test_every_exit_code_and_every_errors_code_is_the_documented_number():
    assert {code.name: code.value for code in ExitCode} == {
        "GRADED": 0, "BUG": 1, "USAGE": 2, "PROBLEMS": 3, "NOTHING_GRADED": 4, "WEIGHTS": 5, "REJECTED": 6,
        "HUNG_UP": 129, "INTERRUPTED": 130, "TERMINATED": 143,
    }  # fmt: skip
    of_two = [GdestError, SettingsError, DataError, ArchiveError, OutputError]
    assert {error.exit_code for error in of_two} == {2}
    assert [error.exit_code for error in (MicrographError, NothingGradedError, WeightsError)] == [3, 4, 5]


def test_a_condition_that_does_not_hold_is_a_settings_error_with_its_sentence():
    require(True, "never said")
    with pytest.raises(SettingsError, match=r"^said$"):
        require(False, "said")
