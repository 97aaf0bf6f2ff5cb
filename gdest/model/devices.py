"""Choose the device and the precision that a network runs on, by what the machine can do."""

from __future__ import annotations

import torch

from gdest.core import SettingsError


def choose_device(wanted: str) -> torch.device:
    """Return the device for `auto`, `cpu`, `cuda`, `cuda:1`...; raise `SettingsError` when it is missing."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise SettingsError(f"--device {wanted}: unknown device; use auto, cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SettingsError("--device cuda was asked for, but torch finds no CUDA device.")
    return device


def chooses_bf16(precision: str, device: torch.device) -> bool:
    """Return whether a network runs in bf16 with `precision` auto, bf16 or fp32."""
    return precision == "bf16" or (precision == "auto" and has_fast_bf16(device))


def chooses_int8(precision: str) -> bool:
    """Return whether OpenVINO computes convolutions in 8 bits with `precision` auto, bf16 or fp32."""
    return precision == "auto" and has_fast_int8()


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
    """Return whether the CPU has instructions that multiply in 8 bits; without them 8 bits save little."""
    return not _cpu_words().isdisjoint({"avx512_vnni", "avx_vnni", "amx_int8"})


def _cpu_words() -> frozenset[str]:
    """Return the maker and the instruction sets of the CPU as Linux names them; an empty set on other systems."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="ignore") as file:
            lines = [line for line in file if line.startswith(("vendor_id", "flags"))]
    except OSError:
        return frozenset()
    return frozenset(word for line in lines[:2] for word in line.split())
