"""Own the processes that draw micrographs, and hand these over in order."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gdest.core import Connection, DataError
from gdest.model import choose_device
from gdest.training.drawing_process import Share, draw_share
from gdest.training.examples import Example
from gdest.training.settings import TrainSettings

AHEAD = 4
"""Micrographs that each process may be ahead: some take three times as long to draw as others."""


class Drawing:
    """Draw micrographs in processes, each every n-th of them, and yield them in their order.

    They depend on their numbers alone, not on how many processes draw. As a context it starts and ends the processes.
    `waited_s` says how long the training waited for them. Raises `DataError` when a process dies.
    """

    def __init__(self, numbers: Sequence[int], settings: TrainSettings) -> None:
        self.waited_s = 0.0
        self._numbers = numbers
        self._device = choose_device(settings.device)
        made = settings.drawing.synthetic(settings.reference_um_per_px)
        count = max(1, min(made.workers, len(numbers)))
        maps = settings.learns_from_label_maps
        self._shares = [Share(made, list(numbers[first::count]), maps, AHEAD) for first in range(count)]
        self._processes: list[Any] = []
        self._connections: list[Connection] = []
        self._places: list[NDArray[np.uint8]] = []

    def __enter__(self) -> Drawing:
        with _deaf_to_ctrl_c():
            for share in self._shares:
                self._start(share)
        return self

    def __exit__(self, *_: object) -> None:
        for process, connection in zip(self._processes, self._connections, strict=True):
            process.kill()
            process.join()
            connection.close()

    def _start(self, share: Share) -> None:
        spawned = get_context("spawn")
        memory = spawned.RawArray("B", share.places * share.size)
        ours, theirs = spawned.Pipe()
        process = spawned.Process(target=draw_share, args=(share, memory, theirs), name="gdest drawing", daemon=True)
        process.start()
        theirs.close()  # so that each end hears when the other one has gone
        self._processes.append(process)
        self._connections.append(ours)
        self._places.append(np.frombuffer(memory, np.uint8).reshape(share.places, share.size))

    def __iter__(self) -> Iterator[Example]:
        for index in range(len(self._numbers)):
            round_, number = divmod(index, len(self._shares))
            began = time.monotonic()
            try:
                g, densities = self._connections[number].recv()
                self.waited_s += time.monotonic() - began
                example = self._example(self._shares[number], self._places[number][round_ % AHEAD], g, densities)
                self._connections[number].send_bytes(b"free")
            except (EOFError, ConnectionError) as error:
                raise _died(self._processes[number]) from error
            yield example

    def _example(self, share: Share, place: NDArray[np.uint8], g: float, densities: tuple[float, ...]) -> Example:
        """Return a micrograph on the device, in memory of its own; copies to a GPU let the training go on."""
        whole = torch.from_numpy(place)
        whole = whole.clone() if self._device.type == "cpu" else whole.pin_memory().to(self._device, non_blocking=True)
        parts = torch.split(whole, [channels * rows * cols for channels, rows, cols in share.shapes])
        levels = tuple(part.view(shape) for part, shape in zip(parts, share.shapes, strict=True))
        return Example(levels, g, densities, shows_features=share.label_maps)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let processes that are started here ignore Ctrl-C, which is for the training: it ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _died(process: Any) -> DataError:
    process.join(1.0)
    code = process.exitcode or 0
    ended = f"was killed (signal {-code}), perhaps for want of memory" if code < 0 else f"ended (exit code {code})"
    return DataError(
        f"A process that draws micrographs {ended}. What is trained is kept up to the last checkpoint: give the same "
        "command again, with fewer --draw-workers where memory is short."
    )
