"""Run the network over tiles: device, precision, batches."""

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

from gdest.core import (
    GradeSettings,
    ModelCard,
    SettingsError,
    TileAnswers,
    Tiles,
    WeightsError,
    cut_parts,
    some_of,
    tiles_of,
)
from gdest.model.device_tiles import cut_on
from gdest.model.network import LoadedModel, to_device
from gdest.model.openvino_engine import AT_ONCE, THREADS, OpenVinoDescriptors, is_installed

BATCH = 64
"""Tiles per pass where nothing else is known."""

LONG_RUN = 50
"""So many files are worth some seconds of preparing the network."""

REPAID_FILES = 1000
"""So many files repay torch.compile, about a minute, where it makes a pass a quarter or more faster."""

BATCHES = (64, 128, 256, 512, 1024)
TRIED_PASSES = 3
WORTH_IT = 1.05
"""What is tried, a larger batch or a compiled network, must see so many times the tiles per second."""


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

    For many `files` it prepares itself longer: on a CPU OpenVINO does the convolutions where it is installed; on a
    GPU the fastest batch is found by trying. Where OpenVINO is not used, torch.compile is tried for very many.
    On a GPU two threads may ask, whose copies and passes overlap, and tiles are cut there.
    """

    def __init__(self, model: LoadedModel, settings: GradeSettings, *, files: int = 1) -> None:
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
        self._pass: Callable[[Tensor], tuple[Tensor, ...]] = self.network.answer
        self._of_thread = threading.local()
        self.cuts_there = self.device.type == "cuda"
        if self.device.type == "cuda":
            self.streams = 2
            if files >= LONG_RUN and not settings.batch:
                self.batch = self._fastest_batch()
        elif files >= LONG_RUN and model.network.judge is not None and is_installed():
            int8 = settings.precision == "auto" and has_fast_int8()
            self.openvino = OpenVinoDescriptors(
                self.network, model.card.tile_px, bf16=self.bf16, int8=int8, sha256=model.sha256
            )
            self.streams, self.batch = THREADS, min(settings.batch or AT_ONCE, AT_ONCE)
        if files >= REPAID_FILES and self.openvino is None:
            self._compile()

    @torch.inference_mode()
    def predict(self, parts: Sequence[Tiles]) -> TileAnswers:
        """Return what the network says of the tiles of all parts, at the model's pixel size."""
        found, done, count = [], 0, sum(map(len, parts))
        while done < count:
            try:
                found.append(self._answer(some_of(parts, done, done + self.batch)))
            except torch.OutOfMemoryError:
                if self.batch == 1:
                    raise
                self.batch //= 2
                logging.warning("The device's memory is full; going on with batches of %d tiles.", self.batch)
                continue
            done += len(found[-1][0])
        g_seen, unfit, novelty = (torch.cat(column).numpy() for column in zip(*found, strict=True))
        if self.card.correction:
            grades, too_fine = zip(*self.card.correction, strict=True)
            g_seen = (g_seen - np.interp(g_seen, grades, too_fine)).astype(np.float32)
        return TileAnswers(g_seen, unfit, novelty)

    def _answer(self, parts: Sequence[Tiles]) -> tuple[Tensor, ...]:
        """Return what the network says of one batch, float32 in the computer's memory."""
        if self.openvino is not None:
            return self.network.answer_described(self.openvino(_batch(parts)))
        with self._own_stream():
            tiles = cut_on(self.device, parts) if self.cuts_there else _batch(parts).to(self.device)
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
                answers = self._pass(tiles.contiguous(memory_format=torch.channels_last))
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
            try:
                rate = self._tiles_per_second(batch)
            except torch.OutOfMemoryError:
                break
            if rate < WORTH_IT * most:
                break
            best, most = batch, rate
        return best

    @torch.inference_mode()
    def _compile(self) -> None:
        """Let torch.compile make the passes faster, where a trial says that it does; it needs a C++ compiler."""
        plain = self._tiles_per_second(self.batch)
        compiled = torch.compile(self.network.answer, options={"freezing": True} if self.device.type == "cpu" else None)
        self._pass = partial(self._of_one_size, compiled)
        try:
            if self._tiles_per_second(self.batch) >= WORTH_IT * plain:
                return
        except Exception as error:  # it raises many kinds, of its own and of the compiler
            logging.info("torch.compile does not work here (%s); going on without.", type(error).__name__)
        self._pass = self.network.answer

    def _of_one_size(self, compiled: Callable[[Tensor], tuple[Tensor, ...]], tiles: Tensor) -> tuple[Tensor, ...]:
        """Fill a batch up, since each size would be compiled anew; return what is said of the tiles themselves."""
        missing = max(0, self.batch - len(tiles))  # another thread may have halved the batch meanwhile
        filled = functional.pad(tiles, (0, 0, 0, 0, 0, 0, 0, missing)).contiguous(memory_format=torch.channels_last)
        return tuple(answer[: len(tiles)] for answer in compiled(filled))

    def _tiles_per_second(self, batch: int) -> float:
        tiles = [tiles_of(np.zeros((batch, self.card.tile_px, self.card.tile_px), np.uint8))]
        self._answer(tiles)  # the first pass of a size chooses its algorithms
        began = time.perf_counter()
        for _ in range(TRIED_PASSES):
            self._answer(tiles)
        return TRIED_PASSES * batch / (time.perf_counter() - began)


def _batch(parts: Sequence[Tiles]) -> Tensor:
    return torch.from_numpy(cut_parts(parts)).unsqueeze(1)
