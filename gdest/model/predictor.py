"""Predict G_seen of tiles: choose the engine, hand it batches, correct its answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gdest.core import GradeSettings, ModelCard, TileAnswers, Tiles, WeightsError, some_of
from gdest.model.devices import choose_device, chooses_bf16, chooses_int8
from gdest.model.network import LoadedModel, to_device
from gdest.model.openvino_engine import AT_ONCE, OpenVinoEngine, openvino_is_installed
from gdest.model.torch_engine import BATCH, TorchEngine

logger = logging.getLogger(__name__)

LONG_RUN = 50
"""From so many files on, some seconds of preparing the network pay."""

REPAID_FILES = 1000
"""From so many files on, torch.compile pays: about a minute, where it makes a pass a quarter or more faster."""


class Engine(Protocol):
    """Run a network: `batch` tiles at once, for up to `streams` threads at a time.

    An engine that was made with boundaries answers their maps as well, as `GradeNetwork.answer_with_boundaries` does.
    """

    batch: int
    streams: int

    def answer(self, parts: Sequence[Tiles]) -> tuple[Tensor, ...]:
        """Return G_seen, log odds of each unfit kind and novelty of the tiles, as `GradeNetwork.answer` does."""
        ...


def choose_engine(model: LoadedModel, settings: GradeSettings, files: int) -> Engine:
    """Return the engine for so many files; more of them repay a longer preparation.

    On a CPU OpenVINO does the convolutions where it is installed; on a GPU the fastest batch is found by trying.
    Where OpenVINO is not used, torch.compile is tried for very many files.
    """
    device = choose_device(settings.device)
    network = to_device(model.network, device).eval()
    bf16 = chooses_bf16(settings.precision, device)
    on_gpu = device.type == "cuda"
    boundaries = settings.count and model.card.boundaries
    if files >= LONG_RUN and not on_gpu and network.judge is not None and openvino_is_installed():
        int8, batch = chooses_int8(settings.precision), settings.batch or AT_ONCE
        return OpenVinoEngine(
            network, model.card, bf16=bf16, int8=int8, sha256=model.sha256, batch=batch, boundaries=boundaries
        )
    engine = TorchEngine(network, device, bf16=bf16, batch=settings.batch or BATCH, boundaries=boundaries)
    if files >= LONG_RUN and on_gpu and not settings.batch:
        engine.take_fastest_batch()
    if files >= REPAID_FILES:
        engine.compile_where_faster()
    return engine


class NetworkPredictor:
    """Predict G_seen with one loaded network, prepared for a number of files; a `gdest.grading.Predictor`."""

    def __init__(self, model: LoadedModel, settings: GradeSettings, *, files: int = 1) -> None:
        if model.card.input != "crop":
            raise WeightsError(f"Weights {model.name} were trained on whole images; grading needs a model of crops.")
        self.card: ModelCard = model.card
        self.name, self.sha256 = model.name, model.sha256
        self.engine = choose_engine(model, settings, files)
        self._halving = threading.Lock()

    @property
    def batch(self) -> int:
        """Return how many tiles the engine works on at once."""
        return self.engine.batch

    @property
    def streams(self) -> int:
        """Return how many threads may ask at the same time."""
        return self.engine.streams

    @property
    def runs_openvino(self) -> bool:
        """Return whether OpenVINO does the convolutions: `leave_cores_to_openvino` then makes a scan faster."""
        return isinstance(self.engine, OpenVinoEngine)

    @torch.inference_mode()
    def predict(self, parts: Sequence[Tiles]) -> TileAnswers:
        """Return what the network says of the tiles of all parts, at the model's pixel size."""
        found, done, count = [], 0, sum(map(len, parts))
        while done < count:
            tried = self.engine.batch
            try:
                found.append(self.engine.answer(some_of(parts, done, done + tried)))
            except torch.OutOfMemoryError:
                if tried == 1:
                    raise
                self._halve_batch(tried)
                continue
            done += len(found[-1][0])
        g_seen, unfit, novelty, *maps = (torch.cat(column).numpy() for column in zip(*found, strict=True))
        return TileAnswers(self._corrected(g_seen), unfit, novelty, *maps)

    def _halve_batch(self, tried: int) -> None:
        """Halve the batch that did not fit into the memory, once, however many threads it did not fit for."""
        with self._halving:
            if self.engine.batch == tried:
                self.engine.batch = tried // 2
                logger.warning("The device's memory is full; going on with batches of %d tiles.", tried // 2)

    def _corrected(self, g_seen: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return G_seen without what the card says is read too fine at that G."""
        if not self.card.correction:
            return g_seen
        grades, too_fine = zip(*self.card.correction, strict=True)
        return np.asarray(g_seen - np.interp(g_seen, grades, too_fine), np.float32)
