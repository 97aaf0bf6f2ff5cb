"""Run a network with torch, on a GPU or a CPU."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor

from gdest.core import Tiles, cut_parts
from gdest.model.device_tiles import cut_on
from gdest.model.network import GradeNetwork

BATCH, GPU_BATCH = 64, 256
"""Tiles per pass. A trial that takes the fastest would let the clock choose how numbers are added up."""


class TorchEngine:
    """Answer tiles as `GradeNetwork.answer` does, on one device.

    On a GPU two threads may ask, whose copies and passes overlap, and tiles are cut there. With `boundaries` the
    boundary maps are answered too, with `places` what single places of a tile say, as the last.
    """

    def __init__(
        self,
        network: GradeNetwork,
        device: torch.device,
        *,
        bf16: bool,
        batch: int = BATCH,
        boundaries: bool = False,
        places: bool = False,
    ) -> None:
        self.network, self.device, self.bf16, self.batch = network, device, bf16, batch
        answer = network.answer_with_boundaries if boundaries else network.answer
        self._pass: Callable[[Tensor], tuple[Tensor, ...]] = partial(answer, places=True) if places else answer
        self.cuts_there = device.type == "cuda"
        self.streams = 2 if self.cuts_there else 1
        self._of_thread = threading.local()

    @torch.inference_mode()
    def answer(self, parts: Sequence[Tiles]) -> tuple[Tensor, ...]:
        """Return what the network says of the tiles of all parts, in the computer's memory: float32, maps uint8."""
        with self._own_stream():
            tiles = cut_on(self.device, parts) if self.cuts_there else torch.from_numpy(cut_parts(parts)[:, None])
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
                answers = self._pass(tiles.to(self.device).contiguous(memory_format=torch.channels_last))
            floats = [answer if answer.dtype == torch.uint8 else answer.float() for answer in answers]
            return tuple(self._fetched(floats))

    def _fetched(self, answers: Sequence[Tensor]) -> list[Tensor]:
        """Return answers in the computer's memory; the thread that waits for a GPU sleeps, so that a core is free."""
        if self.device.type != "cuda":
            return [answer.cpu() for answer in answers]
        fetched = [answer.to("cpu", non_blocking=True) for answer in answers]
        there = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        there.record()
        there.synchronize()
        return fetched

    def _own_stream(self) -> AbstractContextManager[object]:
        """Let each thread queue its work on a GPU apart, so that one's tiles are copied while the other's are seen."""
        if self.device.type != "cuda":
            return nullcontext()
        if not hasattr(self._of_thread, "stream"):
            self._of_thread.stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        return torch.cuda.stream(self._of_thread.stream)
