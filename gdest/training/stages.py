"""Let long work tell which stage it is in and how far it has come, and be silent where nobody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

Say = Callable[[str], None]
Stage = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Called with a title and the number of steps, 0 where there are none to count; as a context it counts steps done."""

T = TypeVar("T")


def silent(*_: object) -> None:
    """Say nothing."""


@contextmanager
def no_stage(_title: str, _steps: int) -> Iterator[Callable[[int], None]]:
    """Tell nothing of a stage."""
    yield silent


def told(items: Iterable[T], stage: Stage, title: str, steps: int) -> Iterator[T]:
    """Yield items within a stage of which each is a step, done when the next is asked for."""
    with stage(title, steps) as advance:
        for item in items:
            yield item
            advance(1)
