"""Rules of a gdest.toml say which part of a picture is the field of view."""

from __future__ import annotations

import pytest

from gdest.core.config import read_config
from gdest.core.crop import CropRule, crop_for
from gdest.core.errors import SettingsError
from gdest.core.settings import GradeSettings, with_pixel_size_rules


def crops(tmp_path, text):
    (tmp_path / "gdest.toml").write_text(text)
    return with_pixel_size_rules(GradeSettings(), read_config(tmp_path / "gdest.toml")).crops


def test_the_first_rule_that_fits_counts(tmp_path):
    found = crops(tmp_path, "[[crop]]\nglob = 'a/*'\ntop = 60\n[[crop]]\nglob = '*'\nleft = 9\nright = 8\n")
    assert found == (CropRule("a/*", top=60), CropRule("*", left=9, right=8))
    assert crop_for("a/b/c.tif", found) == found[0]
    assert crop_for("c.tif", found) == found[1]
    assert crop_for("c.tif", found[:1]) is None


@pytest.mark.parametrize(
    ("text", "what"),
    [("[[crop]]\ntop = 5", "1: a glob is missing"), ("[[crop]]\nglob = '*'", "1: give top, bottom, left or right"),
     ("[[crop]]\nglob = '*'\ntop = 0.5", "top = 0.5 is of the wrong kind"), ("[crop]\nglob = '*'", "a list of rules"),
     ("[[crop]]\nglob = '*'\nwidth = 5", "unknown key width"), ("[[crop]]\nglob = '*'\ntop = -5", "top")],
)  # fmt: skip
def test_a_wrong_rule_is_one_sentence(tmp_path, text, what):
    with pytest.raises(SettingsError, match=what):
        crops(tmp_path, text)
