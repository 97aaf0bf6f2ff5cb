from __future__ import annotations

import io
import re
import threading
import time

import pytest
from rich.console import Console

from gdest.core import terminal


def test_gdest_speaks_on_standard_error_and_leaves_standard_output_to_results(capsys):
    Console.print(terminal.stderr, "12 of 300")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "12 of 300\n")


@pytest.fixture
def printed(monkeypatch):
    """Return what is printed to standard error, where it is no terminal of 40 columns."""
    output = io.StringIO()
    monkeypatch.setattr(terminal, "stderr", Console(file=output, width=40, highlight=False))
    return output


def test_a_line_is_printed_as_it_is_neither_folded_nor_taken_for_markup(printed):
    line = "[red]a[/red]/" + "very_long_folder_name/" * 6 + "[b].tif: 3 of 4"
    terminal.say(line)
    assert printed.getvalue() == line + "\n"


def test_nothing_is_said_once_gdest_is_quiet(printed):
    terminal.be_quiet()
    terminal.say("not heard")
    assert printed.getvalue() == ""


def test_what_is_always_said_is_heard_in_quiet_too_and_once(printed, capsys):
    terminal.say_always("a.tif: fail")
    assert (printed.getvalue(), capsys.readouterr().err) == ("a.tif: fail\n", "")
    terminal.be_quiet()
    terminal.say_always("[b]b.tif\x1b: fail")
    assert printed.getvalue() == "a.tif: fail\n"
    assert capsys.readouterr().err == "[b]b.tif\ufffd: fail\n"


@pytest.mark.parametrize(
    ("total", "steps", "lines"),
    [(3, [1, 1, 1], ["files: 1/3", "files: 2/3", "files: 3/3"]), (100, [1] * 9, ["files: 5/100"]),
     (41, [2] * 20 + [1], [f"files: {done}/41" for done in (*range(2, 41, 2), 41)])],
)  # fmt: skip
def test_without_a_terminal_progress_is_about_twenty_lines_and_the_last(printed, total, steps, lines):
    with terminal.progress("files", total) as advance:
        for step in steps:
            advance(step)
    assert printed.getvalue().splitlines() == lines


def test_a_long_step_is_told_every_ten_seconds_with_the_time_that_is_left(printed, monkeypatch):
    monkeypatch.setattr(terminal, "EVERY_S", 0.2)
    with terminal.progress("files", 4, every_step=False) as advance:
        time.sleep(0.3)
        advance(1)
        time.sleep(0.3)
    lines = printed.getvalue().splitlines()
    assert re.fullmatch(r"files: 0/4, \d s so far", lines[0])
    assert re.fullmatch(r"files: 1/4, \d s so far, about \d s left", lines[-1])


def test_work_without_steps_is_told_too_and_what_is_quick_says_nothing(printed, monkeypatch):
    monkeypatch.setattr(terminal, "EVERY_S", 0.2)
    with terminal.progress("fitting"):
        time.sleep(0.3)
    with terminal.progress("quick"):
        pass
    assert re.fullmatch(r"(fitting, \d s so far\n)+", printed.getvalue())


def test_the_end_of_a_stage_is_told_so_that_no_two_stages_are_one_gap(printed, monkeypatch):
    monkeypatch.setattr(terminal, "EVERY_S", 1.0)
    for title in ("one", "two"):
        with terminal.progress(title, 3, every_step=False) as advance:
            time.sleep(0.2)
            advance(3)
    with terminal.progress("stopped early", 3, every_step=False) as advance:
        time.sleep(0.2)
        advance(1)
    assert printed.getvalue().splitlines() == ["one: 3/3", "two: 3/3"]


def test_the_clock_ends_with_the_work_also_when_that_fails(printed, monkeypatch):
    monkeypatch.setattr(terminal, "EVERY_S", 0.05)
    with pytest.raises(ValueError, match="broken"), terminal.progress("files", 3):
        raise ValueError("broken")
    before = printed.getvalue()
    time.sleep(0.15)
    assert printed.getvalue() == before
    assert "gdest-progress" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(("done", "seconds", "left"), [(1, 50, "about 2 min left"), (2, 100, "about 2 min left")])
def test_the_time_left_follows_from_the_steps_done(printed, monkeypatch, done, seconds, left):
    moment = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: moment[0])
    lines = terminal._Lines("files", 4, every_step=True)
    moment[0] = float(seconds)
    lines.advance(done)
    assert printed.getvalue().rstrip().endswith(left)


def test_on_a_terminal_progress_is_a_bar_that_goes_away(monkeypatch):
    output = io.StringIO()
    console = Console(file=output, width=100, force_terminal=True, highlight=False)
    monkeypatch.setattr(terminal, "stderr", console)
    with terminal.progress("files", 4) as advance:
        advance(3)
    assert "files" in output.getvalue()
    assert "3/4" in output.getvalue()
    assert "\x1b[2K" in output.getvalue()  # the line is erased at the end


@pytest.mark.parametrize("speak", [terminal.say, terminal.warn])
def test_a_name_is_no_command_to_the_terminal_and_no_picture(monkeypatch, speak):
    output = io.StringIO()
    for console in ("stderr", "never_quiet"):
        monkeypatch.setattr(terminal, console, Console(file=output, width=40, highlight=False, emoji=False))
    speak(":smile:\x1b]0;title\x07\x9b31m\u202egnp\ngdest: all graded")
    assert output.getvalue() == ":smile:\ufffd]0;title\ufffd\ufffd31m\ufffdgnp\ufffdgdest: all graded\n"
