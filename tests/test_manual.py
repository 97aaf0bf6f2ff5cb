from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from helpers.command_line import gdest
from typer.main import get_command

from gdest.cli import app
from gdest.cli.manual import read_pages, table_of_contents
from gdest.core import ExitCode, GradeSettings, Status, with_pixel_size_rules
from gdest.core.files import SUFFIXES
from gdest.reports import COLUMNS, column_notes, read_rules

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BENCHMARKS = ROOT / "tests" / "benchmarks"
PAGES = read_pages()
TEXTS = {"README.md": README, **{f"gdest/manual/{topic}.md": page for topic, page in PAGES.items()}}
OTHERS = ("gdest/README.md", "weights/README.md", "weights/HISTORY.md", "tests/benchmarks/README.md")
OTHERS += (".github/CONTRIBUTING.md", ".github/SECURITY.md")
ALL_TEXTS = TEXTS | {name: (ROOT / name).read_text(encoding="utf-8") for name in OTHERS}
WANTED = ("formats", "pixel-size", "columns", "gdest-toml", "nightly", "cluster", "training", "paper", "exit-codes")
WANTED += ("limits", "certificate")
COMMANDS = get_command(app).commands
OF_OTHER_PROGRAMS = {"--cross-check", "--array", "--wrap", "--now", "--help", "--version", "--max-children"}
OF_THE_ROOT = {word for one in get_command(app).params for word in one.opts}


def each(texts):
    return pytest.mark.parametrize("name", sorted(texts))


def code_in(text: str) -> list[str]:
    """Return the lines of fenced blocks, continued lines joined, and the spans of code in the prose."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line.split(" # ")[0] for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return lines + [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def calls_in(text: str) -> list[tuple[str, list[str]]]:
    """Return every call of gdest as its command and the options given."""
    calls = re.compile(r"(?:^|[\s/\"(])gdest ([a-z]+)((?: +(?:\"[^\"]*\"|'[^']*'|[^\s&|;\"']+))*)")
    found = [call for line in code_in(text) for call in calls.findall(line)]
    return [(command, re.findall(r"(?<!\S)--[a-z0-9-]+", words)) for command, words in found]


def options_of(command: str) -> set[str]:
    return {word for one in COMMANDS[command].params for word in (*one.opts, *one.secondary_opts)}


def first_cells(text: str) -> list[str]:
    """Return the first cell of each row of the tables, headings left out, without marks of code."""
    rows = re.findall(r"^\| *([^|]*?) *\|", text, re.MULTILINE)
    rules = {number for number, cell in enumerate(rows) if re.fullmatch("-+", cell)}
    return [cell.strip("`") for number, cell in enumerate(rows) if not {number, number + 1} & rules]


def test_the_readme_fits_on_a_few_screens():
    lines = README.splitlines()
    assert len(lines) <= 250
    assert max(map(len, lines)) <= 120


@each(set(TEXTS) | {"gdest/README.md", "weights/README.md", "tests/benchmarks/README.md"})
def test_no_line_is_wider_than_a_terminal(name):
    assert [line for line in ALL_TEXTS[name].splitlines() if len(line) > 120] == []


@each(TEXTS)
def test_a_page_begins_with_a_title_and_one_line_of_what_it_holds(name):
    title, empty, line = TEXTS[name].splitlines()[:3]
    assert title.startswith("# ")
    assert empty == ""
    assert name == "README.md" or line.endswith(".")


def test_the_topics_that_people_look_for_are_there():
    assert {*WANTED, "changelog"} <= set(PAGES)


@each(ALL_TEXTS)
def test_every_command_and_option_that_is_named_exists(name):
    for command, options in calls_in(ALL_TEXTS[name]):
        assert command in COMMANDS, f"gdest {command}"
        assert set(options) - {"--help"} <= options_of(command), f"gdest {command} {options}"
    known = {option for command in COMMANDS for option in options_of(command)} | OF_OTHER_PROGRAMS | OF_THE_ROOT
    scripts = "".join(path.read_text(encoding="utf-8") for path in BENCHMARKS.glob("*.py"))
    known |= set(re.findall(r"add_argument\(\"(--[a-z-]+)\"", scripts))
    named = {word for code in code_in(ALL_TEXTS[name]) for word in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", code)}
    assert named <= known


def test_a_command_or_option_that_does_not_exist_would_be_found():
    text = "`gdest wrong` and\n```sh\ngdest scan a --out b \\\n    --wrong c && gdest train DATA --lr 1\n```\n"
    assert calls_in(text) == [("scan", ["--out", "--wrong"]), ("train", ["--lr"]), ("wrong", [])]


def test_every_command_stands_in_the_page_of_commands():
    assert {command for command, _ in calls_in(PAGES["commands"])} == set(COMMANDS)


@each(ALL_TEXTS)
def test_every_topic_that_is_named_is_there(name):
    topics = {word for code in code_in(ALL_TEXTS[name]) for word in re.findall(r"gdest manual ([a-z-]+)", code)}
    assert topics <= set(PAGES)


def test_the_readme_names_every_topic():
    assert {topic for topic in PAGES if f"`gdest manual {topic}`" not in README} == set()


@each(ALL_TEXTS)
def test_every_link_and_path_leads_to_a_file(name):
    links = [link for link in re.findall(r"\]\(([^)]+)\)", ALL_TEXTS[name]) if "://" not in link]
    assert [link for link in links if not ((ROOT / name).parent / link).exists()] == []
    paths = r"(?:^|[\s=])((?:tests|weights|examples|gdest|\.github|\.ci)/[\w./-]+)"
    named = [path for code in code_in(ALL_TEXTS[name]) for path in re.findall(paths, code)]
    assert [path for path in named if not (ROOT / path).exists() and path != "gdest/weights/"] == []


def test_the_files_that_the_architecture_names_are_there():
    text = ALL_TEXTS["gdest/README.md"]
    rooms = re.findall(r"^\| (\w+) \|.*\| ((?:`\w+\.py`(?:, )?)+) \|$", text, re.MULTILINE)
    named = [f"{room}/{file}" for room, files in rooms for file in re.findall(r"\w+\.py", files)]
    assert {room for room, _ in rooms} == {path.parent.name for path in (ROOT / "gdest").glob("*/__init__.py")}
    named += [code for code in code_in(text) if re.fullmatch(r"[a-z]+/\w+\.(py|md)", code)]
    assert [name for name in named if not any((ROOT / top / name).exists() for top in ("", "gdest"))] == []


@each(ALL_TEXTS)
def test_every_benchmark_that_is_called_takes_the_options_given(name):
    for line in code_in(ALL_TEXTS[name]):
        for script, words in re.findall(r"(?:^|[\s/])(\w+\.py)\b([^&|;]*)", line):
            if (BENCHMARKS / script).exists():
                source = (BENCHMARKS / script).read_text(encoding="utf-8")
                options = set(re.findall(r"(?<!\S)--[a-z-]+", words))
                assert options <= set(re.findall(r"add_argument\(\"(--[a-z-]+)\"", source)), line


@pytest.mark.parametrize("file", ["results.csv", "specimens.csv"])
def test_the_columns_of_the_manual_are_those_of_the_reports(file):
    (section,) = re.findall(rf"^## {file}\n(.*?)(?=^## |\Z)", PAGES["columns"], re.DOTALL | re.MULTILINE)
    assert re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE) == column_notes()[file]


def test_the_columns_of_the_readme_are_columns():
    (table,) = re.findall(r"\| column \|.*?\n\n", README, re.DOTALL)
    named = [name for row in first_cells(table) for name in re.findall(r"\w+", row)]
    assert len(named) == 8
    assert set(named) <= set(COLUMNS)


def test_the_exit_codes_are_those_of_the_code():
    codes = {int(cell) for cell in first_cells(PAGES["exit-codes"])}
    assert codes == {int(code) for code in ExitCode}
    (table,) = re.findall(r"\| exit code \|.*?\n\n", README, re.DOTALL)
    assert {int(code) for row in first_cells(table) for code in re.findall(r"\d+", row)} == codes


@pytest.mark.parametrize("text", [README, PAGES["review"]], ids=["README", "review"])
def test_the_statuses_are_those_of_the_code(text):
    (table,) = re.findall(r"\| status \|.*?\n\n", text, re.DOTALL)
    assert first_cells(table) == [str(status) for status in Status]


def test_every_ending_that_a_scan_takes_is_in_the_page_of_formats():
    assert set(re.findall(r"`(\.\w+)`", PAGES["formats"])) == set(SUFFIXES)


@each(TEXTS)
def test_every_gdest_toml_that_is_shown_is_accepted(name):
    for block in re.findall(r"```toml\n(.*?)```", TEXTS[name], re.DOTALL):
        sections = tomllib.loads(block)
        assert with_pixel_size_rules(GradeSettings(), sections).calibration.rules or read_rules(sections, Path())


def test_without_a_topic_each_is_listed_with_its_line():
    finished = gdest("manual")
    assert finished.returncode == 0
    assert finished.stdout == table_of_contents(PAGES)
    assert "- `gdest manual columns`: Every column of `results.csv`" in finished.stdout


def test_a_topic_is_plain_text_where_there_is_no_terminal():
    finished = gdest("manual", "cluster")
    assert finished.returncode == 0
    assert finished.stdout == PAGES["cluster"]


def test_an_unknown_topic_is_answered_with_the_known_ones():
    finished = gdest("manual", "color\x1b[31m")
    assert finished.returncode == ExitCode.USAGE
    assert finished.stdout == ""
    (sentence,) = finished.stderr.splitlines()
    assert "color\\x1b[31m" in sentence
    assert all(topic in sentence for topic in PAGES)


def test_a_reader_who_stops_early_sees_no_error():
    command = [sys.executable, "-m", "gdest", "manual", "paper"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_on_a_terminal_the_page_is_drawn():
    reader, writer = pty.openpty()
    command = [sys.executable, "-m", "gdest", "manual", "exit-codes"]
    environment = os.environ | {"COLUMNS": "100", "TERM": "xterm"}
    finished = subprocess.run(command, stdout=writer, env=environment, check=False)
    os.close(writer)
    shown = os.read(reader, 100_000).decode()
    os.close(reader)
    assert finished.returncode == 0
    assert "Exit codes" in shown
    assert "130" in shown
    assert "|---" not in shown
    assert "# Exit" not in shown


def test_the_manual_imports_neither_torch_nor_pandas():
    code = (
        "import sys; sys.argv = ['gdest', 'manual', 'columns']\n"
        "from gdest.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules), 'heavy'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
