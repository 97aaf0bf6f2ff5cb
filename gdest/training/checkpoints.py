"""Keep the best weights of a run, and what it needs to go on after an interruption."""

from __future__ import annotations

import copy
import time
from pathlib import Path

import torch

from gdest.core import ModelCard, write_atomically
from gdest.model import GradeNetwork, save_model
from gdest.training.log import write_log
from gdest.training.run_files import checkpoint_path, unfinished_path
from gdest.training.trainer import Trainer

WRITING_SHARE = 0.05
"""Share of the time that may go into checkpoints and curves; the first and the last epoch are always written."""


class Keeper:
    """Keep the best epoch's weights, and write them with the log and a checkpoint without slowing the run."""

    def __init__(self, trainer: Trainer, card: ModelCard, out: Path) -> None:
        self.trainer, self.card, self.out = trainer, card, out
        self.unsaved: GradeNetwork | None = None
        self.cost_s = self.written_at = 0.0

    def keep(self, *, last: bool) -> None:
        """Take the weights of the epoch that has just ended if they are the best, with cosine always; write by time."""
        epochs = self.trainer.epochs
        best = epochs[-1].validation_loss <= min(epoch.validation_loss for epoch in epochs)
        if self.trainer.settings.schedule == "cosine" or best:
            self.unsaved = copy.deepcopy(self.trainer.kept)
        began = time.monotonic()
        if not last and began - self.written_at < self.cost_s / WRITING_SHARE:
            return
        if self.unsaved is not None:
            save_model(self.unsaved, self.card, unfinished_path(self.out))
            self.unsaved = None
        write_log(self.out, epochs)
        write_atomically(checkpoint_path(self.out), lambda path: torch.save(self.trainer.state(), path))
        self.written_at = time.monotonic()
        self.cost_s = self.written_at - began
