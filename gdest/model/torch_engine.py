"""Run a network with torch, on a GPU or a CPU."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gdest.core import Tiles, cut_parts, tiles_of
from gdest.model.device_tiles import cut_on
from gdest.model.network import GradeNetwork

logger = logging.getLogger(__name__)

BATCH = 64
"""Tiles per pass where nothing else is known."""

BATCHES = (64, 128, 256, 512, 1024)
TRIED_PASSES = 3
WORTH_IT = 1.05
"""What is tried, a larger batch or a compiled network, must see so many times the tiles per second."""


class TorchEngine:
    """Answer tiles as `GradeNetwork.answer` does, on one device.

    On a GPU two threads may ask, whose copies and passes overlap, and tiles are cut there. With `boundaries` the
    boundary maps are answered too.
    """

    def __init__(
        self, network: GradeNetwork, device: torch.device, *, bf16: bool, batch: int = BATCH, boundaries: bool = False
    ) -> None:
        self.network, self.device, self.bf16, self.batch = network, device, bf16, batch
        self._plain = network.answer_with_boundaries if boundaries else network.answer
        self.cuts_there = device.type == "cuda"
        self.streams = 2 if self.cuts_there else 1
        self._pass: Callable[[Tensor], tuple[Tensor, ...]] = self._plain
        self._of_thread = threading.local()

    @torch.inference_mode()
    def answer(self, parts: Sequence[Tiles]) -> tuple[Tensor, ...]:
        """Return what the network says of the tiles of all parts, in the computer's memory: float32, maps uint8."""
        with self._own_stream():
            tiles = cut_on(self.device, parts) if self.cuts_there else torch.from_numpy(cut_parts(parts)[:, None])
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
                answers = self._pass(tiles.to(self.device).contiguous(memory_format=torch.channels_last))
            return tuple(answer.cpu() if answer.dtype == torch.uint8 else answer.float().cpu() for answer in answers)

    def _own_stream(self) -> AbstractContextManager[object]:
        """Let each thread queue its work on a GPU apart, so that one's tiles are copied while the other's are seen."""
        if self.device.type != "cuda":
            return nullcontext()
        if not hasattr(self._of_thread, "stream"):
            self._of_thread.stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        return torch.cuda.stream(self._of_thread.stream)

    def take_fastest_batch(self) -> None:
        """Take the batch that gives the most tiles per second; larger ones are tried while they pay and fit."""
        best, most = BATCH, 0.0
        for batch in BATCHES:
            try:
                rate = self._tiles_per_second(batch)
            except torch.OutOfMemoryError:
                break
            if rate < WORTH_IT * most:
                break
            best, most = batch, rate
        self.batch = best

    def compile_where_faster(self) -> None:
        """Let torch.compile make the passes faster, where a trial says that it does; it needs a C++ compiler."""
        plain = self._tiles_per_second(self.batch)
        compiled = torch.compile(self._plain, options={"freezing": True} if self.device.type == "cpu" else None)
        self._pass = partial(self._of_one_size, compiled)
        try:
            if self._tiles_per_second(self.batch) >= WORTH_IT * plain:
                return
        except Exception as error:  # it raises many kinds, of its own and of the compiler
            logger.info("torch.compile does not work here (%s); going on without.", type(error).__name__)
        self._pass = self._plain

    def _of_one_size(self, compiled: Callable[[Tensor], tuple[Tensor, ...]], tiles: Tensor) -> tuple[Tensor, ...]:
        """Fill a batch up, since each size would be compiled anew; return the answers for the tiles themselves."""
        missing = max(0, self.batch - len(tiles))  # another thread may have halved the batch meanwhile
        filled = functional.pad(tiles, (0, 0, 0, 0, 0, 0, 0, missing)).contiguous(memory_format=torch.channels_last)
        return tuple(answer[: len(tiles)] for answer in compiled(filled))

    def _tiles_per_second(self, batch: int) -> float:
        side = self.network.card.tile_px
        tiles = [tiles_of(np.zeros((batch, side, side), np.uint8))]
        self.answer(tiles)  # the first pass of a size chooses its algorithms
        began = time.perf_counter()
        for _ in range(TRIED_PASSES):
            self.answer(tiles)
        return TRIED_PASSES * batch / (time.perf_counter() - began)
