"""Run the network over tiles: device, precision, batches."""

from __future__ import annotations

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gdest.errors import SettingsError, WeightsError
from gdest.network import LoadedModel, to_device
from gdest.openvino_engine import AT_ONCE, CORES, OpenVinoDescriptors, is_installed
from gdest.records import ModelCard, TileAnswers
from gdest.settings import GradeSettings


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
    """Return whether bf16 is faster than float32 on a device: on a CPU, only where it multiplies whole tiles (AMX).

    With the vector instructions alone (avx512_bf16) PyTorch's float32 was 1.1 to 1.4 times as fast, in two runs each.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    supported = getattr(torch.backends.cpu, "get_cpu_capability", lambda: "")()
    return "AVX512" in supported and _cpu_flag("amx_bf16")


def has_fast_int8() -> bool:
    """Return whether the CPU multiplies in 8 bits, four to an instruction's lane; else they save little."""
    return _cpu_flag("avx512_vnni", "avx_vnni", "amx_int8")


def _cpu_flag(*names: str) -> bool:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="ignore") as file:
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return False
    return any(name in flags.split() for name in names)


class NetworkPredictor:
    """Predict G_seen with one loaded network on one device; what `batching.Predictor` asks for.

    A `long_run` on a CPU lets OpenVINO do the convolutions where it is installed; its start costs some seconds.
    """

    def __init__(self, model: LoadedModel, settings: GradeSettings, *, long_run: bool = False) -> None:
        if model.card.input != "crop":
            raise WeightsError(f"Weights {model.name} were trained on whole images; grading needs a model of crops.")
        self.device = choose_device(settings.device)
        fast = settings.precision == "auto" and has_fast_bf16(self.device)
        self.bf16 = settings.precision == "bf16" or fast
        self.network = to_device(model.network, self.device).eval()
        self.openvino: OpenVinoDescriptors | None = None
        if long_run and self.device.type == "cpu" and model.network.judge is not None and is_installed():
            int8 = settings.precision == "auto" and has_fast_int8()
            self.openvino = OpenVinoDescriptors(
                self.network, model.card.tile_px, bf16=self.bf16, int8=int8, sha256=model.sha256
            )
        self.batch = min(settings.batch, AT_ONCE) if self.openvino else settings.batch
        self.streams = CORES if self.openvino else 1
        self.card: ModelCard = model.card
        self.name, self.sha256 = model.name, model.sha256

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
        g_seen, unfit, novelty = (torch.cat(column).float().cpu().numpy() for column in zip(*parts, strict=True))
        if self.card.correction:
            grades, too_fine = zip(*self.card.correction, strict=True)
            g_seen = (g_seen - np.interp(g_seen, grades, too_fine)).astype(np.float32)
        return TileAnswers(g_seen, unfit, novelty)

    def _answer(self, part: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the network says of one batch (n, 1, side, side) uint8."""
        if self.openvino is not None:
            return self.network.answer_described(self.openvino(part))
        part = part.to(self.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            return self.network.answer(part)
