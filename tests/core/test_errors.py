"""What Python says to programmers does not reach users."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from urllib.error import URLError

import pytest

from gdest.core.errors import in_plain_words

PACKAGE = Path(__file__).parent.parent.parent / "gdest"
PYTHONS = {"OSError", "ValueError", "TypeError", "KeyError", "LookupError", "AttributeError", "UnicodeDecodeError"}
PYTHONS |= {"UnicodeError", "Exception", "RuntimeError", "FileNotFoundError", "PermissionError", "ConnectionError"}
WITH_SENTENCES_OF_OUR_OWN = {
    "core/config.py": "tomllib's errors name line and column",
    "core/model_card.py": "read_card raises phrases",
    "training/labels.py": "number raises phrases",
    "scan/cluster.py": "what Ray says of its cluster",
    "reading/micrograph.py": "a NUL in a name",
    "reading/raster.py": "compared, not shown",
    "reading/decoders.py": "decoders speak of files; Python's own errors are replaced there",
    "reading/vendor_process.py": "goes to the process that asks",
    "reports/workbook.py": "the cause is taken first where it is of the system",
    "scan/database.py": "SQLite speaks of the file; an error of the system comes from it",
    "scan/ledger_runs.py": "SQLite speaks of the file, and read_card raises phrases",
    "scan/loading.py": "what the driver says of a GPU",
    "scan/scan.py": "only a GdestError's sentence",
}
"""The modules that show what such an error says, and why they may."""


def raw_words(tree):
    """Yield the line of each place where an error of Python is shown as it is."""
    for handler in (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name):
        kinds = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
        if not kinds & PYTHONS:
            continue
        for node in ast.walk(handler):
            shown = node.value if isinstance(node, ast.FormattedValue) else None
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
                shown = node.args[0]
            if isinstance(shown, ast.BoolOp):  # error.strerror or error
                continue
            if isinstance(shown, ast.Name) and shown.id == handler.name:
                yield node.lineno


def test_no_error_of_python_is_shown_as_it_is():
    found = {}
    for path in PACKAGE.rglob("*.py"):
        if lines := list(raw_words(ast.parse(path.read_text(encoding="utf-8")))):
            found[path.relative_to(PACKAGE).as_posix()] = lines
    assert {name: lines for name, lines in found.items() if name not in WITH_SENTENCES_OF_OUR_OWN} == {}


def test_such_a_place_would_be_found():
    code = "try:\n    f()\nexcept OSError as error:\n    raise A(f'no: {error}.') from error\n"
    assert list(raw_words(ast.parse(code))) == [4]
    assert list(raw_words(ast.parse(code.replace("f'no: {error}.'", "str(error)")))) == [4]
    assert list(raw_words(ast.parse(code.replace("{error}", "{in_plain_words(error)}")))) == []
    assert list(raw_words(ast.parse(code.replace("OSError", "DataError")))) == []


def broken_json():
    try:
        json.loads('{"a": 1,\n b}')
    except ValueError as error:
        return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No such file or directory", "a"), "No such file or directory"),
        (URLError(OSError(-2, "Name or service not known")), "Name or service not known"),
        (ValueError("could not convert string to float: '6,2,4'"), "'6,2,4' is not a number"),
        (ValueError("invalid literal for int() with base 10: 'x'"), "'x' is not a number"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "it is not text in UTF-8"),
        (broken_json(), "line 2, column 2 is not JSON"),
        (KeyError("rows"), "it has no rows"),
        (TypeError("'NoneType' object is not subscriptable"), "it is not laid out as gdest writes it"),
        (ValueError("a sentence of ours."), "a sentence of ours"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_error_of_the_system_or_of_python_is_said_in_plain_words(error, words):
    assert in_plain_words(error) == words
