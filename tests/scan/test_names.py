"""What one name does to a disk is told in its row, and the rest of the night is graded."""

from __future__ import annotations

import os

import pandas as pd
import pytest
from helpers.scan_fixtures import put

from gdest.core import file_names
from gdest.reports import picture_names, read_record
from gdest.scan.ledger import Ledger

LONG = "x" * 248 + ".tif"
NAMES = (
    LONG,
    "y" + LONG[1:],
    "a.tif",
    "a.tif.png/b.tif",
    "A.TIF.JPG/b.tif",
    "a.tif.png/b.tif.png/c.tif",
    "\N{CJK UNIFIED IDEOGRAPH-91D1}" * 80 + "1.tif",
    "\N{CJK UNIFIED IDEOGRAPH-91D1}" * 80 + "2.tif",
    "f" * 251 + ".png/d.tif",
)


@pytest.fixture
def root(tmp_path):
    for level, name in enumerate(NAMES):
        put(tmp_path / "archive", name, 20 * level)
    return tmp_path / "archive"


def test_every_name_that_a_disk_holds_is_graded_with_pictures_of_its_own(run, table, tmp_path):
    assert run()[0] == 0
    assert set(table().index) == set(NAMES)
    pictures = [path for path in (tmp_path / "out/heatmaps").rglob("*.png") if path.is_file()]
    assert len({path.read_bytes() for path in pictures}) == len(NAMES)
    known = dict(read_record(tmp_path / "out")[0].pictures)
    for name in NAMES:
        heatmap, preview, thumbnail = picture_names(name)
        assert {heatmap, preview, thumbnail} <= set(known)
        assert (tmp_path / "out" / heatmap).read_bytes() in {path.read_bytes() for path in pictures}
    assert run()[1] == 0  # nothing is graded again


def test_no_two_names_share_a_picture_also_when_one_looks_like_the_short_form_of_another():
    (short, *_) = picture_names(LONG)
    (folder, *_) = picture_names("a.tif.png/b.tif")
    look_alikes = [short.partition("/")[2].removesuffix(".png"), folder.partition("/")[2].removesuffix(".png")]
    names = [*NAMES, *look_alikes]
    assert len({picture_names(name)[0] for name in names}) == len(names)
    longest = max(len(os.fsencode(part)) for name in names for one in picture_names(name) for part in one.split("/"))
    assert longest <= 255


@pytest.mark.parametrize("name", ["ordner 1/ü #2.tif", "a.png", "x" * 251])
def test_other_names_keep_the_picture_that_they_have_had(name):
    assert picture_names(name)[0] == f"heatmaps/{name}.png"


def test_a_picture_that_the_disk_cannot_name_is_a_reason_and_the_rest_is_graded(run, table, tmp_path, monkeypatch):
    monkeypatch.setattr(file_names, "LONGEST_NAME", 10_000)
    assert run()[0] == 0
    reasons = table()["reason"]
    long = {name for name in NAMES if any(len(part.encode()) + 4 > 255 for part in name.split("/")[-1:])}
    assert set(reasons.dropna().index) == long | {"f" * 251 + ".png/d.tif"}
    assert set(reasons.dropna()) == {"its pictures cannot be written: File name too long"}
    assert table()["status"].eq("graded").all()
    with Ledger.open(tmp_path / "out") as ledger:
        drawn = dict(ledger.drawn(ledger.recipes()[0].id))
    assert {name for name, pictures in drawn.items() if not pictures} == set(reasons.dropna().index)
    assert pd.read_excel(tmp_path / "out/results.xlsx", sheet_name="Micrographs").shape[0] == len(NAMES)
