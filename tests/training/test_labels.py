from __future__ import annotations

from dataclasses import replace

import numpy as np
import openpyxl
import pytest
import torch
from helpers.predictors import FakePredictor
from helpers.table_rows import row
from PIL import Image

from gdest.core.errors import DataError
from gdest.core.settings import GradeSettings
from gdest.reports.results_csv import write_csv
from gdest.training.examples import load_examples
from gdest.training.labels import Labelled, read_labels, split_by_specimen, split_in_three
from gdest.training.measuring import measure_with
from gdest.training.settings import TrainSettings


def test_a_material_is_read_from_its_column_and_that_of_drawn_steel_is_its_family(tmp_path):
    (tmp_path / "labels.csv").write_text("file,g,material,family\na.tif,5,316L,\nb.tif,6,,mosaic\n")
    assert [item.material for item in read_labels(tmp_path, 1.0)] == ["316L", "mosaic"]
    (tmp_path / "labels.csv").write_text("file,g\na.tif,5\n")
    assert [item.material for item in read_labels(tmp_path, 1.0)] == [""]


def test_all_fields_of_a_specimen_stay_on_one_side(tmp_path):
    rows = [f"{i}.tif,{5 + i % 4},1.0,heat-{i // 3}" for i in range(30)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,g,um_per_px,specimen", *rows]))
    rest, held = split_by_specimen(read_labels(tmp_path, None), 0.3, 1)
    assert not {item.specimen for item in rest} & {item.specimen for item in held}
    assert len(rest) + len(held) == 30
    assert len({item.specimen for item in held}) == 3


def test_the_split_covers_the_range_of_g(tmp_path):
    rows = [f"{i}.tif,{2 + i / 10},1.0" for i in range(100)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,g,um_per_px", *rows]))
    _, held = split_by_specimen(read_labels(tmp_path, None), 0.1, 3)
    assert len(held) == 10
    assert np.ptp([item.g for item in held]) > 8


def test_grade_folders_are_labels_and_need_a_pixel_size(tmp_path, grey):
    for folder in ("4.0", "4,5"):
        (tmp_path / folder).mkdir()
        Image.fromarray(grey).save(tmp_path / folder / "1.png")
    labelled = read_labels(tmp_path, 0.5)
    assert [(item.file.name, item.g, item.um_per_px) for item in labelled] == [
        ("4,5/1.png", 4.5, 0.5),
        ("4.0/1.png", 4.0, 0.5),
    ]
    with pytest.raises(DataError, match="--um-per-px"):
        load_examples(read_labels(tmp_path, None), 1.0, torch.device("cpu"))
    # at half the pixel size of the model the grains look 2 G coarser
    assert load_examples(labelled, 1.0, torch.device("cpu"))[0].g_seen == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ("name,grade\na.tif,5\n", "columns"),
        ("file,g\n", "no labelled"),
        ("file,g\n,5\n", r"labels\.csv, line 2: it has a g but no file\.$"),
        (
            "file,g\na.tif,5\n\nb.tif,five\n",
            r"labels\.csv, line 4 \(b\.tif\): g: 'five' is not a number; write it as 6\.24\.$",
        ),
        ("file,g,um_per_px\na.tif,5,0.3 um\n", r"line 2 \(a\.tif\): um_per_px: '0.3 um' is not a number"),
        ("file,g\na.tif,nan\n", r"g is nan; it must be in -4\.\.20\.$"),
        ("file,g\na.tif,45\n", r"g is 45; it must be in -4\.\.20\.$"),
        ("file,g,um_per_px\na.tif,5,0\n", r"um_per_px is 0; it must be in"),
    ],
)
def test_wrong_tables_are_one_sentence(tmp_path, table, word):
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(DataError, match=word):
        read_labels(tmp_path, None)


def test_the_split_is_the_papers_and_keeps_a_specimen_on_one_side():
    items = [
        Labelled(None, 2.5 if g == 3 else float(g), 1.0, f"{g}-{i}", None) for g in range(3, 14) for i in range(22)
    ]
    split = split_in_three(items, TrainSettings(validation_share=0.219, test_share=0.2645))
    assert [len(side) for side in (split.training, split.validation, split.test)] == [125, 53, 64]
    for side in (split.training, split.validation, split.test):
        counts = np.unique([item.g for item in side], return_counts=True)[1]
        assert len(counts) == 11
        assert np.ptp(counts) <= 4
    fields = [replace(item, specimen=f"heat {index // 3}") for index, item in enumerate(items)]
    split = split_in_three(fields, TrainSettings(validation_share=0.2, test_share=0.3))
    names = [{item.specimen for item in side} for side in (split.training, split.validation, split.test)]
    assert sum(map(len, names)) == len(set.union(*names))


def test_labels_of_a_workbook_and_of_a_european_csv_are_read(tmp_path):
    (tmp_path / "a.csv").write_bytes("file;g;um_per_px\r\nTräger\\1.tif;6,24;0,645\r\n;;\r\n".encode("cp1252"))
    book = openpyxl.Workbook()
    book.active.append(["File", "G", "um_per_px"])
    book.active.append(["Träger/1.tif", 6.24, "0,645"])
    book.save(tmp_path / "labels.xlsx")
    for data in (tmp_path / "a.csv", tmp_path / "labels.xlsx", tmp_path):
        (one,) = read_labels(data, None)
        assert (one.file.name, one.g, one.um_per_px) == ("Träger/1.tif", 6.24, 0.645)
        assert one.file.path == tmp_path / "Träger/1.tif"


def test_a_label_that_is_no_number_is_named_with_its_file(tmp_path):
    (tmp_path / "a.csv").write_text("file,g\n1.tif,six\n")
    with pytest.raises(DataError, match=r"a\.csv, line 2 \(1\.tif\): g: 'six' is not a number; write it as 6\.24\.$"):
        read_labels(tmp_path / "a.csv", None)


@pytest.mark.parametrize("coding", ["utf-8-sig", "cp1252", "utf-16"])
def test_labels_of_a_european_excel_and_of_a_scan_for_it_are_read(tmp_path, coding):
    text = "sep=;\r\nfile;g;um_per_px;material\r\nTr\u00e4ger\\1.tif;6,24;0,37;=316L\r\n"
    (tmp_path / "labels.csv").write_bytes(text.encode(coding))
    (item,) = read_labels(tmp_path, None)
    assert (item.file.name, item.g, item.um_per_px, item.material) == ("Tr\u00e4ger/1.tif", 6.24, 0.37, "=316L")
    write_csv([row("-5 um.tif", g=6.5)], tmp_path / "labels.csv", style="european")
    (item,) = read_labels(tmp_path, None)
    assert (item.file.name, item.g, item.um_per_px, item.specimen) == ("-5 um.tif", 6.5, 0.5, "P1")


def test_labelled_files_that_are_not_there_are_named_before_any_work(tmp_path, grey):
    Image.fromarray(grey).save(tmp_path / "a.png")
    rows = "".join(f"lost{i}.png,5,1\n" for i in range(22))
    (tmp_path / "labels.csv").write_text(f"file,g,um_per_px\na.png,5,1\n{rows}")
    names = ", ".join(f"lost{i}.png" for i in range(20))
    sentence = f"^22 of 23 labelled files are not there: {names} and 2 more\\.$"
    with pytest.raises(DataError, match=sentence):
        load_examples(read_labels(tmp_path, None), 1.0, torch.device("cpu"))
    with pytest.raises(DataError, match=sentence):
        measure_with(FakePredictor(), read_labels(tmp_path, None), GradeSettings())


def test_rows_without_a_g_are_left_out_and_named(tmp_path, capsys):
    (tmp_path / "labels.csv").write_text("file,g\na.tif,5\nb.tif,\nc.tif,\n")
    assert [item.file.name for item in read_labels(tmp_path, None)] == ["a.tif"]
    assert "left out 2 of 3 rows, which have no g: b.tif, c.tif." in capsys.readouterr().err


def test_all_slips_of_a_table_are_named_at_once_and_of_very_many_the_first_twenty(tmp_path, capsys):
    slips = "".join(f"{name}.tif,fine\n" for name in "cdefghijklmnopqrstuvwxyz")
    (tmp_path / "labels.csv").write_text(f"file,g\na.tif,45\nb.tif,6\n{slips}")
    with pytest.raises(DataError, match=r"labels\.csv has 25 lines that cannot be meant; correct them"):
        read_labels(tmp_path, None)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert lines[0].endswith("line 2 (a.tif): g is 45; it must be in -4..20.")
    assert lines[19].endswith("line 22 (u.tif): g: 'fine' is not a number; write it as 6.24.")
    assert lines[20] == "... and 5 more."
