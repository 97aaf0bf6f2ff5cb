"""Predict G_seen of tiles: make the engine that was chosen, hand it batches, correct its answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gdest.core import GradeSettings, ModelCard, TileAnswers, Tiles, require, some_of
from gdest.model.devices import EngineChoice, choose_device, choose_engine, openvino_is_installed
from gdest.model.network import LoadedModel, to_device
from gdest.model.openvino_engine import AT_ONCE, OpenVinoEngine
from gdest.model.torch_engine import BATCH, GPU_BATCH, TorchEngine
from gdest.model.weights_file import check_for_grading

logger = logging.getLogger(__name__)


class Engine(Protocol):
    """Run a network: `batch` tiles at once, for up to `streams` threads at a time.

    An engine that was made with boundaries answers their maps as well, as `GradeNetwork.answer_with_boundaries` does,
    and PyTorch's what single places of a tile say; OpenVINO hands out no maps, which cost it a third of its time.
    """

    batch: int
    streams: int

    def answer(self, parts: Sequence[Tiles]) -> tuple[Tensor, ...]:
        """Return G_seen, log odds of each unfit kind and novelty of the tiles, as `GradeNetwork.answer` does."""
        ...


def make_engine(model: LoadedModel, settings: GradeSettings, choice: EngineChoice) -> Engine:
    """Return the engine that was chosen; raise `SettingsError` where this machine lacks it."""
    device = choose_device("cpu" if choice.device == "cpu" else _gpu(settings.device))
    network = to_device(model.network, device).eval()
    boundaries = settings.count and model.card.boundaries
    if choice.engine == "openvino":
        require(openvino_is_installed(), "OpenVINO is missing on this machine: pip install 'gdest[openvino]'.")
        batch = settings.batch or AT_ONCE
        return OpenVinoEngine(
            network, model.card, bf16=False, int8=True, sha256=model.sha256, batch=batch, boundaries=boundaries
        )
    batch = settings.batch or (BATCH if device.type == "cpu" else GPU_BATCH)
    bf16 = choice.precision == "bf16"
    places = network.tells_places
    return TorchEngine(network, device, bf16=bf16, batch=batch, boundaries=boundaries, places=places)


def _gpu(wanted: str) -> str:
    return "cuda" if wanted == "auto" else wanted


class NetworkPredictor:
    """Predict G_seen with one loaded network; a `gdest.grading.Predictor`.

    `engine` is the one that a scan was begun with; without it the machine and the settings decide. Raises
    `WeightsError` for weights that lack what grading needs, unless they are `unfinished`: to be calibrated.
    """

    def __init__(
        self,
        model: LoadedModel,
        settings: GradeSettings,
        *,
        engine: EngineChoice | None = None,
        unfinished: bool = False,
    ) -> None:
        if not unfinished:
            check_for_grading(model.name, model.card)
        self.card: ModelCard = model.card
        self.name, self.sha256 = model.name, model.sha256
        self.choice = engine or choose_engine(settings, model.card)
        self.engine = make_engine(model, settings, self.choice)
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
        g_seen, unfit, novelty, *others = (torch.cat(column).numpy() for column in zip(*found, strict=True))
        boundaries = next((one for one in others if one.ndim == 4), None)
        places = next((one for one in others if one.ndim == 3), None)
        return TileAnswers(self._corrected(g_seen), unfit, novelty, boundaries, places)

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
