"""Run the network over tiles: device, precision, batches."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gdest.errors import SettingsError, WeightsError
from gdest.network import LoadedModel, to_device
from gdest.openvino_engine import AT_ONCE, CORES, OpenVinoDescriptors, is_installed
from gdest.records import ModelCard, TileAnswers
from gdest.settings import GradeSettings

BATCH = 64
"""Tiles per pass where nothing else is known."""

BATCHES = (64, 128, 256, 512, 1024)
TRIED_PASSES = 3
WORTH_IT = 1.05
"""How a GPU's batch is found: a larger one must see so many times the tiles per second."""


def choose_device(wanted: str) -> torch.device:
    """Return the device for `auto`, `cpu`, `cuda`, `cuda:1`...; raise `SettingsError` when it is missing."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise SettingsError(f"--device {wanted} is no device; use auto, cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SettingsError("--device cuda was asked for, but torch finds no CUDA device.")
    return device


def has_fast_bf16(device: torch.device) -> bool:
    """Return whether bf16 is faster than float32 on a device: on a CPU, with AMX, or AMD's with avx512_bf16.

    With these vector instructions alone PyTorch's float32 was 1.1 to 1.4 times as fast on Intel's cores, in two runs
    each, and bf16 1.7 to 2.0 times as fast on AMD's (Zen 4).
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    supported = getattr(torch.backends.cpu, "get_cpu_capability", lambda: "")()
    words = _cpu_words()
    vectors_pay = {"avx512_bf16", "AuthenticAMD"} <= words
    return "AVX512" in supported and ("amx_bf16" in words or vectors_pay)


def has_fast_int8() -> bool:
    """Return whether the CPU multiplies in 8 bits, four to an instruction's lane; else they save little."""
    return not _cpu_words().isdisjoint({"avx512_vnni", "avx_vnni", "amx_int8"})


def _cpu_words() -> frozenset[str]:
    """Return the maker and the instruction sets of the CPU as Linux names them; nothing elsewhere."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="ignore") as file:
            lines = [line for line in file if line.startswith(("vendor_id", "flags"))]
    except OSError:
        return frozenset()
    return frozenset(word for line in lines[:2] for word in line.split())


class NetworkPredictor:
    """Predict G_seen with one loaded network on one device; what `batching.Predictor` asks for.

    A `long_run` on a CPU lets OpenVINO do the convolutions where it is installed; its start costs some seconds. On a
    GPU it finds the fastest batch by trying, and two threads may ask, whose copies and passes overlap.
    """

    def __init__(self, model: LoadedModel, settings: GradeSettings, *, long_run: bool = False) -> None:
        if model.card.input != "crop":
            raise WeightsError(f"Weights {model.name} were trained on whole images; grading needs a model of crops.")
        self.device = choose_device(settings.device)
        fast = settings.precision == "auto" and has_fast_bf16(self.device)
        self.bf16 = settings.precision == "bf16" or fast
        self.network = to_device(model.network, self.device).eval()
        self.card: ModelCard = model.card
        self.name, self.sha256 = model.name, model.sha256
        self.openvino: OpenVinoDescriptors | None = None
        self.streams, self.batch = 1, settings.batch or BATCH
        self._of_thread = threading.local()
        if self.device.type == "cuda":
            self.streams = 2
            if long_run and not settings.batch:
                self.batch = self._fastest_batch()
        elif long_run and model.network.judge is not None and is_installed():
            int8 = settings.precision == "auto" and has_fast_int8()
            self.openvino = OpenVinoDescriptors(
                self.network, model.card.tile_px, bf16=self.bf16, int8=int8, sha256=model.sha256
            )
            self.streams, self.batch = CORES, min(settings.batch or AT_ONCE, AT_ONCE)

    @torch.inference_mode()
    def predict(self, tiles: NDArray[np.uint8]) -> TileAnswers:
        """Return what the network says of tiles (n, side, side) uint8, at the model's pixel size."""
        parts, done = [], 0
        while done < len(tiles):
            try:
                parts.append(self._answer(torch.from_numpy(tiles[done : done + self.batch]).unsqueeze(1)))
            except torch.OutOfMemoryError:
                if self.batch == 1:
                    raise
                self.batch //= 2
                logging.warning("The device's memory is full; going on with batches of %d tiles.", self.batch)
                continue
            done += len(parts[-1][0])
        g_seen, unfit, novelty = (torch.cat(column).numpy() for column in zip(*parts, strict=True))
        if self.card.correction:
            grades, too_fine = zip(*self.card.correction, strict=True)
            g_seen = (g_seen - np.interp(g_seen, grades, too_fine)).astype(np.float32)
        return TileAnswers(g_seen, unfit, novelty)

    def _answer(self, part: Tensor) -> tuple[Tensor, ...]:
        """Return what the network says of one batch (n, 1, side, side) uint8, float32 in the computer's memory."""
        if self.openvino is not None:
            return self.network.answer_described(self.openvino(part))
        with self._own_stream():
            if self.device.type == "cuda":
                part = part.pin_memory()  # what is not pinned is copied before the call returns
            part = part.to(self.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
                answers = self.network.answer(part)
            return tuple(answer.float().cpu() for answer in answers)

    def _own_stream(self) -> AbstractContextManager[object]:
        """Let each thread queue its work on a GPU apart, so that one's tiles are copied while the other's are seen."""
        if self.device.type != "cuda":
            return nullcontext()
        if not hasattr(self._of_thread, "stream"):
            self._of_thread.stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        return torch.cuda.stream(self._of_thread.stream)

    @torch.inference_mode()
    def _fastest_batch(self) -> int:
        """Return how many tiles per pass give the most tiles per second; larger batches are tried while it pays."""
        best, most = BATCH, 0.0
        for batch in BATCHES:
            tiles = torch.zeros((batch, 1, self.card.tile_px, self.card.tile_px), dtype=torch.uint8)
            try:
                self._answer(tiles)  # the first pass of a size chooses its algorithms
                began = time.perf_counter()
                for _ in range(TRIED_PASSES):
                    self._answer(tiles)
            except torch.OutOfMemoryError:
                break
            rate = TRIED_PASSES * batch / (time.perf_counter() - began)
            if rate < WORTH_IT * most:
                break
            best, most = batch, rate
        return best
