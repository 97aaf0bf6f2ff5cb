"""A gdest.toml is read as Windows keeps it too."""

from __future__ import annotations

import pytest

from gdest.core.config import read_config
from gdest.core.errors import SettingsError


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_file_of_any_editor_is_read_and_its_globs_have_slashes(tmp_path, coding):
    text = "[[pixel_size]]\r\nglob = 'Träger\\*'\r\num_per_px = 0.5\r\n"
    (tmp_path / "gdest.toml").write_bytes(text.encode(coding))
    assert read_config(tmp_path / "gdest.toml") == {"pixel_size": [{"glob": "Träger/*", "um_per_px": 0.5}]}


@pytest.mark.parametrize("glob", ["micro\\scope\\*", "micro\\ultra\\*", "micro\\xenon\\*", "a\\"])
def test_a_backslash_in_double_quotes_is_told_how_to_write_it(tmp_path, glob):
    (tmp_path / "gdest.toml").write_text(f'[[pixel_size]]\nglob = "{glob}"\n')
    with pytest.raises(SettingsError, match=r"not valid TOML.*Write paths with / between folders\.$"):
        read_config(tmp_path / "gdest.toml")


@pytest.mark.parametrize("line", ["um_per_px = 0,3698", "um_per_px=12,5  # measured"])
def test_a_decimal_comma_is_told_how_to_write_it(tmp_path, line):
    (tmp_path / "lab.toml").write_text(f"[[pixel_size]]\nglob = '*'\n{line}\n")
    with pytest.raises(SettingsError, match=r"lab\.toml is not valid TOML.*line 3.*decimal point, such as 0\.3698\.$"):
        read_config(tmp_path / "lab.toml")


def test_a_comma_elsewhere_is_no_decimal_comma(tmp_path):
    (tmp_path / "lab.toml").write_text("[crop]\n# top = 1,5\nglob = 'a' 'b'\n")
    with pytest.raises(SettingsError, match=r"not valid TOML: .*\)\.$"):
        read_config(tmp_path / "lab.toml")


@pytest.mark.parametrize(
    "line", ['[[crop]]\nglob = "oven\\test*"', '[[limit]]\nfile = "a\\new"', '[specimen]\ncsv = "b\\f.csv"']
)
def test_a_backslash_that_makes_a_tab_or_a_new_line_is_told_too(tmp_path, line):
    (tmp_path / "gdest.toml").write_text(line)
    with pytest.raises(SettingsError, match=r"control character\. Write paths with / between folders\.$"):
        read_config(tmp_path / "gdest.toml")


@pytest.mark.parametrize(("section", "key"), [("[[limit]]", "file"), ("[specimen]", "csv"), ("[certificate]", "fonts")])
def test_every_path_and_glob_may_be_written_as_on_windows(tmp_path, section, key):
    (tmp_path / "gdest.toml").write_text(f"{section}\n{key} = 'Tr\u00e4ger\\*'\n", encoding="cp1252")
    (found,) = read_config(tmp_path / "gdest.toml").values()
    assert (found[0] if isinstance(found, list) else found) == {key: "Tr\u00e4ger/*"}


def test_patterns_of_specimens_keep_their_backslashes(tmp_path):
    (tmp_path / "gdest.toml").write_text("[specimen]\nregex = '(?P<specimen>\\d+)'\n")
    assert read_config(tmp_path / "gdest.toml") == {"specimen": {"regex": r"(?P<specimen>\d+)"}}
