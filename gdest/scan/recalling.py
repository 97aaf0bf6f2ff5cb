"""Recall the grade maps of files whose very bytes were graded before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gdest.core import GradeMap, ImageFile, Micrograph, OutputError, split_page
from gdest.grading import Memory
from gdest.scan.ledger import Ledger


@contextmanager
def memory(out: Path, recipe: int) -> Iterator[Memory]:
    """Give a function that returns the grade map of a micrograph whose bytes the ledger of `out` knows, else None.

    Threads may call it, also one that was left behind in a read that hangs: the connection, which is not the one that
    the scan writes with, is closed under no call, and a later call raises `OutputError`.
    """
    one_at_a_time, ended = threading.Lock(), False
    ledger = Ledger.open(out)

    def recall(micrograph: Micrograph) -> GradeMap | None:
        with one_at_a_time:
            if ended:
                raise OutputError(f"The scan into {out} has ended.")
            known = ledger.remembered(recipe, micrograph.sha256)
        return known.get(_page(micrograph.file))

    try:
        yield recall
    finally:
        with one_at_a_time, ledger:
            ended = True


def _page(file: ImageFile) -> str:
    """Return what a micrograph's name adds to its file's: nothing for the first one, `#2` for the second."""
    page = split_page(file.name)[1]
    return "" if file.path.name.endswith(page) else page
