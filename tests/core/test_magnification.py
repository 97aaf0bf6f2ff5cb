from __future__ import annotations

import pytest

from gdest.core.magnification import in_words, magnification_of_name, magnifications_in


@pytest.mark.parametrize(
    ("text", "found"),
    [("plate_200x_1", (200.0,)), ("200 X", (200.0,)), ("x200", (200.0,)), ("200:1", (200.0,)), ("50,5x", (50.5,)),
     ("200x and 500x and 200x", (200.0, 500.0)), ("1280x960", ()), ("1280 x 960", ()), ("3x4x500", ()), ("x9", ()),
     ("x10", (10.0,)), ("0x", ()), ("mix200", ()), ("200xa", ()), ("12:30:1", ()), ("1:200", ()),
     ("200 \u00d7", (200.0,)), ("x200.5", (200.5,)), ("plate 2 x200", (200.0,))],
)  # fmt: skip
def test_magnifications_are_told_from_sizes_counts_and_words(text, found):
    assert magnifications_in(text) == found


def test_the_files_own_magnification_counts_before_its_folders_and_a_contradiction_is_said():
    assert magnification_of_name("500x/a_200x.tif") == (200.0, "its name says 200x and 500x")
    assert magnification_of_name("500x/sub/a.tif") == (500.0, "")
    assert magnification_of_name("200x/x200/a.tif") == (200.0, "")
    assert magnification_of_name("500x/200x_100x.tif") == (None, "its name says 100x, 200x and 500x")
    assert magnification_of_name("a_200x.tif#2") == (200.0, "")
    assert magnification_of_name("a.tif") == (None, "")


def test_magnifications_are_written_as_people_do():
    assert in_words((200.0, 500.0, 1000.0)) == "200x, 500x and 1000x"
    assert in_words((50.5,)) == "50.5x"
