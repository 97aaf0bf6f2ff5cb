"""What others wrote is shown on one line, as it is where that is harmless."""

from __future__ import annotations

import json

import pytest

from gdest.core.plain_text import escaped_json, printable

HARMLESS = ("a b.tif", "金相/試験片 ü.tif", "e\u0301.tif", "صلب.tif", "non\u00a0breaking.tif", "=1+2 [red]:smile:")
HARMFUL = (
    *map(chr, range(32)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u2028\u2029\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\U000e0041\udcff",
)


@pytest.mark.parametrize("name", HARMLESS)
def test_letters_of_any_alphabet_stay(name):
    assert printable(name) == name
    assert escaped_json(name) == name


@pytest.mark.parametrize("character", HARMFUL, ids=ascii)
def test_a_character_that_moves_the_cursor_or_is_unseen_is_replaced(character):
    assert printable(f"a{character}b") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("character", HARMFUL, ids=ascii)
def test_json_says_the_same_after_it_was_escaped(character):
    said = {f"a{character}b": [character, "ü\n"]}
    escaped = escaped_json(json.dumps(said, ensure_ascii=False, indent=1))
    assert json.loads(escaped) == said
    assert all(line.isprintable() for line in escaped.split("\n"))
