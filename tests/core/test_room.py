"""Files that are under way share the memory, and none waits for ever."""

from __future__ import annotations

import threading
import time

import pytest

from gdest.core.room import Room
from gdest.core.threads import GivenUpError, heartbeat, in_order, wait_for_room


@pytest.fixture
def small_room(monkeypatch):
    monkeypatch.setattr("gdest.core.threads.Room", lambda: Room(100))
    monkeypatch.setattr("gdest.core.room.SECONDS_BETWEEN_SIGNS", 0.02)


@pytest.mark.usefixtures("small_room")
def test_what_is_under_way_never_takes_more_than_the_room_and_all_is_done():
    taken, most, lock = {}, [], threading.Lock()

    def work(item):
        size = (60, 30, 100, 10, 50)[item % 5]
        wait_for_room(size)
        with lock:
            taken[item] = size
            most.append(sum(taken.values()))
        time.sleep(0.01)
        with lock:
            taken[item] = 5
        wait_for_room(5)
        with lock:
            del taken[item]
        return item

    found = [result for _, result in in_order(range(40), work, str, ahead=8, seconds=5)]
    assert found == list(range(40))
    assert max(most) <= 100
    assert sum(one > 60 for one in most) > 3  # several were under way at a time


@pytest.mark.usefixtures("small_room")
def test_what_is_larger_than_the_room_is_alone_in_it():
    seen, under_way, lock = [], set(), threading.Lock()

    def work(item):
        wait_for_room(500 if item == 3 else 40)
        with lock:
            under_way.add(item)
            seen.append((item, set(under_way)))
        time.sleep(0.02)
        with lock:
            under_way.remove(item)
        return item

    assert len(list(in_order(range(30), work, str, ahead=6, seconds=5))) == 30
    assert [others for item, others in seen if item == 3] == [{3}]


def test_a_large_one_is_not_passed_by_small_ones_that_come_later():
    room, order, started = Room(100), [], threading.Semaphore(0)

    def wait(task, count):
        started.release()
        room.take(task, count, lambda: None)
        order.append(task)

    room.take("first", 40, lambda: None)
    threads = []
    for task, count in (("large", 90), ("small", 30)):
        threads.append(threading.Thread(target=wait, args=(task, count), daemon=True))
        threads[-1].start()
        started.acquire()
        time.sleep(0.05)
    assert order == []  # there is room for the small one, but it came later
    room.give_back("first")
    threads[0].join(5)
    assert order == ["large"]
    room.take("large", 10, lambda: None)
    threads[1].join(5)
    assert order == ["large", "small"]


@pytest.mark.usefixtures("small_room")
def test_a_wait_for_room_is_no_stall_and_what_a_stalled_task_had_is_given_to_others():
    over = threading.Event()

    def work(item):
        wait_for_room(80)
        if item == 0:
            over.wait(20)
        time.sleep(0.15)
        return item

    began = time.monotonic()
    found = [result for _, result in in_order(range(5), work, lambda item: f"{item} stalled", ahead=5, seconds=0.3)]
    over.set()
    assert time.monotonic() - began < 10
    assert found == ["0 stalled", 1, 2, 3, 4]


def test_a_task_that_was_given_up_ends_at_its_next_sign_of_life():
    over, ended = threading.Event(), threading.Event()

    def work(item):
        over.wait(20)
        try:
            heartbeat()
        except GivenUpError:
            ended.set()
            raise
        return item

    assert list(in_order([0], work, lambda _: "stalled", ahead=1, seconds=0.05)) == [(0, "stalled")]
    over.set()
    assert ended.wait(5)


def test_a_thread_that_is_no_task_takes_what_it_likes():
    wait_for_room(10**15)
