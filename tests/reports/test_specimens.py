from __future__ import annotations

import math

import pytest
from hypothesis import given, strategies as st

from gdest.core.errors import SettingsError
from gdest.reports.specimens import Field, Origin, specimen_rule, specimen_statistics, student_t95

SPECIMEN = Origin("A1")


def fields(*densities, area_um2=1e6, homogeneity="uniform"):
    return [Field(density, area_um2, 7.6, 8.4, homogeneity) for density in densities]


def test_five_fields_worked_by_hand():
    # mean (900+950+1000+1050+1100)/5 = 1000; s = sqrt((2*100^2+2*50^2)/4) = 79.057; t(4) = 2.776
    # CI = 2.776*79.057/sqrt(5) = 98.15, %RA 9.8; G = log2(1000/15.5)+1 = 7.0115; ISO log2(1000)-3 = 6.9658
    found = specimen_statistics(SPECIMEN, fields(1100, 900, 1050, 950, 1000, area_um2=250_000))
    assert found.grains_per_mm2 == pytest.approx(1000)
    assert found.sd_per_mm2 == pytest.approx(79.057, abs=0.001)
    assert found.ci95_per_mm2 == pytest.approx(98.15, abs=0.02)
    assert found.relative_accuracy == pytest.approx(9.815, abs=0.002)
    assert found.g == pytest.approx(7.0115, abs=0.0005)
    assert found.g_low == pytest.approx(math.log2(901.85 / 15.5) + 1, abs=0.001)
    assert found.g_high == pytest.approx(math.log2(1098.15 / 15.5) + 1, abs=0.001)
    assert found.g_iso_643 == pytest.approx(6.9658, abs=0.0005)
    assert found.mean_diameter_um == pytest.approx(31.62, abs=0.01)  # sqrt(1e6/1000)
    assert found.area_mm2 == pytest.approx(1.25)
    assert found.grains == pytest.approx(1250)
    assert found.flags == ()


def test_the_mean_is_of_densities_never_of_g():
    # G 4 (124/mm2) and G 8 (1984/mm2): mean 1054/mm2 is G 7.0875, not 6
    assert specimen_statistics(SPECIMEN, fields(124, 1984)).g == pytest.approx(7.0875, abs=1e-3)


@pytest.mark.parametrize(("count", "t"), [(5, 2.776), (6, 2.571), (10, 2.262), (20, 2.093)])
def test_students_t_is_the_tables(count, t):
    assert student_t95(count) == pytest.approx(t, abs=0.0006)


def test_flags_say_what_e112_would_miss():
    few = specimen_statistics(SPECIMEN, fields(100, 400, area_um2=100_000), left_out=1)
    assert few.flags == (
        "fewer than 5 fields",
        "fewer than 50 grains in a field",
        "%RA above 10",
        "1 of 3 fields left out (not graded)",
    )


def test_one_field_has_no_interval_and_none_has_no_number():
    one = specimen_statistics(SPECIMEN, fields(1984))
    assert one.g == pytest.approx(8.0)
    assert math.isnan(one.relative_accuracy)
    assert math.isnan(one.g_low)
    none = specimen_statistics(SPECIMEN, [], left_out=2)
    assert math.isnan(none.g)
    assert none.homogeneity == "unknown"


def test_a_specimen_is_as_uniform_as_its_fields():
    mixed = [*fields(1000, 1000), *fields(1000, homogeneity="duplex:bimodal")]
    assert specimen_statistics(SPECIMEN, mixed).homogeneity == "duplex in 1 of 3 fields"
    unknown = [*fields(1000), *fields(1000, homogeneity="unknown")]
    assert specimen_statistics(SPECIMEN, unknown).homogeneity == "unknown"


densities = st.lists(st.floats(10, 1e5), min_size=2, max_size=12)


@given(densities, st.randoms())
def test_the_order_of_the_fields_is_irrelevant(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert specimen_statistics(SPECIMEN, fields(*values)) == specimen_statistics(SPECIMEN, fields(*shuffled))


@given(st.floats(10, 1e5), st.integers(2, 20))
def test_equal_fields_give_a_relative_accuracy_of_zero(density, count):
    found = specimen_statistics(SPECIMEN, fields(*[density] * count))
    assert found.relative_accuracy == pytest.approx(0.0, abs=1e-9)
    assert found.g_low == pytest.approx(found.g, abs=1e-9)


@given(densities, st.floats(0.1, 10))
def test_a_denser_steel_has_the_same_relative_accuracy_and_a_finer_g(values, factor):
    first = specimen_statistics(SPECIMEN, fields(*values))
    second = specimen_statistics(SPECIMEN, fields(*[value * factor for value in values]))
    assert second.relative_accuracy == pytest.approx(first.relative_accuracy, rel=1e-6, abs=1e-7)
    assert second.g - first.g == pytest.approx(math.log2(factor), abs=1e-9)


def test_a_folder_names_the_specimen(tmp_path):
    parent = specimen_rule({"folder": "parent"}, tmp_path)
    top = specimen_rule({"folder": "top"}, tmp_path)
    assert parent.origin("furnace/A1/1.tif") == Origin("furnace/A1")
    assert top.origin("furnace/A1/1.tif") == Origin("furnace")
    assert parent.origin("1.tif") is None


def test_a_regular_expression_names_specimen_and_heat(tmp_path):
    rule = specimen_rule({"regex": r"(?P<heat>H\d+)[/_](?P<specimen>[^/_]+)"}, tmp_path)
    assert rule.origin("2026/H77_P3_1.tif") == Origin("P3", heat="H77")
    assert rule.origin("elsewhere.tif") is None


def test_a_list_names_everything_and_reads_windows_paths(tmp_path):
    (tmp_path / "map.csv").write_text("file,specimen,heat,order,location\na\\1.tif,P1,H1,O1,rim\n", encoding="utf-8")
    rule = specimen_rule({"csv": "map.csv"}, tmp_path)
    assert rule.origin("a/1.tif") == Origin("P1", "", "H1", "O1", "rim")
    assert rule.origin("a/2.tif") is None


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_list_may_be_written_by_any_excel(tmp_path, separator):
    lines = ("file;specimen;order", 'a/1.tif;"P1";O1, rim')
    text = "\n".join(lines) if separator == ";" else "\n".join(lines).replace(", rim", "").replace(";", separator)
    (tmp_path / "map.csv").write_text(text, encoding="utf-8-sig")
    rule = specimen_rule({"csv": "map.csv"}, tmp_path)
    assert rule.origin("a/1.tif") == Origin("P1", order="O1, rim" if separator == ";" else "O1")


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ({}, "exactly one"),
        ({"folder": "parent", "csv": "a.csv"}, "exactly one"),
        ({"folder": "child"}, "parent"),
        ({"regex": "("}, "regular expression"),
        ({"regex": "a"}, "specimen"),
        ({"regex": "(?P<specimen>a)(?P<colour>b)"}, "specimen"),
        ({"csv": "missing.csv"}, "cannot be read"),
        ({"csv": "half.csv"}, "needs a file"),
        ({"csv": "twice.csv"}, "twice"),
        ("folder", "exactly one"),
    ],
)
def test_a_wrong_rule_is_one_clear_sentence(tmp_path, section, word):
    (tmp_path / "half.csv").write_text("file,specimen\n1.tif,\n")
    (tmp_path / "twice.csv").write_text("file,specimen\n1.tif,A\n1.tif,B\n")
    with pytest.raises(SettingsError, match=word):
        specimen_rule(section, tmp_path)
