"""Choose engine, precision and device, by what the machine can do and what is asked for: never by the number of files.

Without PyTorch where there is no NVIDIA driver: a scan of nothing new needs none, but must know its recipe.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gdest.core import CORES, GradeSettings, ModelCard, SettingsError

if TYPE_CHECKING:
    import torch

MOST_G_GAP = 0.03
"""G of a single tile, on average; of the mean of a micrograph's tiles it is less than half of that."""

DRIVERS = ("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/dxg")
"""What the driver of an NVIDIA card makes, the last on Windows' own Linux."""

OF_A_GPU = 0.85
"""The share of a GPU's memory that workers divide among them; the rest is for what CUDA itself needs for each."""

Precision = Literal["fp32", "bf16", "int8"]


@dataclass(frozen=True)
class EngineChoice:
    """Name what may change the last digits of an answer; it is part of the recipe."""

    engine: Literal["torch", "openvino"]
    precision: Precision
    device: Literal["cpu", "cuda"]


def choose_engine(settings: GradeSettings, card: ModelCard) -> EngineChoice:
    """Return the engine for weights with a card; raise `SettingsError` for 8 bits that cannot be had.

    PyTorch in float32, or bf16 where that is fast, unless 8 bits are asked for, which only OpenVINO computes. On 277
    fields PyTorch's bf16 moved the estimate by at most 0.027 G, OpenVINO's by 0.046 and 8 bits by 0.074
    (`tests/benchmarks/engines.py`), and what moves one field by more than 0.03 is no default.
    """
    device = settings.device
    if device == "auto":
        device = "cuda" if has_cuda() else "cpu"
    kind: Literal["cpu", "cuda"] = "cpu" if device.startswith("cpu") else "cuda"
    if settings.precision == "int8":
        _check_8_bits(card, kind)
        return EngineChoice("openvino", "int8", kind)
    if settings.precision == "auto":
        return EngineChoice("torch", "bf16" if has_fast_bf16(kind) else "fp32", kind)
    return EngineChoice("torch", settings.precision, kind)


def _check_8_bits(card: ModelCard, device: str) -> None:
    if device != "cpu" or not openvino_is_installed():
        raise SettingsError("--precision int8 needs a CPU and OpenVINO: pip install 'gdest[openvino]'.")
    if card.int8_g_gap is None:
        raise SettingsError("--precision int8: these weights have no int8_limits; gdest train --epochs 0 adds them.")
    if card.int8_g_gap > MOST_G_GAP:
        raise SettingsError(f"--precision int8: 8 bits change G of a tile by {card.int8_g_gap:.2f} with these weights.")


def choose_device(wanted: str) -> torch.device:
    """Return the device for `auto`, `cpu`, `cuda`, `cuda:1`...; raise `SettingsError` when it is missing."""
    import torch

    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise SettingsError(f"--device {wanted}: unknown device; use auto, cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SettingsError("--device cuda was asked for, but torch finds no CUDA device.")
    return device


def take_part(settings: GradeSettings, choice: EngineChoice, number: int, of: int) -> GradeSettings:
    """Let this process take one of so many parts of the machine: of the cores, or of one of the GPUs in turn.

    Returns the settings with that GPU. A batch for which its part of the memory is too small is halved, as ever.
    """
    import torch

    torch.set_num_threads(max(1, min(torch.get_num_threads(), CORES // of)))
    if choice.device == "cpu":
        return settings
    gpus = torch.cuda.device_count() if settings.device in ("auto", "cuda") else 1
    device = choose_device(f"cuda:{number % gpus}" if gpus > 1 else settings.device)
    torch.cuda.set_per_process_memory_fraction(OF_A_GPU * min(gpus / of, 1), device.index or 0)
    return replace(settings, device=str(device))


def has_cuda() -> bool:
    """Return whether torch finds a GPU; without a driver it is not asked."""
    if "torch" not in sys.modules and not any(Path(driver).exists() for driver in DRIVERS):
        return False
    import torch

    return torch.cuda.is_available()


def openvino_is_installed() -> bool:
    """Return whether the extra `gdest[openvino]` is there."""
    return importlib.util.find_spec("openvino") is not None


def has_fast_bf16(device: str) -> bool:
    """Return whether bf16 is faster than float32 on a device: on a GPU, on a CPU with AMX, or AMD's with avx512_bf16.

    With these vector instructions alone PyTorch's float32 was 1.1 to 1.4 times as fast on Intel's cores, in two runs
    each, and bf16 1.7 to 2.0 times as fast on AMD's (Zen 4). Every GPU that PyTorch runs on takes bf16.
    """
    words = _cpu_words()
    return device != "cpu" or "amx_bf16" in words or {"avx512_bf16", "AuthenticAMD"} <= words


def _cpu_words() -> frozenset[str]:
    """Return the maker and the instruction sets of the CPU as Linux names them; an empty set on other systems."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="ignore") as file:
            lines = [line for line in file if line.startswith(("vendor_id", "flags"))]
    except OSError:
        return frozenset()
    return frozenset(word for line in lines[:2] for word in line.split())
