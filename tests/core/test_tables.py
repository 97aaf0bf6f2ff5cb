"""Tables are read as people keep them: from Excel of any country, from Windows of any age, as workbooks."""

from __future__ import annotations

import openpyxl
import pytest

from gdest.core.errors import DataError
from gdest.core.tables import number, read_lines, read_table, read_text

ROWS = [{"file": "Träger/1.tif", "g": "6,24"}, {"file": "b.tif", "g": "7"}]


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("said", [False, True])
def test_a_csv_of_any_coding_and_separator_is_read(tmp_path, coding, separator, said):
    lines = [["File ", "G"], *([row["file"], row["g"]] for row in ROWS), ["", ""]]
    text = (f"sep={separator}\r\n" if said else "") + "\r\n".join(separator.join(line) for line in lines)
    content = text.encode(coding)
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe" + content if coding == "utf-16-le" else content)
    assert read_table(tmp_path / "a.csv") == ROWS


def test_cells_in_quotes_keep_their_separators_and_short_rows_are_filled(tmp_path):
    (tmp_path / "a.csv").write_text('file,g,material\n"a, b.tif","6,5",steel\nc.tif,7\n\n')
    assert read_table(tmp_path / "a.csv") == [
        {"file": "a, b.tif", "g": "6,5", "material": "steel"},
        {"file": "c.tif", "g": "7", "material": ""},
    ]


def test_each_row_has_the_line_that_an_editor_shows(tmp_path):
    lines = ["sep=;", "file;g", "", "a.tif;5", '"b', '.tif";6', ";", "c.tif;7"]
    for skipped in (0, 1):
        (tmp_path / "a.csv").write_text("\n".join(lines[skipped:]))
        assert [number + skipped for number, _ in read_lines(tmp_path / "a.csv")] == [4, 6, 8]


def test_the_first_sheet_of_a_workbook_is_a_table(tmp_path):
    book = openpyxl.Workbook()
    for line in (["file", "g", "um_per_px"], ["a.tif", 6.5, None], [None, None, None], ["b.tif", "7,25", 0.5]):
        book.active.append(line)
    book.create_sheet("other").append(["nothing"])
    book.save(tmp_path / "a.xlsx")
    assert [number for number, _ in read_lines(tmp_path / "a.xlsx")] == [2, 4]
    assert read_table(tmp_path / "a.xlsx") == [
        {"file": "a.tif", "g": "6.5", "um_per_px": ""},
        {"file": "b.tif", "g": "7,25", "um_per_px": "0.5"},
    ]


def test_what_is_no_table_is_one_sentence(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match=r"is not a workbook that can be read; save it as \.xlsx or CSV"):
        read_table(tmp_path / "a.xlsx")
    with pytest.raises(DataError, match=r"missing.csv cannot be read: No such file or directory\.$"):
        read_table(tmp_path / "missing.csv")
    (tmp_path / "empty.csv").write_text("\n\n")
    assert read_table(tmp_path / "empty.csv") == []


def test_a_number_may_have_a_decimal_comma_and_nothing_else_is_one():
    assert (number("0,645"), number(" 7 "), number("1e-1")) == (0.645, 7.0, 0.1)
    with pytest.raises(ValueError, match=r"^'6.1.2' is not a number$"):
        number("6.1.2")


def test_a_text_of_windows_is_read_whatever_its_coding(tmp_path):
    for coding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        (tmp_path / "a.txt").write_bytes("Größe µm".encode(coding))
        assert read_text(tmp_path / "a.txt") == "Größe µm"


def test_a_line_with_more_cells_than_names_is_no_number_cut_short(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("file,g\na.tif,8,8585\n")
    with pytest.raises(DataError, match=r"line 2: it has 3 cells, the first line 2; .* semicolons"):
        read_table(table)
    table.write_text("file,g\na.tif,8,\n")
    assert read_table(table) == [{"file": "a.tif", "g": "8"}]
