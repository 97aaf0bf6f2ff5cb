"""A set of hostile names goes through every output at once: none commands a reader, and none is lost."""

from __future__ import annotations

import csv
import json
import os
import re
import unicodedata
import zipfile
from html.parser import HTMLParser

import openpyxl
import pytest
from helpers.scan_fixtures import put

from gdest.cli.run_certificate import run_certificate
from gdest.cli.run_reports import run_verify
from gdest.core.files import image_files
from gdest.scan.settings import ScanSettings

NAMES = (
    "=1+2.tif",
    "\N{FULLWIDTH EQUALS SIGN}1+2.tif",
    "\n=cmd.tif",
    "\r=cmd.tif",
    "x\rforged,graded,9.tif",
    "a;=1+1.tif",
    "@SUM(A1).tif",
    "\x1b[2J\x1b]0;title\x07.tif",
    "\x9b31m\x7f.tif",
    "\u202egnp\u2066.tif",
    "n\ngdest: all is graded.tif",
    "\u2028l.tif",
    ":smile:[red]x[.tif",
    'q")&HYPERLINK("http:x","y.tif',
    "s</script><script>alert(1)<img src=x onerror=alert(2)>.tif",
    "{{ 7*7 }}{% endraw %}.tif",
    "#panic() $x$ *b* @label <l>.tif",
    "&L&B%2e%2e%2f'.tif",
    "a.tif",
    "a.tif.png/b.tif",
    "l" * 248 + ".tif",
)
SPECIMENS = ("\N{FULLWIDTH PLUS SIGN}1", "P;=1+1", "\x1b[31mP", "#panic() $x$", "</script><b>", ":smile:[red]")
FORMULA = tuple("=+-@")


@pytest.fixture
def root(tmp_path):
    for level, name in enumerate(NAMES):
        put(tmp_path / "archive", name, 10 * level)
    for number in range(len(SPECIMENS)):
        put(tmp_path / "archive", f"p{number}.tif", 10 * number)
    latin = os.path.join(os.fsencode(tmp_path / "archive"), b"gef\xfc\x9b.tif")
    os.rename(put(tmp_path / "archive", "latin.tif", 90), latin)
    return tmp_path / "archive"


@pytest.fixture
def config(tmp_path):
    with (tmp_path / "table.csv").open("w", encoding="utf-8", newline="") as file:
        lines = [[f"p{number}.tif", one, one] for number, one in enumerate(SPECIMENS)]
        csv.writer(file).writerows([["file", "specimen", "heat"], *lines])
    (tmp_path / "gdest.toml").write_text('[specimen]\ncsv = "table.csv"\n')
    return tmp_path / "gdest.toml"


class Elements(HTMLParser):
    """Gather the elements of a page that could run something, and the JSON that its script shows."""

    def __init__(self, text):
        super().__init__()
        self.active, self.data, self._in_data = [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self._in_data = dict(attributes).get("id") == "data"
        if tag in ("script", "img", "iframe") or any(name.startswith("on") for name, _ in attributes):
            self.active.append((tag, *(name for name, _ in attributes)))

    def handle_data(self, data):
        self.data += data if self._in_data else ""

    def handle_endtag(self, _tag):
        self._in_data = False


def texts_of(book):
    return [cell.value for sheet in book for line in sheet for cell in line if isinstance(cell.value, str)]


def starts_a_formula(cell):
    seen = "".join(one for one in cell if one.isprintable() and not one.isspace())
    return unicodedata.normalize("NFKC", seen[:1]) in FORMULA


def require_shown(printed):
    """No line of a terminal is a command to it, or one that a name forged."""
    for line in (printed.out + printed.err).split("\n"):
        assert all(one.isprintable() or one in "\t\u00a0" for one in line), ascii(line)
        assert not line.startswith("gdest: all"), line
    assert "\N{SMILING FACE WITH OPEN MOUTH}" not in printed.out + printed.err


def require_csv(path, count):
    """Every row begins a row, and no cell is a formula, whether a spreadsheet expects commas, semicolons or tabs."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == count
    for delimiter in ",;\t":
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for line in csv.reader(file, delimiter=delimiter) for cell in line]
        numbers = re.compile(r"-?[0-9.]+(,|$)")  # a number may be negative
        assert [cell for cell in cells if starts_a_formula(cell) and not numbers.match(cell)] == []
    return lines


def require_workbook(path, names):
    book = openpyxl.load_workbook(path)
    formulas = [one for one in texts_of(book) if one.startswith("=") and "HYPERLINK" in one]
    assert all(re.fullmatch(r'=HYPERLINK\("[\w./%~-]+","\w+"\)', one, re.ASCII) for one in formulas)
    assert {cell.data_type for cell in book["Micrographs"]["A"][1:]} == {"s"}
    assert len(book["Micrographs"]["A"]) == len(names) + 1
    with zipfile.ZipFile(path) as parts:
        links = [parts.read(name).decode() for name in parts.namelist() if name.endswith("sheet3.xml.rels")]
    targets = re.findall(r'Target="([^"]*)"', "".join(links))
    assert targets
    assert all(re.fullmatch(r"[\w./\\%~-]+", one, re.ASCII) for one in targets)


def require_gallery(path, plain, names):
    page, harmless = (Elements(one.read_text(encoding="utf-8")) for one in (path, plain))
    assert page.active == harmless.active
    data = json.loads(page.data)
    assert {line[0] for line in data["rows"]} == set(names)


def require_certificates(folder, count):
    pypdf = pytest.importorskip("pypdf", reason="the test extra is not installed")
    made = sorted((folder / "certificates").glob("*.pdf"))
    assert len(made) == count
    text = "".join(page.extract_text() for one in made for page in pypdf.PdfReader(one).pages)
    assert "\x1b" not in text
    assert "#panic() $x$" in text and "</script><b>" in text and ":smile:[red]" in text


def test_hostile_names_are_text_in_every_output(run, root, tmp_path, config, capsys):
    out, log = tmp_path / "out", tmp_path / "scan.jsonl"
    names = [file.name for file in image_files([root])]
    assert len(names) == len(NAMES) + len(SPECIMENS) + 1
    run(ScanSettings(dry_run=True), config=config)
    plan = capsys.readouterr()
    require_shown(plan)
    assert len([line for line in plan.out.splitlines() if len(line.split("\t")) == 8]) == len(names) + 1

    assert run(ScanSettings(log_file=log), config=config)[0] == 0
    (root / "\x1b[2J\x1b]0;title\x07.tif").unlink()
    run_verify(out)
    require_shown(capsys.readouterr())
    lines = log.read_text(encoding="utf-8").split("\n")[:-1]
    assert all(line.isprintable() for line in lines)
    assert {event["file"] for event in map(json.loads, lines) if event["event"] == "micrograph"} == set(names)

    rows = require_csv(out / "results.csv", len(names))
    assert {row["file"] for row in rows} >= {"'=1+2.tif", "a.tif", "l" * 248 + ".tif"}
    require_csv(out / "specimens.csv", len(SPECIMENS))
    require_workbook(out / "results.xlsx", names)
    assert all(row["status"] == "graded" and row["g"] for row in rows)

    for path in root.rglob("*"):
        if path.is_file() and not re.fullmatch(r"[ap]\d?\.tif", path.name):
            path.unlink()
    (tmp_path / "gdest.toml").write_text("")
    gallery = (out / "index.html").rename(tmp_path / "hostile.html")
    pytest.importorskip("typst", reason="the test extra is not installed")
    run_certificate(out, None, None, None, None, every=True)
    require_certificates(out, len(SPECIMENS))
    require_shown(capsys.readouterr())
    run(config=config)
    require_gallery(gallery, out / "index.html", names)
