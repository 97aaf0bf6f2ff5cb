"""Feeding workers: who gets which files, and what becomes of those that a lost worker held."""

from __future__ import annotations

from collections import deque

import pytest

from gdest.core.errors import ArchiveError
from gdest.core.records import ImageFile
from gdest.reports import ModelName
from gdest.scan.feeding import MOST_LOST_AT_START, Feed, Lost, Ready
from gdest.scan.finishing import Finisher
from gdest.scan.stopping import Stop

FILES = [ImageFile(f"/archive/{number:02d}.tif", f"{number:02d}.tif") for number in range(20)]


class Crew:
    """Workers that take four files each, finish one at a time, and die of some; those in `unfit` never get ready."""

    def __init__(self, finisher, deadly=(), unfit=()):
        self.finisher, self.deadly, self.unfit = finisher, deadly, unfit
        self.started, self.given, self.closed = 0, [], False
        self.lines = {}
        self.told = deque()

    def start(self):
        self.started += 1
        number = self.started
        if number in self.unfit:
            self.told.append((number, Lost("ended (exit code 1)", may_pass=True)))
        else:
            self.lines[number] = deque()
            self.told.append((number, Ready()))
        return number

    def takes(self, held):
        return 4 - held

    def give(self, worker, files):
        self.given.append((worker, [file.name for file in files]))
        self.lines[worker] += files

    def hear(self):
        while self.told:
            yield self.told.popleft()
        for worker, files in list(self.lines.items()):
            if any(file.name in self.deadly for file in files):
                del self.lines[worker]
                yield worker, Lost("was killed (signal 9)", may_pass=True)
            elif files:
                yield worker, self.finisher.told(files.popleft(), [])

    def close(self):
        self.closed = True


@pytest.fixture
def fed(tmp_path):
    """Feed files to a crew; return it and what is found, the names with the reason of a failure if there is one."""

    def feed(files, workers, stop=None, **about):
        finisher = Finisher(tmp_path, ModelName("fake", ""), draws=False)
        crew = Crew(finisher, **about)
        feed = Feed(crew, finisher, stop or Stop(), workers)
        found = {
            one.file.name: [str(row.cells["reason"]) for row in one.findings]
            for one in feed.finished(iter(files), len(files))
        }
        feed.close()
        assert crew.closed
        return crew, found

    return feed


def test_each_file_is_found_once_and_a_short_archive_is_divided_fairly(fed):
    crew, found = fed(FILES, 3)
    assert sorted(found) == [file.name for file in FILES]
    assert sorted(name for _, names in crew.given for name in names) == sorted(found)
    crew, _ = fed(FILES[:6], 3)
    assert [(worker, len(names)) for worker, names in crew.given] == [(1, 2), (2, 2), (3, 2)]
    assert fed(FILES[:2], 3)[0].started == 2
    assert fed([], 3)[0].started == 0


def test_what_a_lost_worker_held_is_given_out_again_each_file_alone_and_only_the_cause_is_blamed(fed):
    crew, found = fed(FILES, 2, deadly={"05.tif"})
    assert sorted(found) == [file.name for file in FILES]
    assert {name for name, reasons in found.items() if reasons} == {"05.tif"}
    assert "was killed (signal 9) twice, the second time with no other file" in found["05.tif"][0]
    again = [
        (worker, names)
        for worker, names in crew.given
        if len([1 for _, others in crew.given for name in others if name in names]) > len(names)
    ]
    (lost, held), *alone = sorted(again, key=lambda one: one[0])
    assert "05.tif" in held
    assert all(len(names) == 1 for worker, names in alone if worker != lost)


def test_a_worker_that_does_not_start_is_replaced_until_none_does(fed):
    assert len(fed(FILES, 2, unfit={1, 3})[1]) == 20
    with pytest.raises(ArchiveError, match=r"ended \(exit code 1\) while it started"):
        fed(FILES, 1, unfit=set(range(1, MOST_LOST_AT_START + 2)))
    assert len(fed(FILES, 1, unfit=set(range(1, MOST_LOST_AT_START + 1)))[1]) == 20


def test_a_stop_hands_out_nothing_more_neither_new_files_nor_those_under_suspicion(tmp_path):
    stop = Stop()
    finisher = Finisher(tmp_path, ModelName("fake", ""), draws=False)
    crew = Crew(finisher, deadly={"01.tif"})
    found = Feed(crew, finisher, stop, 2).finished(iter(FILES), len(FILES))
    next(found)
    given = len(crew.given)
    stop.signal = 2
    rest = list(found)
    assert len(crew.given) == given
    assert len(rest) + 1 < 8
    assert not any(one.file.name == "01.tif" for one in rest)
