"""One field of a specimen counts once, in whatever format, and however often it was saved."""

from __future__ import annotations

import io

import numpy as np
import pytest
from helpers.counted_steel import grain_map, picture_of
from helpers.table_rows import row
from PIL import Image

from gdest.core import ImageFile, fingerprint
from gdest.reading.micrograph import read_micrograph
from gdest.reports.assign import Rules, assign, specimen_rows
from gdest.reports.limits import Limit
from gdest.reports.rows import StreamedRows
from gdest.reports.specimen_rules import SpecimenRule


def steel(seed, rows=480, cols=640):
    rng = np.random.default_rng(seed)
    return picture_of(grain_map(rng, rows, cols, 150), rng)


def rows_of(*seeds, **cells):
    return [
        row(f"P1/{i}.tif", sha256=f"{i}", fingerprint=fingerprint(steel(seed)), **cells) for i, seed in enumerate(seeds)
    ]


def copies(table):
    return {
        line["file"]: line["copy_of"] for line in assign(table, Rules(SpecimenRule(folder="parent"))) if line["copy_of"]
    }


def test_one_field_saved_as_tif_png_bmp_and_jpg_is_one_field_of_its_specimen(tmp_path):
    for suffix, options in (("bmp", {}), ("jpg", {"quality": 75}), ("png", {}), ("tif", {})):
        Image.fromarray(steel(1)).save(tmp_path / f"a.{suffix}", **options)
    table = []
    for path in sorted(tmp_path.iterdir()):
        read = read_micrograph(ImageFile(path, f"P1/{path.name}"))
        table.append(row(read.file.name, sha256=read.sha256, fingerprint=read.fingerprint))
    assert copies(table) == {f"P1/a.{suffix}": "P1/a.bmp" for suffix in ("jpg", "png", "tif")}
    (specimen,) = specimen_rows(table, [Limit("g >= 5.0")])
    assert (specimen["fields"], specimen["fields_left_out"], specimen["copies_left_out"]) == (1, 0, 3)
    assert "3 copies left out" in specimen["flags"]
    assert specimen["relative_accuracy"] is None
    assert specimen["verdict"] == "undecided"


def test_five_fields_of_one_steel_are_five():
    table = rows_of(1, 2, 3, 4, 5)
    assert copies(table) == {}
    (specimen,) = specimen_rows(table, ())
    assert (specimen["fields"], specimen["copies_left_out"]) == (5, 0)
    assert "copies" not in (specimen["flags"] or "")


@pytest.mark.parametrize("shared", ["black rim", "fall of light", "banner"])
def test_what_the_fields_of_a_microscope_share_makes_no_copies(shared):
    def seen(seed):
        picture = steel(seed).astype(float)
        if shared == "black rim":
            picture[:, :160] = 0
            picture[:, 480:] = 0
        elif shared == "banner":
            picture[400:] = 250
        else:
            picture *= 1.0 - 0.6 * np.hypot(*np.mgrid[-1:1:480j, -1:1:640j])
        return np.clip(picture, 0, 255).astype(np.uint8)

    table = [row(f"P1/{seed}.tif", sha256=f"{seed}", fingerprint=fingerprint(seen(seed))) for seed in range(8)]
    assert copies(table) == {}


def test_the_same_bytes_are_one_field_also_in_a_record_without_fingerprints_and_pages_of_a_file_are_several():
    table = [row("P1/b.tif", sha256="1"), row("P1/a.tif", sha256="1"), row("P1/a.tif#2", sha256="1"), row("P1/c.tif")]
    assert copies(table) == {"P1/b.tif": "P1/a.tif"}


def test_of_copies_a_graded_one_is_the_field():
    first, second = rows_of(1, 1)
    first["status"] = "uncalibrated"
    assert copies([first, second]) == {"P1/0.tif": "P1/1.tif"}
    (specimen,) = specimen_rows([first, second], ())
    assert (specimen["fields"], specimen["fields_left_out"], specimen["copies_left_out"]) == (1, 0, 1)


@pytest.mark.parametrize(
    ("files", "dates"),
    [
        (("P1/a.jpg", "P1/b.tif"), ("2026-01-01", "2026-02-01")),
        (("P1/a.tif", "P1/b.tif"), ("2026-02-01", "2026-01-01")),
        (("P1/a.tif", "P1/b.tif"), (None, "2026-01-01")),
        (("P1/a.jpg#2", "P1/b.tif#2"), ("2026-01-01", "2026-01-01")),
    ],
)
def test_of_copies_the_original_is_the_one_that_lost_nothing_and_then_the_older(files, dates):
    shared = fingerprint(steel(1))
    table = [
        row(name, sha256=name, fingerprint=shared, file_modified=date) for name, date in zip(files, dates, strict=True)
    ]
    assert copies(table) == {files[0]: files[1]}


def test_in_an_archive_too_large_for_the_memory_the_original_is_the_same():
    shared = fingerprint(steel(1))
    names = {"P1/a.jpg": "2026-01-01", "P1/b.tif": "2026-03-01", "P1/c.tif": "2026-02-01"}
    table = [row(name, sha256=name, fingerprint=shared, file_modified=date) for name, date in names.items()]
    streamed = StreamedRows(len(table), lambda: iter([dict(line) for line in table]))
    assert copies(streamed) == copies(table) == {"P1/a.jpg": "P1/c.tif", "P1/b.tif": "P1/c.tif"}


def test_copies_of_one_field_that_have_two_g_are_flagged():
    first, second, third = rows_of(1, 1, 1)
    second |= {"g": 10.0, "um_per_px": 0.25}
    third |= {"g": 8.1}
    copies([first, second, third])
    (specimen,) = specimen_rows([first, second, third], ())
    assert "1 of these with another G than their field: check the pixel sizes" in specimen["flags"]
    copies([first, third])
    assert "another G" not in specimen_rows([first, third], ())[0]["flags"]


def test_copies_in_two_specimens_are_a_field_of_each_and_an_earlier_mark_is_forgotten():
    one, other = rows_of(1, 1)
    other["file"] = "P2/1.tif"
    one["copy_of"] = "P1/earlier.tif"
    assert copies([one, other]) == {}
    assert one["copy_of"] is None


def test_what_could_not_be_read_is_no_copy():
    first, second = rows_of(1, 1)
    for line in (first, second):
        line |= {"status": "failed", "fingerprint": None, "sha256": "1"}
    assert copies([first, second]) == {}


def test_a_picture_without_any_grey_is_like_no_other():
    flat = fingerprint(np.full((300, 300), 90, np.uint8))
    assert copies([row(f"P1/{i}.tif", sha256=f"{i}", fingerprint=flat) for i in range(2)]) == {}


def test_a_thinner_file_of_one_field_is_still_that_field():
    buffer = io.BytesIO()
    Image.fromarray(steel(1)).save(buffer, "JPEG", quality=40)
    again = np.asarray(Image.open(buffer))
    table = [
        row("P1/a.tif", sha256="1", fingerprint=fingerprint(steel(1))),
        row("P1/b.jpg", sha256="2", fingerprint=fingerprint(again)),
        row("P1/c.jpg", sha256="3", fingerprint=fingerprint(np.clip(again * 0.6 + 20, 0, 255).astype(np.uint8))),
    ]
    assert copies(table) == {"P1/b.jpg": "P1/a.tif", "P1/c.jpg": "P1/a.tif"}
