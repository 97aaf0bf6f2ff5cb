"""What a scan hears of signals."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest

from gdest.core.settings import GradeSettings
from gdest.scan import cluster, stopping
from gdest.scan.stopping import HEARD, Stop, handlers_kept, heard


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """Let a test of this process that is interrupted twice take its time to end."""
    monkeypatch.setattr(stopping, "GRACE_S", 600.0)


@pytest.mark.parametrize("number", HEARD)
@pytest.mark.usefixtures("hangup_not_ignored")
def test_the_first_signal_is_a_wish_and_the_second_an_interrupt(number):
    with heard() as stop:
        assert not stop.asked
        os.kill(os.getpid(), number)
        assert (stop.asked, stop.signal) == (True, number)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_first_signal_is_told_at_once_and_no_later_one():
    told = []
    with heard(told.append) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked
        end = time.monotonic() + 30
        while not told:
            assert time.monotonic() < end
            time.sleep(0.01)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert told == [signal.SIGTERM]


def test_what_tells_of_signals_ends_with_the_scan():
    with suppress(ZeroDivisionError), heard():
        assert any(thread.name == "gdest-signals" for thread in threading.enumerate())
        raise ZeroDivisionError
    assert not any(thread.name == "gdest-signals" for thread in threading.enumerate())


def test_the_handlers_of_before_are_back_whoever_replaced_them():
    before = [signal.getsignal(number) for number in HEARD]
    with heard():
        during = [signal.getsignal(number) for number in HEARD]
        with handlers_kept():
            for number in HEARD:
                signal.signal(number, signal.SIG_IGN)
        assert [signal.getsignal(number) for number in HEARD] == during != before
    assert [signal.getsignal(number) for number in HEARD] == before


def test_a_thread_leaves_the_handlers_alone():
    before, seen = [signal.getsignal(number) for number in HEARD], []

    def inside():
        with heard() as stop:
            seen.extend([stop.signal, *(signal.getsignal(number) for number in HEARD)])

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [0, *before]


def test_waiting_ends_when_the_scan_shall_stop():
    stop, began = Stop(), time.monotonic()
    threading.Timer(0.1, lambda: setattr(stop, "signal", 15)).start()
    stop.wait(30)
    assert 0.1 <= time.monotonic() - began < 5


def test_ray_does_not_take_the_signals_of_a_scan(monkeypatch):
    def init(**_options):
        for number in HEARD:
            signal.signal(number, signal.SIG_IGN)

    ray = SimpleNamespace(is_initialized=lambda: False, init=init, shutdown=lambda: None)
    monkeypatch.setattr(cluster, "_ray", lambda: ray)
    with heard() as stop:
        cluster.Cluster(None, GradeSettings(), None).close()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal == signal.SIGTERM
