from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from helpers.predictors import FakePredictor

from gdest.core.errors import ArchiveError
from gdest.core.model_card import UNFIT
from gdest.core.threads import MOST_STALLED, in_order
from gdest.core.tiles import tiles_of
from gdest.grading.batching import SharedPredictor


def numbered(level, count):
    """Tiles that tell whose they are and which."""
    tiles = np.zeros((count, 4, 4), np.uint8)
    tiles[:, 0, 0], tiles[:, 0, 1] = level, np.arange(count)
    return tiles


def asked_for(level, count):
    """The same in two parts, as of two sheets."""
    tiles = numbered(level, count)
    return [tiles_of(tiles[: count // 3]), tiles_of(tiles[count // 3 :])] if count > 3 else [tiles_of(tiles)]


def told(tiles):
    return tiles[:, 0, 0] * 100.0 + tiles[:, 0, 1]


@pytest.mark.parametrize("streams", [1, 4])
def test_every_caller_gets_the_answers_of_its_own_tiles_in_their_order(streams):
    waits = iter(np.random.default_rng(0).uniform(0, 0.004, 1000))

    def late(tiles):
        time.sleep(next(waits))  # so that a later batch of a request may end before an earlier one
        return told(tiles)

    predictor = FakePredictor(late, batch=5, streams=streams)
    counts = [1, 30, 7, 12, 3, 5, 9, 2] * 6
    with SharedPredictor(predictor) as shared, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(shared.predict, asked_for(i, count)) for i, count in enumerate(counts)]
        for i, (answer, count) in enumerate(zip(asked, counts, strict=True)):
            np.testing.assert_array_equal(answer.result().g_seen, told(numbered(i, count)))
            assert answer.result().unfit.shape == (count, len(UNFIT))
            assert answer.result().novelty.shape == (count,)
    assert sum(shape[0] for shape in predictor.shapes) == sum(counts)


def test_batches_are_full_across_callers_while_the_network_is_busy():
    busy, predictor = threading.Event(), FakePredictor(batch=8)

    def slow_first(tiles):
        busy.wait(30)
        return np.full(len(tiles), 6.0)

    predictor.answer = slow_first
    with SharedPredictor(predictor) as shared, ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(shared.predict, asked_for(i, 6)) for i in range(6)]
        while len(shared._waiting) < 5:
            pass
        busy.set()
        for answer in asked:
            answer.result()
    assert [shape[0] for shape in predictor.shapes[1:]] in ([8, 8, 8, 6], [8, 8, 8, 8, 4], [8, 8, 8, 4])


@pytest.mark.parametrize("streams", [1, 3])
def test_an_error_of_the_network_reaches_the_callers_and_the_next_is_answered(streams):
    def broken(tiles):
        if tiles[0, 0, 0] == 1:
            raise MemoryError("too much")
        return told(tiles)

    with SharedPredictor(FakePredictor(broken, batch=4, streams=streams)) as shared:
        with pytest.raises(MemoryError, match="too much"):
            shared.predict(asked_for(1, 10))
        assert len(shared.predict(asked_for(2, 10)).g_seen) == 10


def test_as_many_batches_are_under_way_as_the_predictor_has_streams():
    together = threading.Barrier(3)

    def meeting(tiles):
        together.wait(30)  # breaks, and so fails, unless three come
        return told(tiles)

    with SharedPredictor(FakePredictor(meeting, batch=2, streams=3)) as shared:
        assert len(shared.predict(asked_for(1, 6)).g_seen) == 6


def test_results_come_in_order_and_a_task_that_hangs_costs_its_own_place():
    let_go = threading.Event()

    def work(item):
        if item == 3:
            let_go.wait(30)
        return item * 10

    found = list(in_order(range(8), work, lambda item: -item, ahead=3, seconds=0.3))
    let_go.set()
    assert found == [(i, -3 if i == 3 else i * 10) for i in range(8)]


def test_when_everything_hangs_the_loop_ends_and_an_error_of_the_work_is_passed_on():
    let_go = threading.Event()
    seen = []
    with pytest.raises(ArchiveError, match="gone"):
        for item, _ in in_order(range(99), lambda _item: let_go.wait(30), lambda item: item, ahead=2, seconds=0.02):
            seen.append(item)
    let_go.set()
    assert seen == list(range(MOST_STALLED))
    with pytest.raises(ZeroDivisionError):
        list(in_order([0], lambda item: 1 / item, float, ahead=1, seconds=5))


def test_a_closed_predictor_says_so_and_its_threads_have_ended():
    shared = SharedPredictor(FakePredictor(told))
    with shared:
        shared.predict(asked_for(1, 3))
    assert not any(thread.is_alive() for thread in shared._threads)
    with pytest.raises(RuntimeError, match="closed"):
        shared.predict(asked_for(1, 3))


def test_a_batch_that_has_become_smaller_is_kept_to():
    predictor = FakePredictor(told, batch=8)
    with SharedPredictor(predictor) as shared:
        shared.predict(asked_for(1, 8))
        predictor.batch = 3
        shared.predict(asked_for(2, 8))
    assert [shape[0] for shape in predictor.shapes] == [8, 3, 3, 2]


def test_a_request_that_fails_late_is_given_up_and_tells_its_first_error():
    calls = []

    def second_fails(tiles):
        calls.append(len(tiles))
        if len(calls) >= 2:
            raise MemoryError(f"batch {len(calls)}")
        return told(tiles)

    predictor = FakePredictor(second_fails, batch=2)
    with SharedPredictor(predictor) as shared:
        with pytest.raises(MemoryError, match="batch 2"):
            shared.predict(asked_for(1, 9))
        predictor.answer = told
        np.testing.assert_array_equal(shared.predict(asked_for(2, 9)).g_seen, told(numbered(2, 9)))
    assert calls == [2, 2]  # the rest of the request is not asked any more


def test_every_caller_gets_the_places_and_the_boundaries_of_its_own_tiles():
    class Drawing(FakePredictor):
        def predict(self, parts):
            g_seen = super().predict(parts).g_seen
            places = g_seen[:, None, None] + np.zeros((1, 7, 7), np.float32)
            maps = (g_seen.astype(np.uint8))[:, None, None, None] + np.zeros((1, 3, 2, 2), np.uint8)
            return replace(super().predict(parts), places=places, boundaries=maps)

    first = threading.Event()

    def waits_for_others(tiles):  # so that the next batch holds the tiles of two callers
        first.wait(5)
        return told(tiles)

    with SharedPredictor(Drawing(waits_for_others, batch=8)) as shared, ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(shared.predict, asked_for(level, 5)) for level in range(3)]
        time.sleep(0.1)
        first.set()
        for level, one in enumerate(asked):
            answers = one.result()
            assert np.array_equal(answers.g_seen, told(numbered(level, 5)))
            assert np.array_equal(answers.places[:, 3, 3], answers.g_seen)
            assert np.array_equal(answers.boundaries[:, 0, 0, 0], answers.g_seen.astype(np.uint8))
