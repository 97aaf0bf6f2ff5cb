from __future__ import annotations

import os
import threading
import time

import pytest

from gdest.core.errors import ArchiveError
from gdest.core.threads import CORES, MOST_STALLED, heartbeat, in_order


def test_results_come_in_order_whichever_is_done_first():
    def work(item):
        time.sleep(0.02 * (item % 3 == 0))
        return item * 2

    found = list(in_order(range(9), work, str, ahead=3, seconds=5))
    assert found == [(item, item * 2) for item in range(9)]
    assert list(in_order([], work, str, ahead=3, seconds=5)) == []
    assert len(os.sched_getaffinity(0)) == CORES


def test_so_many_tasks_are_under_way_and_no_item_is_taken_before_its_time():
    taken, running, most = [], [], []

    def items():
        for item in range(12):
            taken.append(item)
            yield item

    def work(item):
        running.append(item)
        most.append(len(running))
        time.sleep(0.02)
        running.remove(item)

    for done, _ in enumerate(in_order(items(), work, str, ahead=4, seconds=5)):
        assert len(taken) <= done + 4
    assert max(most) == 4


def test_what_the_work_raises_is_raised_where_its_result_is_due():
    def work(item):
        raise KeyError(item)

    with pytest.raises(KeyError, match="7"):
        list(in_order([7], work, str, ahead=1, seconds=5))


def test_a_time_out_that_the_work_itself_raises_is_no_stall():
    """A share may answer a read with ETIMEDOUT, which Python raises as `TimeoutError`."""

    def work(_item):
        raise TimeoutError("of the share")

    began = time.monotonic()
    with pytest.raises(TimeoutError, match="of the share"):
        list(in_order([0], work, str, ahead=1, seconds=5))
    assert time.monotonic() - began < 2


@pytest.fixture
def hang():
    """Return work that hangs for the items of a set, until the test is over."""
    over = threading.Event()

    def work_that_hangs_for(items):
        return lambda item: over.wait(30) if item in items else item

    yield work_that_hangs_for
    over.set()


def test_a_task_that_hangs_is_given_up_and_its_place_taken(hang):
    began = time.monotonic()
    found = list(in_order(range(4), hang({1}), lambda item: f"{item} stalled", ahead=2, seconds=0.15))
    assert found == [(0, 0), (1, "1 stalled"), (2, 2), (3, 3)]
    assert time.monotonic() - began >= 0.15


def test_a_thread_that_is_left_behind_does_not_keep_the_process_from_ending(hang):
    list(in_order([0], hang({0}), str, ahead=1, seconds=0.05))
    left = [thread for thread in threading.enumerate() if thread.name == "gdest file"]
    assert left
    assert all(thread.daemon for thread in left)


def test_a_heartbeat_keeps_a_slow_task_going_and_only_its_own(hang):
    def work(item):
        if item == "slow":
            for _ in range(8):
                time.sleep(0.05)
                heartbeat()
            return "done"
        return hang({"hangs"})(item)

    found = dict(in_order(["slow", "hangs"], work, lambda _: "stalled", ahead=2, seconds=0.2))
    assert found == {"slow": "done", "hangs": "stalled"}
    heartbeat()  # without a task there is nothing to record


def test_only_so_many_stalls_in_a_row_end_the_run(hang):
    broken = set(range(MOST_STALLED - 1)) | set(range(MOST_STALLED, 2 * MOST_STALLED - 1))
    stalled = list(in_order(range(2 * MOST_STALLED), hang(broken), lambda _: None, ahead=20, seconds=0.1))
    assert [item for item, result in stalled if result is None] == sorted(broken)
    seen = []
    with pytest.raises(ArchiveError, match=rf"{MOST_STALLED} files in a row gave no answer within 0.1 s"):
        for item, _ in in_order(range(99), hang(set(range(99))), lambda _: None, ahead=9, seconds=0.1):
            seen.append(item)
    assert seen == list(range(MOST_STALLED)) == list(range(8))
