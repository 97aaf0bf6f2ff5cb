"""The smallest training that there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gdest.training.settings import TrainSettings

QUICK = TrainSettings(
    epochs=2, batch=8, crop_px=64, crops_per_micrograph=2, validation_share=0.2, device="cpu", average=0.5,
    unfit_pictures=2,
)  # fmt: skip


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread: two that wait for each other on a busy machine took ten times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
