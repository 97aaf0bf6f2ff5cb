"""Count the CPU seconds of each step of a scan, in its process and in its workers; `timed_scan.py` installs this.

What is counted is the time of the thread that does a step. PyTorch's and OpenVINO's own threads are in none of them,
but in the CPU time of the whole scan.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from threading import Lock
from typing import Any

from gdest.grading import pipeline
from gdest.scan import finishing, loading, recording

STEPS = ("reading", "looking", "network", "counting", "judging", "drawing", "recording")
"""Looking is cutting tiles and putting answers together, judging the row and its doubts."""

_spent: Counter[str] = Counter()
_lock = Lock()


def counted(step: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same work, whose time is added to a step."""

    @wraps(work)
    def timed(*arguments: Any, **how: Any) -> Any:
        began = time.thread_time()
        try:
            return work(*arguments, **how)
        finally:
            _add(step, time.thread_time() - began)

    return timed


def counted_steps(step: str, work: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """Return the same iterator, the time of whose steps is added."""

    @wraps(work)
    def timed(*arguments: Any, **how: Any) -> Iterator[Any]:
        found, following = work(*arguments, **how), counted(step, next)
        while (one := following(found, None)) is not None:
            yield one

    return timed


def _add(step: str, seconds: float) -> None:
    with _lock:
        _spent[step] += seconds


def install(folder: Path) -> None:
    """Let this process count, and write what it has counted into the folder after each file that it grades."""
    pipeline.read_micrographs = counted_steps("reading", pipeline.read_micrographs)
    pipeline.grade_map_of = counted("looking", pipeline.grade_map_of)
    pipeline.surer_count = counted("counting", pipeline.surer_count)
    pipeline.graded_row = counted("judging", pipeline.graded_row)
    pipeline.with_second_opinion = counted("judging", pipeline.with_second_opinion)
    finishing._draw = counted("drawing", finishing._draw)
    recording.Recorder.add = counted("recording", recording.Recorder.add)
    told = finishing.Finisher.told

    def then_written(*arguments: Any) -> Any:
        try:
            return told(*arguments)
        finally:
            write(folder)

    finishing.Finisher.told = then_written


def write(folder: Path) -> None:
    """Write what this process has counted until now into the folder."""
    with _lock:
        words = json.dumps(_spent)
    (folder / f"{os.getpid()}.json").write_text(words)


def load_counted(folder: Path, in_worker: bool, *arguments: Any) -> Any:
    """Load the network as a scan does, and count what it takes; in a worker let that count the rest too."""
    if in_worker and len(arguments) > 3:
        install(folder)
    predictor = loading.load_predictor(*arguments)
    predictor.predict = counted("network", predictor.predict)
    return predictor


def totals(folder: Path) -> dict[str, float]:
    """Return the CPU seconds of each step in all processes."""
    found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    return {step: sum(one.get(step, 0.0) for one in found) for step in STEPS}
