"""The charts of the sheet Summary: no mean over several steels."""

from __future__ import annotations

import zipfile

import openpyxl
from helpers.table_rows import row

from gdest.reports.assign import specimen_rows
from gdest.reports.record import Record
from gdest.reports.summary_charts import MOST_POINTS, of_specimens
from gdest.reports.workbook import write_workbook


def written(tmp_path, table):
    """Return the Summary of a workbook: all its texts, the cells of the second chart, and the XML of the charts."""
    path = tmp_path / "results.xlsx"
    write_workbook(Record(table, ("/archive",), "fake", "1" * 64), specimen_rows(table, ()), (), path)
    sheet = openpyxl.load_workbook(path)["Summary"]
    with zipfile.ZipFile(path) as parts:
        charts = [parts.read(name).decode() for name in sorted(parts.namelist()) if name.startswith("xl/charts/chart")]
    texts = {cell.value for line in sheet.iter_rows() for cell in line}
    drawn = [[cell.value for cell in line[16:20]] for line in sheet.iter_rows(max_row=4)]
    return texts, drawn, charts


def test_g_of_one_specimen_is_drawn_over_the_dates_of_its_files(tmp_path):
    texts, drawn, charts = written(tmp_path, [row("1.tif", g=7.0), row("2.tif", g=8.0)])
    assert drawn[0] == ["file date", "mean G", "coarsest G", "finest G"]
    assert drawn[1][1:] == [7.5, 7.0, 8.0]
    assert "median G" in texts
    assert "G over the dates of the files" in charts[1]


def test_of_several_specimens_each_has_its_own_g_and_no_mean_is_of_all(tmp_path):
    table = [row("1.tif", g=7.0, specimen="P1"), row("2.tif", g=8.0, specimen="P2", grains_per_mm2=500.0)]
    table.append(row("3.tif", status="review", specimen="P3"))
    texts, drawn, charts = written(tmp_path, table)
    assert not {"mean G", "median G", "file date"} & texts
    assert drawn[0][:3] == ["specimen", "G", "G counted"]
    shown = {line[0]: line[1] for line in drawn[1:] if line[0]}
    assert shown == {line["specimen"]: line["g"] for line in specimen_rows(table, ())[:2]}  # P3 has none
    assert "G of each specimen" in charts[1] and "scatterChart" not in charts[1]


def test_specimens_of_one_name_are_told_by_their_heat_and_too_many_are_not_drawn():
    heats = [{"specimen": "P1", "heat": heat, "g": 7.0} for heat in ("H1", "H2")]
    assert [name for name, *_ in of_specimens(heats)] == ["P1, H1", "P1, H2"]
    assert [name for name, *_ in of_specimens(heats[:1])] == ["P1"]
    assert of_specimens([{"specimen": f"{i}", "g": 7.0} for i in range(MOST_POINTS + 1)]) == []
