from dataclasses import replace

import numpy as np
import pytest
from helpers.boundary_fields import field_of, squares

from gdest.grading.grain_table import measure_grains
from gdest.grading.grains import close_grains


def table_of(field, cell_um=1.0):
    return measure_grains(field, close_grains(field), cell_um)


def test_middles_lie_in_px_of_the_file():
    field = replace(field_of(squares(60, 90, 30), cell_px=2.0), top=100.0, left=1000.0)

    table = table_of(field)

    order = np.lexsort((table.col_px, table.row_px))
    assert table.row_px[order] == pytest.approx(np.repeat([130.0, 190.0], 3), abs=2.0)
    assert sorted(table.col_px)[::2] == pytest.approx([1030.0, 1090.0, 1150.0], abs=2.0)


def test_a_stretched_grain_has_the_ratio_of_its_sides():
    down, right = np.arange(120) // 15, np.arange(240) // 60

    table = table_of(field_of(down[:, None] * 1000 + right))

    assert table.aspect[table.whole] == pytest.approx(4.0, rel=0.1)


def test_grains_with_twin_lines_are_twinned():
    field = field_of(squares(120, 160, 40))
    twin = field.twin.copy()
    twin[48:72, 60] = 255  # across one grain
    twin[10:13, 20] = 255  # a dot in another
    twin[40, :] = 128  # along a boundary

    assert table_of(replace(field, twin=twin)).twinned.sum() == 1


def test_a_grain_amid_fine_ones_is_ringed():
    labels = squares(120, 120, 10)
    labels[40:80, 40:80] = 99

    table = table_of(field_of(labels))

    assert table.ringed[np.argmax(table.area_um2)] == pytest.approx(1.0)
    assert table.ringed.sum() == pytest.approx(1.0)
